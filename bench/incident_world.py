"""A fleet and the changes under way on it: who calls whom, what is usual, who is exposed when.

Times are seconds from the beginning of the simulated time; nothing here knows of faults.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HORIZON_S = 7200.0
STEPS_S = (10.0, 15.0, 30.0, 60.0)
PLANS = (
    (0.01, 0.05, 0.25, 0.5, 1.0),
    (0.05, 0.2, 0.5, 1.0),
    (0.1, 0.33, 1.0),
    (0.02, 0.1, 0.3, 1.0),
)
KINDS = ("deploy", "deploy", "config", "feature_flag", "infrastructure")
RISKS = ("low", "low", "medium", "medium", "high")
MOST_CHANGES = 20
MOST_CALLS = 4


@dataclass(frozen=True)
class Usual:
    """Of one service when nothing is wrong; the offsets are how its canary differs for no reason,
    on the log.
    """

    requests: float  # a second
    errors: float
    slow: float
    latency_s: float
    cpu: float
    offset_errors: float
    offset_latency: float
    dispersion: float
    quiet: bool  # reports nothing of itself; its callers do


@dataclass(frozen=True)
class Change:
    id: str
    service: str
    kind: str
    risk: str
    steps: tuple[tuple[float, float], ...]  # (at, share), ascending
    # Is there a canary to compare with a control? Not with what went everywhere at once.
    controlled: bool = True

    @property
    def begins(self) -> float:
        return self.steps[0][0]

    def share(self, t: Floats) -> Floats:
        found = np.zeros_like(t)
        for at, share in self.steps:
            found = np.where(t >= at, share, found)
        return found


@dataclass(frozen=True)
class World:
    step: float
    t: Floats  # the end of each interval
    calls: dict[str, tuple[str, ...]]
    usual: dict[str, Usual]
    coupling: dict[tuple[str, str], float]  # which part of a callee's errors becomes the caller's
    changes: tuple[Change, ...]

    @property
    def callees_first(self) -> list[str]:
        """Services call only those of a higher number."""
        return sorted(self.calls, reverse=True)

    def callers(self, service: str) -> list[str]:
        return sorted(name for name, callees in self.calls.items() if service in callees)

    def of(self, service: str) -> Change | None:
        """The change whose canary the service's canary is."""
        return next((c for c in self.changes if c.service == service and c.controlled), None)

    def below(self, service: str) -> dict[str, int]:
        """What it reaches, with the number of calls; itself at 0."""
        found, frontier = {service: 0}, [service]
        for name in frontier:
            for callee in self.calls[name]:
                if callee not in found:
                    found[callee] = found[name] + 1
                    frontier.append(callee)
        return found

    def with_changes(self, *more: Change) -> "World":
        return replace(self, changes=(*self.changes, *more))


def build(rng: np.random.Generator) -> World:
    """10 to 500 services; no change yet."""
    names = [f"s{i:03d}" for i in range(int(np.exp(rng.uniform(np.log(10), np.log(500)))))]
    calls = _calls(rng, names)
    step = float(rng.choice(STEPS_S))
    return World(
        step=step,
        t=np.arange(step, HORIZON_S, step),
        calls=calls,
        usual={name: _usual(rng) for name in names},
        coupling={
            (name, callee): float(rng.uniform(0.3, 1.0)) for name in names for callee in calls[name]
        },
        changes=(),
    )


def _calls(rng: np.random.Generator, names: list[str]) -> dict[str, tuple[str, ...]]:
    """Each but the first is called by somebody before it, rather by a near one."""
    calls: dict[str, set[str]] = {name: set() for name in names}
    for place, name in enumerate(names[1:], 1):
        for _ in range(1 + rng.poisson(0.5)):
            caller = names[int(place * rng.power(1.5))]
            if len(calls[caller]) < MOST_CALLS or not any(name in each for each in calls.values()):
                calls[caller].add(name)
    return {name: tuple(sorted(each)) for name, each in calls.items()}


def _usual(rng: np.random.Generator) -> Usual:
    return Usual(
        requests=float(np.exp(rng.uniform(np.log(3), np.log(200)))),
        errors=float(np.exp(rng.uniform(np.log(1e-4), np.log(8e-3)))),
        slow=float(np.exp(rng.uniform(np.log(3e-3), np.log(0.05)))),
        latency_s=float(np.exp(rng.uniform(np.log(0.01), np.log(0.5)))),
        cpu=float(rng.uniform(0.1, 0.6)),
        offset_errors=float(rng.normal(0, 0.1)),
        offset_latency=float(rng.normal(0, 0.03)),
        dispersion=float(rng.choice([1.0, 1.0, 2.0, 4.0])),
        quiet=bool(rng.random() < 0.1),
    )


def staged(rng: np.random.Generator, name: str, service: str, begins: float) -> Change:
    """Grows to everywhere by one of the usual plans, sometimes with a pause at 0 between."""
    plan = PLANS[rng.integers(len(PLANS))]
    bake = float(rng.uniform(240, 900))
    steps = [(begins + i * bake, share) for i, share in enumerate(plan)]
    if rng.random() < 0.15:
        cut = int(rng.integers(1, len(plan)))
        pause = (steps[cut][0], 0.0)
        later = [(at + bake / 2, share) for at, share in steps[cut:]]
        steps = [*steps[:cut], pause, *later]
    return Change(name, service, _of(rng, KINDS), _of(rng, RISKS), tuple(steps))


def at_once(rng: np.random.Generator, name: str, service: str, begins: float) -> Change:
    kind = _of(rng, ("config", "config", "sql_migration", "feature_flag"))
    return Change(name, service, kind, _of(rng, RISKS), ((begins, 1.0),), controlled=False)


def bystanders(rng: np.random.Generator, world: World, culprit: Change | None) -> World:
    """Other changes: anywhere, at any time of the hour before; many of them at the culprit's."""
    taken = {culprit.service} if culprit else set()
    free = [name for name in sorted(world.calls) if name not in taken]
    wanted = min(int(rng.integers(1, MOST_CHANGES + 1)), len(free))
    near = _near(world, culprit)
    found = []
    for place in range(wanted):
        pool = [name for name in free if name in near] or free
        service = _of(rng, pool if rng.random() < 0.5 else free)
        free.remove(service)
        begins = float(rng.uniform(600, HORIZON_S - 900))
        if culprit is not None and rng.random() < 0.3:
            begins = max(60.0, culprit.begins + float(rng.normal(0, 60)))
        make = staged if rng.random() < 0.8 else at_once
        found.append(make(rng, f"c{place + 1:02d}", service, begins))
    return world.with_changes(*found)


def _near(world: World, culprit: Change | None) -> set[str]:
    if culprit is None:
        return set()
    service = culprit.service
    return {*world.callers(service), *world.calls[service]}


def twin(world: World, culprit: Change) -> World:
    """A second change on the same service with the same steps: nothing can tell them apart."""
    return world.with_changes(replace(culprit, id="twin", kind="config"))


def _of(rng: np.random.Generator, choices: "tuple[str, ...] | list[str]") -> str:
    return str(choices[rng.integers(len(choices))])
