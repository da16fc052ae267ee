"""Which change did it, in one plain sentence. PURE: facts in, sentences out."""

from dataclasses import dataclass
from datetime import datetime

from controlplane.web import numbers
from rollout.machine import HoldKind, Phase
from rollout.standing import CULPRIT_PROBABILITY

LIKELY = 0.5


@dataclass(frozen=True)
class Facts:
    ended: bool = False
    # Whether anybody was looked for at all.
    attributed: bool = True
    # The likeliest suspect; empty: no change was under way.
    leader: str = ""
    probability: float = 0.0
    # The leader has a veto against it: it is not held responsible, however likely.
    vetoed: bool = False
    none_of_them: float = 0.0
    # State of the leader's rollout; empty: Graygate does not carry it out.
    state: str = ""
    halted_at: datetime | None = None
    zero_at: datetime | None = None
    recovered_at: datetime | None = None
    # When on-call was told that it is the culprit and that Graygate does not take it back.
    told_at: datetime | None = None
    # The newest word of a person, and which change it names; empty: none of them.
    said_by: str = ""
    said: str = ""


def verdict(facts: Facts) -> str:
    """The headline."""
    if not facts.attributed:
        return "It was over before a suspect was looked for." if facts.ended else "Not sure yet."
    if names_a_culprit(facts):
        sure = numbers.chance(facts.probability)
        return f"{facts.leader} did it, {sure} sure{_done(facts)}."
    if not facts.leader:
        return "None of the changes did it: none was under way."
    if facts.none_of_them >= LIKELY:
        sure = numbers.chance(facts.none_of_them)
        return f"None of the changes under way did it, {sure} sure."
    return _unsure(facts)


def story(facts: Facts) -> list[str]:
    told = []
    if facts.told_at:
        at = numbers.clock(facts.told_at)
        told.append(f"On-call was told at {at} what it is and what is left to do.")
    if facts.said_by:
        what = f"it was {facts.said}" if facts.said else "it was none of them"
        told.append(f"{facts.said_by} says {what}.")
    return told


def names_a_culprit(facts: Facts) -> bool:
    """As the loop would: from so much on it takes a change back on attribution's word."""
    return bool(facts.leader) and not facts.vetoed and facts.probability >= CULPRIT_PROBABILITY


def _unsure(facts: Facts) -> str:
    likeliest = f"{facts.leader} is the likeliest, {numbers.chance(facts.probability)}"
    if facts.none_of_them > facts.probability:
        likeliest = f"none of the changes is the likeliest, {numbers.chance(facts.none_of_them)}"
    return f"It ended unsolved: {likeliest}." if facts.ended else f"Not sure yet: {likeliest}."


def _done(facts: Facts) -> str:
    if facts.zero_at and facts.recovered_at:
        at = numbers.clock(facts.recovered_at)
        return f"; rolled back at {numbers.clock(facts.zero_at)}, recovered at {at}"
    if facts.zero_at:
        return f"; rolled back at {numbers.clock(facts.zero_at)}, not recovered yet"
    if facts.state == HoldKind.HALTED and facts.halted_at:
        return f"; halted at {numbers.clock(facts.halted_at)}"
    return DONE.get(facts.state, "; nothing was done about it")


DONE: dict[str, str] = {
    "": "; Graygate does not carry it out and cannot take it back",
    Phase.ROLLING_BACK: "; rolling back now",
    Phase.ROLLED_BACK: "; it had been rolled back",
    Phase.ROLLBACK_FAILED: "; its rollback failed",
    Phase.WRITTEN_OFF: "; its rollback failed and was written off",
    HoldKind.HALTED: "; halted",
    HoldKind.PAUSED: "; paused",
}
