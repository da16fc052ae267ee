"""What a seed says: who releases what, who orders what, and what breaks when. PURE.

The plan is the same for the same seed; what real processes make of it is not.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

# Seconds that a fault lasts, from … to. 0: it strikes and is over.
KINDS: dict[str, tuple[float, float]] = {
    "worker_killed": (0, 0),
    "worker_stopped": (3.3, 4.5),
    "beat_killed": (0, 0),
    "web_killed": (0, 0),
    "broker_flushed": (0, 0),
    "broker_down": (0.5, 3),
    "postgres_crashed": (0, 0),
    "source_stopped": (1, 4),
    "source_gone": (1, 4),
    # Longer than the ten seconds after which a source counts as lost.
    "source_lost": (11, 13),
    "balancer_deaf": (1, 3),
    "balancer_stopped": (0.5, 3),
    "receiver_refuses": (1, 3),
    "receiver_hangs": (1, 3),
    "receiver_down": (1, 3),
    "disk_full": (2, 4),
}
# Schedules side by side: each in an environment and on services of its own, which the seed says.
LANES = ("north", "south", "east")
SERVICES = {lane: tuple(f"{lane}{n}" for n in range(5)) for lane in LANES}
# It lasts, so it comes only when it is its turn.
RARE = "source_lost"
GOOD, BAD = "good", "bad"
PAUSE, ABORT = "pause", "abort"
# The faults begin within so many seconds, the submissions earlier.
FAULTS_S, SUBMISSIONS_S, ORDERS_S = 3.5, 0.6, 2.5


@dataclass(frozen=True)
class Actor:
    service: str
    fate: str
    at: float
    # A person's order, so many seconds after the rollout is there.
    order: str = ""
    order_after: float = 0.0


@dataclass(frozen=True)
class Strike:
    kind: str
    at: float
    lasts: float
    # Which of several, or how soon after a request, 0…1.
    where: float


@dataclass(frozen=True)
class Plan:
    seed: int
    environment: str
    actors: tuple[Actor, ...]
    strikes: tuple[Strike, ...]
    # When somebody hands something in meanwhile, with a key.
    clients: tuple[float, ...]

    @property
    def kinds(self) -> set[str]:
        return {strike.kind for strike in self.strikes}


def lane_of(seed: int) -> str:
    return LANES[seed % len(LANES)]


def draw(seed: int, without: frozenset[str] = frozenset()) -> Plan:
    rng = random.Random(f"chaos/{seed}")
    kinds = [kind for kind in KINDS if kind not in without]
    return Plan(
        seed=seed,
        environment=lane_of(seed),
        actors=tuple(_actors(rng, seed)),
        strikes=tuple(_strikes(rng, seed, kinds)),
        clients=tuple(round(rng.uniform(0, FAULTS_S), 2) for _ in range(2)),
    )


def _actors(rng: random.Random, seed: int) -> list[Actor]:
    """In turn, so that a service has some rest. Two bad ones at most: three would be a storm."""
    fates = rng.choice([(GOOD, BAD), (GOOD, BAD, GOOD), (BAD, GOOD, BAD)])
    services = SERVICES[lane_of(seed)]
    first = 3 * (seed // len(LANES))
    found = []
    for n, fate in enumerate(fates):
        order = rng.choice(["", "", PAUSE, ABORT])
        at = round(rng.uniform(0, SUBMISSIONS_S), 2)
        after = round(rng.uniform(0, ORDERS_S), 2) if order else 0.0
        found.append(Actor(services[(first + n) % len(services)], fate, at, order, after))
    return found


def _strikes(rng: random.Random, seed: int, kinds: Sequence[str]) -> list[Strike]:
    """Two to four of different kinds; the first goes round, so that none is rare."""
    first = kinds[seed % len(kinds)]
    usual = [kind for kind in kinds if kind not in {first, RARE}]
    others = rng.sample(usual, rng.randint(1, 3))
    return [_strike(rng, kind) for kind in (first, *others)]


def _strike(rng: random.Random, kind: str) -> Strike:
    at = round(rng.uniform(SUBMISSIONS_S, FAULTS_S), 2)
    return Strike(kind, at, round(rng.uniform(*KINDS[kind]), 2), round(rng.random(), 3))
