"""Who plays what: everything about the story that the seed decides. PURE."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from demo.fleet.layout import CALLS, SERVICES

Role = Literal["culprit", "good", "innocent"]
Kind = Literal["deploy", "config"]


# Five times the usual share of errors. Two of them add up at the entry, to a third of what its
# guardrails tolerate: of more than about half of that the judge never says that it passes.
QUIRK: dict[str, Any] = {"kind": "quirk", "share": 0.002, "seconds": 0.05}


@dataclass(frozen=True)
class Actor:
    """One change of the story."""

    role: Role
    service: str
    kind: Kind
    # Without guardrails only attribution can find it.
    guarded: bool = True
    # It differs from what runs now, and harms nobody.
    quirky: bool = False


@dataclass(frozen=True)
class Round:
    number: int
    title: str
    # In the order in which they are submitted, with the pause before each, in seconds.
    actors: tuple[Actor, ...]
    pauses: tuple[float, ...]
    fault: dict[str, Any] | None = None
    # The service whose symptom an alert tells.
    alerting: str = ""
    # What may be done to a sound change for a while, as long as it is undone.
    forgiven: frozenset[str] = frozenset()
    # How many times as long as one of three changes.
    long: float = 1.0

    @property
    def culprit(self) -> Actor | None:
        return next((a for a in self.actors if a.role == "culprit"), None)


def callers(service: str) -> tuple[str, ...]:
    return tuple(name for name, callees in CALLS.items() if service in callees)


def upstream(service: str) -> tuple[str, ...]:
    """Whoever waits for it, directly or through others; nearest first."""
    direct = callers(service)
    return tuple(dict.fromkeys([*direct, *(up for each in direct for up in upstream(each))]))


def neighbours(service: str) -> tuple[str, ...]:
    return CALLS[service] + callers(service)


def cast(seed: int) -> tuple[Round, ...]:
    """Each round draws from a source of its own: playing round two alone plays the same one."""
    return (
        round_one(random.Random(f"{seed}/1")),
        round_two(random.Random(f"{seed}/2")),
        round_three(random.Random(f"{seed}/3")),
        round_four(random.Random(f"{seed}/4")),
    )


def round_one(draw: random.Random) -> Round:
    bad = draw.choice(SERVICES)
    neighbour = draw.choice(neighbours(bad))
    good = draw.choice([s for s in SERVICES if s not in (bad, neighbour)])
    fault: dict[str, Any] = draw.choice(
        [
            {"kind": "errors", "share": draw.choice([0.05, 0.08, 0.15])},
            {"kind": "latency", "share": draw.choice([0.3, 0.6]), "seconds": 1.5},
            {"kind": "dead"},
        ]
    )
    actors = [
        Actor("culprit", bad, "deploy"),
        Actor("good", good, "deploy"),
        Actor("innocent", neighbour, "config"),
    ]
    title = "three changes at once, one of them is bad"
    return _round(draw, 1, title, actors, fault=fault)


def round_two(draw: random.Random) -> Round:
    bad = draw.choice([s for s in SERVICES if callers(s)])
    caller = draw.choice(callers(bad))
    good = draw.choice([s for s in SERVICES if s not in (bad, caller)])
    fault: dict[str, Any] = draw.choice(
        [{"kind": "errors", "share": draw.choice([0.2, 0.3])}, {"kind": "dead"}]
    )
    actors = [
        Actor("culprit", bad, "deploy", guarded=False),
        Actor("good", good, "deploy"),
        # On the very service that shows the symptom: the obvious suspect, and the wrong one.
        Actor("innocent", caller, "config"),
    ]
    title = "the culprit guards nothing; its caller raises the alarm"
    return _round(draw, 2, title, actors, fault=fault, alerting=caller)


def round_three(draw: random.Random) -> Round:
    first, second, third = draw.sample(SERVICES, 3)
    actors = [
        Actor("good", first, "deploy"),
        Actor("good", second, "deploy"),
        Actor("innocent", third, "config"),
    ]
    return _round(draw, 3, "nothing is wrong, so nothing is rolled back", actors)


def round_four(draw: random.Random) -> Round:
    """One change on every service; two or three of the five guard nothing, the culprit perhaps."""
    bad, *others = draw.sample(SERVICES, len(SERVICES))
    blind = draw.sample(SERVICES, draw.choice([2, 3]))
    quirky = draw.sample(others, 2)
    configs = others[: draw.choice([2, 3])]
    fault: dict[str, Any] = draw.choice(
        [
            {"kind": "errors", "share": draw.choice([0.2, 0.3])},
            {"kind": "latency", "share": draw.choice([0.3, 0.6]), "seconds": 1.5},
            {"kind": "dead"},
        ]
    )
    actors = [Actor("culprit", bad, "deploy", bad not in blind)]
    for service in others:
        kind: Kind = "config" if service in configs else "deploy"
        role: Role = "innocent" if service in configs else "good"
        actors.append(Actor(role, service, kind, service not in blind, service in quirky))
    draw.shuffle(actors)
    return Round(
        number=4,
        title="five changes at once, one of them is bad",
        actors=tuple(actors),
        pauses=_pauses(draw, actors),
        fault=fault,
        # Wherever the trouble shows: on the service itself, or on anybody who waits for it.
        alerting=draw.choice([bad, *upstream(bad)]),
        forgiven=frozenset({"halt"}),
        long=2.0,
    )


def _round(
    draw: random.Random,
    number: int,
    title: str,
    actors: list[Actor],
    *,
    fault: dict[str, Any] | None = None,
    alerting: str = "",
) -> Round:
    draw.shuffle(actors)
    return Round(number, title, tuple(actors), _pauses(draw, actors), fault, alerting)


def _pauses(draw: random.Random, actors: Sequence[Actor]) -> tuple[float, ...]:
    return (0.0, *(round(draw.uniform(0.2, 1.5), 1) for _ in actors[1:]))
