"""The three state machines as tables: (state, event, guard) -> state.

The tables are the only place where a transition is written. They generate the diagrams in the
docs, the tests of every legal and illegal pair, and the rows that a database trigger checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WATCHING = "watching"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    WRITTEN_OFF = "written_off"
    COMPLETED = "completed"
    CANCELED = "canceled"


class StageState(StrEnum):
    PENDING = "pending"
    PRE_CHECK = "pre_check"
    APPLYING = "applying"
    BAKING = "baking"
    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    SKIPPED = "skipped"
    STOPPED = "stopped"


class ChangeState(StrEnum):
    SUBMITTED = "submitted"
    ASSESSING = "assessing"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    EXECUTING = "executing"
    EXTERNAL = "external"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELED = "canceled"


class HoldKind(StrEnum):
    PAUSED = "paused"
    HALTED = "halted"
    # Attribution's word alone: it ends by itself, and is never anything but a hold.
    SUSPECTED = "suspected"
    # A person tells two suspects apart: it ends by itself when its time is up.
    TELLING_APART = "telling_apart"
    FROZEN = "frozen"
    # Others in its environment fail together: it may be next. A person lets it go on.
    COMMON_CAUSE = "common_cause"
    SOURCE_LOST = "source_lost"
    DRIFT = "drift"
    UNKNOWN_OUTCOME = "unknown_outcome"


def choices(states: type[StrEnum]) -> list[tuple[str, str]]:
    """(value, label) pairs, as a form or a model field takes them."""
    return [(str(s), s.replace("_", " ")) for s in states]


@dataclass(frozen=True)
class Transition:
    source: str
    event: str
    target: str
    guard: str = ""


class IllegalTransitionError(ValueError):
    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine} in state {state!r} does not take {event!r}")
        self.machine, self.state, self.event = machine, state, event


def _rows(*rows: tuple[str, str, str] | tuple[str, str, str, str]) -> tuple[Transition, ...]:
    return tuple(Transition(*row) for row in rows)


P, S, C = Phase, StageState, ChangeState

ROLLOUT = _rows(
    (P.PENDING, "start", P.RUNNING, "no freeze, no conflict"),
    (P.PENDING, "cancel", P.CANCELED),
    (P.PENDING, "expire", P.CANCELED),
    (P.RUNNING, "advance", P.RUNNING, "no hold; the stage passed or was waived"),
    (P.RUNNING, "abort", P.ROLLING_BACK),
    (
        P.RUNNING,
        "culprit",
        P.ROLLING_BACK,
        "reversible; evidence stands after attribution_wait, or the leading suspect, one at a time",
    ),
    (P.RUNNING, "superseded", P.ROLLING_BACK),
    (P.RUNNING, "all_stages", P.WATCHING, "every stage passed or waived"),
    (P.WATCHING, "late_fail", P.ROLLING_BACK, "reversible"),
    (P.WATCHING, "abort", P.ROLLING_BACK),
    (P.WATCHING, "undo_expired", P.COMPLETED),
    # The new version takes over what is left of the watch: nothing is brought back first.
    (P.WATCHING, "superseded", P.COMPLETED),
    (P.ROLLING_BACK, "all_zero", P.ROLLED_BACK, "observed zero on every placement"),
    (P.ROLLING_BACK, "exhausted", P.ROLLBACK_FAILED),
    (P.ROLLING_BACK, "irreversible", P.ROLLBACK_FAILED),
    (P.ROLLBACK_FAILED, "retry", P.ROLLING_BACK),
    (P.ROLLBACK_FAILED, "all_zero", P.ROLLED_BACK),
    (P.ROLLBACK_FAILED, "accept", P.WRITTEN_OFF, "two people"),
    (P.ROLLED_BACK, "reappeared", P.ROLLING_BACK, "observed exposure above zero"),
)

STAGE = _rows(
    (S.PENDING, "check", S.PRE_CHECK),
    (S.PRE_CHECK, "open", S.APPLYING, "every gate open, no hold"),
    (S.PRE_CHECK, "skip", S.SKIPPED, "break-glass"),
    (S.PENDING, "skip", S.SKIPPED, "break-glass"),
    (S.APPLYING, "applied", S.BAKING, "observed equals desired on every placement"),
    (S.APPLYING, "withhold", S.PRE_CHECK, "a hold came before the exposure was seen"),
    (S.APPLYING, "step_down", S.PRE_CHECK, "a person tells two suspects apart"),
    (S.BAKING, "step_down", S.PRE_CHECK, "a person tells two suspects apart"),
    (S.BAKING, "pass", S.PASSED, "min time, min samples, verdict pass"),
    (S.BAKING, "fail", S.FAILED),
    (S.APPLYING, "fail", S.FAILED),
    (S.BAKING, "waive", S.WAIVED, "a person's promote names this stage"),
    (S.FAILED, "waive", S.WAIVED, "a person's promote names this stage"),
    (S.FAILED, "retry", S.PRE_CHECK, "new epoch"),
    (S.BAKING, "retry", S.PRE_CHECK, "new epoch"),
    *((state, "stop", S.STOPPED) for state in (S.PENDING, S.PRE_CHECK, S.APPLYING, S.BAKING)),
)

CHANGE = _rows(
    (C.SUBMITTED, "assess", C.ASSESSING),
    (C.ASSESSING, "allow", C.APPROVED),
    (C.ASSESSING, "ask", C.PENDING_APPROVAL),
    (C.ASSESSING, "reject", C.REJECTED),
    (C.PENDING_APPROVAL, "approve", C.APPROVED, "enough people, none of them the author"),
    (C.PENDING_APPROVAL, "reject", C.REJECTED),
    (C.PENDING_APPROVAL, "expire", C.EXPIRED),
    (C.PENDING_APPROVAL, "cancel", C.CANCELED),
    (C.PENDING_APPROVAL, "new_input", C.ASSESSING),
    (C.APPROVED, "schedule", C.SCHEDULED),
    (C.APPROVED, "execute", C.EXECUTING, "one rollout a change"),
    (C.APPROVED, "hand_out", C.EXTERNAL, "L0 or L1"),
    (C.APPROVED, "cancel", C.CANCELED),
    (C.SCHEDULED, "execute", C.EXECUTING),
    (C.SCHEDULED, "missed", C.APPROVED),
    (C.SCHEDULED, "cancel", C.CANCELED),
    (C.EXTERNAL, "succeed", C.SUCCEEDED),
    (C.EXTERNAL, "fail", C.FAILED),
    (C.EXTERNAL, "lose", C.UNKNOWN),
)

MACHINES: Mapping[str, tuple[Transition, ...]] = {
    "rollout": ROLLOUT,
    "stage": STAGE,
    "change": CHANGE,
}
_TARGET = {(m, t.source, t.event): t.target for m, rows in MACHINES.items() for t in rows}

FINAL_PHASES = frozenset({P.COMPLETED, P.ROLLED_BACK, P.WRITTEN_OFF, P.CANCELED})
# Nothing is left to do for a target; a rolled back one is still watched.
AT_REST = FINAL_PHASES - {P.ROLLED_BACK}
OPEN_STAGES = frozenset({S.PENDING, S.PRE_CHECK, S.APPLYING, S.BAKING})
CURRENT_STAGES = frozenset({S.PRE_CHECK, S.APPLYING, S.BAKING, S.FAILED})
DONE_STAGES = frozenset({S.PASSED, S.WAIVED, S.SKIPPED})


# Whoever has one of these is shown as halted or paused; the gravest first.
SHOWN_HOLDS: Mapping[str, frozenset[str]] = {
    HoldKind.HALTED: frozenset({HoldKind.HALTED, HoldKind.SUSPECTED}),
    HoldKind.PAUSED: frozenset({HoldKind.PAUSED, HoldKind.TELLING_APART}),
}


def step(machine: str, state: str, event: str) -> str:
    """The state after `event`. Raises IllegalTransitionError for a pair that is in no table."""
    try:
        return _TARGET[machine, state, event]
    except KeyError:
        raise IllegalTransitionError(machine, state, event) from None


def shown_state(phase: str, holds: frozenset[str]) -> str:
    """What the outside sees: terminal or rolling_back > halted > paused > running."""
    if phase not in {P.PENDING, P.RUNNING, P.WATCHING}:
        return phase
    for shown, kinds in SHOWN_HOLDS.items():
        if kinds & holds:
            return shown
    return phase


def may_grow(phase: str, holds: frozenset[str]) -> bool:
    return phase == P.RUNNING and not holds
