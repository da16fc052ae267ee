"""Two suspects that nothing tells apart: hold one, step the other down, and see. PURE.

If the one that was stepped down did it, the trouble falls with its exposure; if the other did it,
the trouble stays. Exposure never grows for this: it is a reversal of one stage, and it returns by
the ordinary rules of the stages. Proposed here, started by a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rollout.standing import CULPRIT_PROBABILITY, MARGIN

# Both have to be as likely as this: below it there is a third answer to look at first.
LEAST_PROBABILITY = 0.25
# So much of its exposure has to go, or the trouble would not be seen to fall.
LEAST_DROP = 0.5
# Reads with the lower share, and the minutes that this may take. Judged, not measured.
READS = 30
LEAST_MINUTES, MOST_MINUTES = 5, 30


@dataclass(frozen=True)
class Candidate:
    """One suspect. Shares are fractions."""

    change: str
    title: str
    probability: float
    # Why it cannot be held, or its exposure not be stepped down; empty: it can.
    not_held: str = ""
    not_reduced: str = ""
    share: float = 0.0
    # Of the stage before the current one: from there the ordinary rules lead back.
    below: float = 0.0
    # What the step costs: the least time its stage bakes again.
    redo_s: float = 0.0
    interval_s: float = 1.0

    @property
    def drop(self) -> float:
        """How much of its exposure the step takes away."""
        return 1.0 - self.below / self.share if self.share > 0 else 0.0


@dataclass(frozen=True)
class Proposal:
    hold: str
    step_down: str
    from_share: float
    to_share: float
    minutes: int
    why: str


def propose(candidates: Sequence[Candidate]) -> Proposal | str:
    """What to try; a sentence: why there is nothing to try. The order of candidates is nothing."""
    ranked = sorted(candidates, key=lambda c: (-c.probability, c.change))
    if len(ranked) < 2:
        return "there are no two suspects"
    pair = ranked[:2]
    if why := _not_tied(*pair):
        return why
    for each in pair:
        if each.not_held:
            return f"{each.title} cannot be held: {each.not_held}"
    able = [each for each in pair if not _not_worth(each)]
    if not able:
        return "; ".join(f"{each.title}: {_not_worth(each)}" for each in pair)
    chosen = min(able, key=_cost)
    other = pair[0] if chosen is pair[1] else pair[1]
    return Proposal(
        hold=other.change,
        step_down=chosen.change,
        from_share=chosen.share,
        to_share=chosen.below,
        minutes=minutes_for(max(each.interval_s for each in pair)),
        why=_why(chosen, other),
    )


def minutes_for(interval_s: float) -> int:
    return min(max(ceil(READS * interval_s / 60), LEAST_MINUTES), MOST_MINUTES)


def _not_tied(first: Candidate, second: Candidate) -> str:
    if first.probability >= CULPRIT_PROBABILITY:
        return f"{first.title} leads: there is nothing to tell apart"
    if second.probability < LEAST_PROBABILITY:
        return "fewer than two changes are seriously suspected"
    if first.probability - second.probability >= MARGIN:
        return f"{first.title} is ahead by far"
    return ""


def _not_worth(each: Candidate) -> str:
    if each.not_reduced:
        return each.not_reduced
    if not each.below < each.share:
        return "it has no exposure to take away"
    return "" if each.drop >= LEAST_DROP else f"only {each.drop:.0%} of its exposure would go"


def _cost(each: Candidate) -> tuple[float, float, float, str]:
    """What separates most first, of about equals what costs least, then the likelier."""
    return (-round(each.drop, 1), each.redo_s, -each.probability, each.change)


def _why(chosen: Candidate, other: Candidate) -> str:
    step = f"{chosen.share:.0%} to {chosen.below:.0%}"
    text = (
        f"{chosen.title} goes from {step} and bakes its stage again, {chosen.redo_s / 60:.0f} min "
        f"at least: if it did it, the trouble falls with it; if {other.title} did, it stays"
    )
    if against := _not_worth(other):
        return f"{text}. {other.title} cannot be the one: {against}"
    if round(other.drop, 1) < round(chosen.drop, 1):
        return f"{text}. {other.title} would lose only {other.drop:.0%} of its exposure"
    if other.redo_s > chosen.redo_s:
        return f"{text}. {other.title} would bake {other.redo_s / 60:.0f} min again"
    return f"{text}. {other.title} would do as well, and is no likelier"
