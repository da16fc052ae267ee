"""One commit as the invariants see it: the rows before and after it, and what was really said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.rows import Rows, inputs_of, new_in

NEAR = 1e-6


class ViolationError(AssertionError):
    pass


class Known(Protocol):
    """What only the schedule knows."""

    said: dict[int, tuple[str, str, datetime]]
    specs: dict[str, Any]
    # Share and generation that the executor last answered an actor for a placement.
    answered: dict[tuple[str, int], tuple[float, int]]
    # Of each actor: the token it holds of a placement.
    tokens: dict[str, dict[int, int]]
    aborted: set[str]


@dataclass
class Step:
    before: Rows
    after: Rows
    actor: str
    action: str
    now: datetime
    known: Known


Check = Callable[[Step], Iterator[str]]


def phases(step: Step) -> Iterator[tuple[Any, Any]]:
    for key, new in step.after.rollouts.items():
        old = step.before.rollouts.get(key)
        if old is not None and old.phase != new.phase:
            yield new, old


def told(step: Step, change: str, kind: str) -> bool:
    return any(
        m.change_id == change and m.type == f"rollout.{kind}"
        for m in new_in(step.before.messages, step.after.messages)
    )


def automatic(step: Step) -> Iterator[tuple[Any, Any]]:
    for decision in new_in(step.before.decisions, step.after.decisions):
        if decision.actor == "graygate" and decision.rollout in step.known.specs:
            inputs = inputs_of(decision.rollout, decision.sequence)
            if "snapshot" in inputs:
                yield decision, inputs
