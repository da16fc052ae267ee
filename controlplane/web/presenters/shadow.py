"""Changes that others carry out: the page of all, and the words on the page of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.access import Scope, scopes_of
from controlplane.models import Change
from controlplane.shadow_record import Said, Shadowed, Standing, shadowed, standings
from controlplane.web.numbers import percent
from controlplane.web.presenters.rollouts import RolloutView
from controlplane.web.wording import STATES, Word, in_words, word_of
from rollout.machine import ChangeState, Phase

DAYS = (1, 7, 30, 90)
USUAL_DAYS = 30
# Rows of a page; all of them count in its sums.
MOST_SHOWN = 200
DEEDS = {"halted": "halted it", "rolled back": "rolled it back"}
WOULD = Word("would have acted", "bad", "◇")
OBSERVED = Word("observed", "quiet", "◌")


@dataclass(frozen=True)
class Row:
    each: Shadowed
    word: Word
    state: Word


@dataclass(frozen=True)
class ShadowPage:
    days: int
    choices: tuple[int, ...]
    watched: int
    interfered: int
    rows: list[Row]
    more: int
    standings: list[Standing]
    can_judge: bool


def shadow_page(days: int, user: Any, now: datetime) -> ShadowPage:
    found = shadowed(now - timedelta(days=days))
    rows = [
        Row(each, WOULD if each.said else OBSERVED, word_of(STATES, each.state)) for each in found
    ]
    # What it would have done comes first: that is what one has come to judge.
    rows.sort(key=lambda row: not row.each.said)
    return ShadowPage(
        days=days,
        choices=DAYS,
        watched=sum(each.seen_at is not None for each in found),
        interfered=sum(bool(each.said) for each in found),
        rows=rows[:MOST_SHOWN],
        more=max(0, len(rows) - MOST_SHOWN),
        standings=standings(found),
        can_judge=Scope.OPERATE in scopes_of(user),
    )


def told(change: Change, view: RolloutView, said: Sequence[Said]) -> dict[str, Any]:
    """The headline and what follows, on the page of one change."""
    headline = _headline(view, said)
    story = [f"Nothing was done: {view.spec['control_level']}, others carry it out."]
    story += [in_words(one.reason).rstrip(".").capitalize() + "." for one in said[:1]]
    if change.state == ChangeState.EXTERNAL:
        story.append(_exposure(view))
    return {
        "state": change.state,
        "word": WOULD if said else word_of(STATES, change.state),
        "headline": headline,
        "story": story,
        "left": _left(change, said),
    }


def _headline(view: RolloutView, said: Sequence[Said]) -> str:
    if said:
        deeds = " and ".join(f"{DEEDS[one.verb]} at {one.at:%H:%M:%S}" for one in said)
        return f"Graygate would have {deeds}."
    if view.rollout.phase == Phase.PENDING:
        return "Its version has not been seen in production yet."
    if view.ended:
        return "Watched to the end: Graygate would not have interfered."
    return "Watched: so far Graygate would not have interfered."


def _exposure(view: RolloutView) -> str:
    return f"Seen at {percent(view.observed)} of the requests." if view.rollout.started_at else ""


def _left(change: Change, said: Sequence[Said]) -> list[str]:
    if not said:
        return []
    judged = any(one.given for one in said)
    still = change.state == ChangeState.EXTERNAL
    take = ["Look at the evidence, and take the change back by your own means."] if still else []
    return [*take, *([] if judged else ["Say in the ledger below whether this was right."])]
