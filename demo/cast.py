"""Who plays what: everything about the story that the seed decides. PURE."""

import random
from dataclasses import dataclass
from typing import Any, Literal

from demo.fleet.layout import CALLS, SERVICES

Role = Literal["culprit", "good", "innocent"]


@dataclass(frozen=True)
class Actor:
    """One change of the story."""

    role: Role
    service: str
    kind: Literal["deploy", "config"]
    # Without guardrails only attribution can find it.
    guarded: bool = True


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

    @property
    def culprit(self) -> Actor | None:
        return next((a for a in self.actors if a.role == "culprit"), None)


def callers(service: str) -> tuple[str, ...]:
    return tuple(name for name, callees in CALLS.items() if service in callees)


def neighbours(service: str) -> tuple[str, ...]:
    return CALLS[service] + callers(service)


def cast(seed: int) -> tuple[Round, ...]:
    """Each round draws from a source of its own: playing round two alone plays the same one."""
    return (
        round_one(random.Random(f"{seed}/1")),
        round_two(random.Random(f"{seed}/2")),
        round_three(random.Random(f"{seed}/3")),
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
    pauses = (0.0, *(round(draw.uniform(0.2, 1.5), 1) for _ in actors[1:]))
    return Round(number, title, tuple(actors), pauses, fault, alerting)
