"""The answer to the question of three in the morning: what happened, why, what is left to do.

PURE: facts in, sentences out. The first sentence is the headline.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.web import numbers
from rollout.machine import ChangeState, HoldKind, Phase

UNATTENDED = frozenset({"L3", "L4"})


@dataclass(frozen=True)
class Facts:
    state: str
    now: datetime
    control_level: str = ""
    level: str = ""
    stage: int = 0
    stages: int = 0
    # Exposure now, and when the rollout turned round.
    observed: float = 0.0
    turned_at_share: float | None = None
    targets: int = 0
    at_zero: int = 0
    not_at_zero: Sequence[str] = ()
    last_error: str = ""
    # "canary 5.2% errors against 0.2% control"; empty: nothing is measured.
    numbers: str = ""
    verdict: str = ""
    # What the current stage waits for, in the loop's words.
    waiting: str = ""
    # Attribution's word on this change.
    probability: float | None = None
    exonerated: bool = False
    # Who ordered it, when it was a person; and what was said.
    actor: str = ""
    reason: str = ""
    superseded: bool = False
    evidence_at: datetime | None = None
    zero_at: datetime | None = None
    recovered_at: datetime | None = None
    in_vain_at: datetime | None = None
    # The hold it is shown by ends by itself, and when at the latest.
    by_itself: bool = False
    held_until: datetime | None = None
    measured: bool = False
    rolls_back_at: datetime | None = None
    undo_until: datetime | None = None
    ended_at: datetime | None = None
    approvals: int = 0
    approvals_needed: int = 0
    other_holds: Sequence[str] = ()


def sentences(facts: Facts) -> list[str]:
    tell = TELL.get(facts.state)
    told = tell(facts) if tell else [f"{facts.state.replace('_', ' ').capitalize()}."]
    if facts.state not in ENDED and facts.other_holds:
        told.append(f"Exposure does not grow: {'; '.join(facts.other_holds)}.")
    return [sentence for sentence in told if sentence]


def left_to_do(facts: Facts) -> list[str]:
    """What a person still has to do; empty: nothing."""
    tell = LEFT.get(facts.state)
    return tell(facts) if tell else []


# --- rolled back, and on the way there -------------------------------------------------------


def _cause(facts: Facts) -> str:
    if facts.superseded:
        return "a newer version of the same artefact took its place"
    if facts.actor:
        return f"ordered by {facts.actor}" + (f" (“{facts.reason}”)" if facts.reason else "")
    named = facts.probability is not None and facts.probability >= 0.5
    attribution = f"attribution names this change with {numbers.chance(facts.probability)}"
    if facts.verdict == "fail" and facts.numbers:
        return facts.numbers + (f"; {attribution}" if named else "")
    return facts.reason or (attribution if named else "no reason was recorded")


def _after(facts: Facts) -> str:
    if facts.evidence_at is None or facts.zero_at is None or facts.actor:
        return ""
    taken = numbers.duration(facts.zero_at - facts.evidence_at)
    return f", {taken} after the evidence sufficed"


def _from_share(facts: Facts) -> str:
    return f" at {numbers.percent(facts.turned_at_share)} exposure" if facts.turned_at_share else ""


def _zero(facts: Facts) -> str:
    return f"Exposure is zero on {facts.at_zero} of {numbers.plural(facts.targets, 'target')}."


def _rolling_back(facts: Facts) -> list[str]:
    return [f"Rolling back{_from_share(facts)}: {_cause(facts)}.", _zero(facts)]


def _rolled_back(facts: Facts) -> list[str]:
    verb = "Aborted" if facts.actor else "Rolled back"
    head = f"{verb}{_from_share(facts)}{_after(facts)}: {_cause(facts)}."
    return [head, _zero(facts), _recovery(facts)]


def _recovery(facts: Facts) -> str:
    if facts.recovered_at:
        return f"The metric recovered at {numbers.clock(facts.recovered_at)}."
    if facts.actor or facts.superseded or not facts.measured:
        return ""
    if facts.in_vain_at:
        at = numbers.clock(facts.in_vain_at)
        return f"The metric had not recovered by {at}: suspicion went to the next change."
    return "The metric has not recovered yet."


def _rollback_failed(facts: Facts) -> list[str]:
    where = ", ".join(facts.not_at_zero) or "an unknown target"
    share = numbers.percent(facts.observed)
    why = f"Last error: {facts.last_error}." if facts.last_error else ""
    return [
        f"The rollback failed: exposure is still {share} on {where}.",
        f"It was rolled back because: {_cause(facts)}." if _cause(facts) else "",
        _zero(facts),
        why,
    ]


# --- under way -------------------------------------------------------------------------------


def _where(facts: Facts) -> str:
    return f"stage {facts.stage} of {facts.stages}, {numbers.percent(facts.observed)} exposed"


def _running(facts: Facts) -> list[str]:
    return [
        f"Running: {_where(facts)}.",
        _measured_so_far(facts),
        f"Now: {facts.waiting}." if facts.waiting else "",
        f"Trouble with a target: {facts.last_error}." if facts.last_error else "",
    ]


def _measured_so_far(facts: Facts) -> str:
    if not facts.numbers:
        return ""
    told = facts.numbers[0].upper() + facts.numbers[1:]
    return f"{told}; verdict {facts.verdict}." if facts.verdict else f"{told}."


def _paused(facts: Facts) -> list[str]:
    who = f" by {facts.actor}" if facts.actor else ""
    why = f": “{facts.reason}”" if facts.reason else ""
    if facts.by_itself:
        until = f" until {numbers.clock(facts.held_until)} UTC" if facts.held_until else ""
        head = f"Held{who}{until} at {_where(facts)}, to tell two suspects apart"
        return [f"{head}: {facts.reason}.", _measured_so_far(facts)]
    return [f"Paused{who} at {_where(facts)}{why}.", _measured_so_far(facts)]


def _halted(facts: Facts) -> list[str]:
    return [f"Halted at {_where(facts)}: {facts.reason}.", _halt_goes_on(facts)]


def _halt_goes_on(facts: Facts) -> str:
    if facts.by_itself:
        return (
            "Exposure does not grow. It goes on by itself when attribution clears it or the "
            "anomaly is over; it is rolled back only when it leads the suspects."
        )
    if facts.exonerated:
        return "Attribution clears this change: it is not rolled back on this evidence."
    if facts.rolls_back_at is None:
        return "Exposure does not grow. It waits for a person."
    return (
        "Exposure does not grow. Unless somebody answers, it rolls back at "
        f"{numbers.clock(facts.rolls_back_at)} UTC."
    )


def _pending(facts: Facts) -> list[str]:
    return ["Handed over, not started yet: no exposure.", facts.waiting and f"{facts.waiting}."]


def _watching(facts: Facts) -> list[str]:
    until = f" until {numbers.clock(facts.undo_until)} UTC" if facts.undo_until else ""
    return [
        f"All {facts.stages} stages are done; {numbers.percent(facts.observed)} exposed.",
        f"It is watched{until}, and the old version is kept for so long.",
        _measured_so_far(facts),
    ]


# --- ended, or never begun -------------------------------------------------------------------


def _completed(facts: Facts) -> list[str]:
    return [
        f"Completed at {numbers.clock(facts.ended_at)} UTC.",
        f"{numbers.plural(facts.stages, 'stage')} done, watched to the end.",
        _measured_so_far(facts),
    ]


def _needs_approval(facts: Facts) -> list[str]:
    return [
        f"Waits for approval: {facts.approvals} of {facts.approvals_needed} given.",
        f"Risk {facts.level or 'unknown'}; nothing is exposed.",
    ]


def _with_reason(label: str) -> Callable[[Facts], list[str]]:
    return lambda facts: [f"{label}: {facts.reason}." if facts.reason else f"{label}."]


TELL: dict[str, Callable[[Facts], list[str]]] = {
    Phase.PENDING: _pending,
    Phase.RUNNING: _running,
    HoldKind.PAUSED: _paused,
    HoldKind.HALTED: _halted,
    Phase.WATCHING: _watching,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.ROLLED_BACK: _rolled_back,
    Phase.ROLLBACK_FAILED: _rollback_failed,
    Phase.COMPLETED: _completed,
    Phase.CANCELED: _with_reason("Canceled before any exposure"),
    Phase.WRITTEN_OFF: _with_reason("The failed rollback was written off by two people"),
    ChangeState.SUBMITTED: _with_reason("Submitted; not assessed yet"),
    ChangeState.ASSESSING: _with_reason("Being assessed"),
    ChangeState.PENDING_APPROVAL: _needs_approval,
    ChangeState.APPROVED: _with_reason("Approved; about to be handed over"),
    ChangeState.REJECTED: _with_reason("Rejected"),
    ChangeState.EXPIRED: _with_reason("Expired: nobody approved it in time"),
    ChangeState.EXTERNAL: _with_reason("Carried out elsewhere; Graygate observes it"),
}
ENDED = frozenset({Phase.COMPLETED, Phase.ROLLED_BACK, Phase.CANCELED, Phase.WRITTEN_OFF})


# --- left to do ------------------------------------------------------------------------------


def _after_rollback(facts: Facts) -> list[str]:
    if facts.superseded:
        return []
    find = ["Find the defect before this change is submitted again."]
    if facts.recovered_at or facts.actor or not facts.measured:
        return find
    return ["Watch the metric: it has not recovered yet.", *find]


def _after_halt(facts: Facts) -> list[str]:
    if facts.by_itself:
        return ["Nothing, if you have no better idea: see the anomaly for the evidence."]
    return ["Look at the evidence, then answer: abort, judge again, or promote (waives it)."]


def _after_failure(facts: Facts) -> list[str]:
    where = ", ".join(facts.not_at_zero) or "the targets"
    return [
        f"Take the exposure of {where} to zero by hand, or fix forward.",
        "Then try the rollback again here, or write it off with a second person.",
    ]


LEFT: dict[str, Callable[[Facts], list[str]]] = {
    Phase.ROLLED_BACK: _after_rollback,
    Phase.ROLLBACK_FAILED: _after_failure,
    Phase.ROLLING_BACK: lambda _: ["Nothing yet: exposure is going to zero by itself."],
    HoldKind.HALTED: _after_halt,
    HoldKind.PAUSED: lambda facts: [
        "Nothing: it ends by itself. `resume` ends it now."
        if facts.by_itself
        else "Resume it, or abort it: a pause never ends by itself."
    ],
    ChangeState.PENDING_APPROVAL: lambda _: ["Somebody other than the author has to answer."],
}
