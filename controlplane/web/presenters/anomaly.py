"""The page of one anomaly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from attribution.models import Anomaly, AnomalyFeedback
from controlplane.access import Scope, can
from controlplane.anomalies import Known, Told, calls_of, known_of, ranked
from controlplane.reactions import Reaction, began_at, id_of
from controlplane.web.presenters.anomaly_sentence import Facts, names_a_culprit, story, verdict
from controlplane.web.presenters.named import Named, named
from controlplane.web.presenters.pieces import Piece, pieces
from controlplane.web.presenters.surroundings import Surroundings, surroundings
from controlplane.web.wording import DECISIONS, STATES, Word, in_words, word_of
from rollout.ledger import SYSTEM
from rollout.machine import AT_REST, HoldKind, shown_state
from rollout.models import Decision, Rollout
from rollout.standing import Line, Turn

GOES_ON = Word("Going on", "bad", "!", "What was noticed has not ended.")
OVER = Word("Over", "good", "✓", "What was noticed has ended.")
MOST_TOLD = 12
# Probabilities closer than this are told as one.
SAME = 0.005
Titles = Mapping[str, Named]


@dataclass(frozen=True)
class SuspectRow:
    change: Named
    probability: float
    # In what way it did the harm, where attribution says so.
    how: str
    pieces: list[Piece]
    vetoed: bool
    # What was done about it for this anomaly: "under_way", "in_vain" or nothing.
    turn: str
    # As the finding has it, where that is not what it counts now.
    told: float | None


@dataclass(frozen=True)
class Trial:
    """Telling two suspects apart: proposed, or under way (`until` is known)."""

    hold: Named
    step_down: Named
    to_share: float
    minutes: int = 0
    why: str = ""
    until: datetime | None = None
    actor: str = ""


@dataclass(frozen=True)
class ToldRow:
    at: datetime
    leader: Named | None
    probability: float
    none_of_them: float


@dataclass(frozen=True)
class Entry:
    decision: Decision
    word: Word

    @property
    def reasons(self) -> str:
        return in_words("; ".join(self.decision.reasons))

    @property
    def actor(self) -> str:
        return "" if self.decision.actor == SYSTEM else self.decision.actor


@dataclass(frozen=True)
class Done:
    change: Named
    word: Word
    entries: list[Entry]


@dataclass(frozen=True)
class Said:
    feedback: AnomalyFeedback
    # None: none of the changes.
    change: Named | None
    counts: bool


@dataclass(frozen=True)
class AnomalyPage:
    anomaly: Anomaly
    word: Word
    tone: str
    headline: str
    story: list[str]
    until: datetime
    suspects: list[SuspectRow]
    # None: not attributed yet.
    none_of_them: float | None
    none_pieces: list[Piece]
    incomplete: list[str]
    graph: Surroundings
    told: list[ToldRow]
    untold: int
    done: list[Done]
    said: list[Said]
    can_say: bool
    trial: Trial | None
    settled: bool

    @property
    def began(self) -> datetime:
        return began_at(self.anomaly)

    @property
    def lasted(self) -> timedelta:
        return self.until - self.began


def word_for(anomaly: Anomaly) -> Word:
    return OVER if anomaly.ended_at else GOES_ON


def anomaly_page(
    anomaly: Anomaly, user: AbstractBaseUser | AnonymousUser, now: datetime
) -> AnomalyPage:
    known = known_of(anomaly)
    finding = known.finding
    titles = named(_mentioned(known))
    facts = facts_of(known, titles)
    return AnomalyPage(
        anomaly=anomaly,
        word=word_for(anomaly),
        tone="bad" if names_a_culprit(facts) else "warn" if not anomaly.ended_at else "quiet",
        headline=verdict(facts),
        story=[*story(facts), *_handed_on(known, titles)],
        until=anomaly.ended_at or now,
        suspects=[_suspect(each, titles, known.line) for each in known.ranked],
        none_of_them=known.none_of_them,
        none_pieces=pieces(finding.none_reasons if finding else []),
        incomplete=finding.incomplete if finding else [],
        graph=_graph(known, titles),
        told=[_told(each, titles) for each in known.told[:MOST_TOLD]],
        untold=known.untold + max(0, len(known.told) - MOST_TOLD),
        done=[_done(each, titles) for each in known.reactions],
        said=[_said(each, titles, place) for place, each in enumerate(known.feedback)],
        can_say=can(user, Scope.OPERATE),
        trial=_trial(known, titles),
        settled=_settled(known),
    )


def _mentioned(known: Known) -> set[str]:
    ids: set[Any] = {suspect["change"] for suspect in ranked(known.finding)}
    ids |= {each.leader for each in known.told} | {each.change_id for each in known.feedback}
    ids |= {each.rollout.change_id for each in known.reactions}
    if going_on := known.attempt.under_way:
        ids |= {going_on.hold, going_on.step_down}
    return {str(each) for each in ids if each}


def facts_of(known: Known, titles: Titles) -> Facts:
    finding, said = known.finding, known.feedback[0] if known.feedback else None
    leader = next(iter(known.ranked), None)
    named_by_person = titles[str(said.change_id)].title if said and said.change_id else ""
    return Facts(
        ended=known.anomaly.ended_at is not None,
        attributed=finding is not None,
        leader=titles[leader["change"]].title if leader else "",
        probability=leader["probability"] if leader else 0.0,
        vetoed=bool(leader and leader["vetoes"]),
        none_of_them=known.none_of_them or 0.0,
        told_at=known.paged.get(leader["change"]) if leader else None,
        said_by=said.author if said else "",
        said=named_by_person,
        **_what_became_of(leader["change"] if leader else "", known.reactions),
    )


def _what_became_of(change: str, reactions: Sequence[Reaction]) -> dict[str, Any]:
    """Of the leader's rollout: when it was turned round because of the anomaly."""
    own = next((each for each in reactions if str(each.rollout.change_id) == change), None)
    rollout = own.rollout if own else _rollout_of(change)
    if rollout is None:
        return {}
    zero_at = own.at("rolled_back") if own else None
    return {
        "state": _state(rollout),
        "halted_at": rollout.halted_at or _suspected_at(rollout),
        "zero_at": zero_at,
        "recovered_at": rollout.recovered_at if zero_at else None,
    }


def _rollout_of(change: str) -> Rollout | None:
    pk = id_of(change)
    if pk is None:
        return None
    return Rollout.objects.filter(change_id=pk).prefetch_related("holds").first()


def _state(rollout: Rollout) -> str:
    holds = frozenset(hold.kind for hold in rollout.holds.all() if hold.released_at is None)
    return shown_state(rollout.phase, holds)


def _suspected_at(rollout: Rollout) -> datetime | None:
    holds = (h for h in rollout.holds.all() if h.released_at is None)
    return next((h.since for h in holds if h.kind == HoldKind.SUSPECTED), None)


def _handed_on(known: Known, titles: Titles) -> list[str]:
    """That taking a suspect back did not help, so that suspicion went to the next."""
    vain = [s.change for s in known.line.suspects if s.turn == Turn.IN_VAIN] if known.line else []
    return [
        f"{titles[change].title} was taken back and the metric did not recover in time: "
        "it counts a tenth now, and suspicion went to the next."
        for change in vain
    ]


def _trial(known: Known, titles: Titles) -> Trial | None:
    if going_on := known.attempt.under_way:
        return Trial(
            titles[going_on.hold],
            titles[going_on.step_down],
            going_on.to_share,
            until=going_on.until,
            actor=going_on.actor,
        )
    proposal = known.attempt.proposal
    if proposal is None:
        return None
    return Trial(
        titles[proposal.hold],
        titles[proposal.step_down],
        proposal.to_share,
        proposal.minutes,
        proposal.why,
    )


def _settled(known: Known) -> bool:
    """Nothing on the page moves by itself any more: what was taken back has recovered, too."""
    ended = known.anomaly.ended_at is not None
    rollouts = [each.rollout for each in known.reactions]
    return ended and all(each.phase in AT_REST or each.recovered_at for each in rollouts)


def _suspect(suspect: Mapping[str, Any], titles: Titles, line: Line | None) -> SuspectRow:
    own = next((s for s in line.suspects if s.change == suspect["change"]), None) if line else None
    moved = own is not None and abs(own.probability - suspect["probability"]) > SAME
    return SuspectRow(
        turn=own.turn if own else "",
        told=own.probability if own and moved else None,
        change=titles[suspect["change"]],
        probability=suspect["probability"],
        how=str(suspect.get("how") or ""),
        pieces=pieces(suspect["evidence"], suspect["vetoes"]),
        vetoed=bool(suspect["vetoes"]),
    )


def _graph(known: Known, titles: Titles) -> Surroundings:
    localized = known.finding.localized if known.finding else []
    changes: dict[str, list[float]] = {}
    for suspect in known.ranked:
        for service in titles[suspect["change"]].services:
            changes.setdefault(service, []).append(suspect["probability"])
    return surroundings(known.anomaly.service.name, calls_of(known), localized, changes)


def _told(told: Told, titles: Titles) -> ToldRow:
    leader = titles[told.leader] if told.leader else None
    return ToldRow(told.at, leader, told.probability or 0.0, told.none_of_them)


def _done(reaction: Reaction, titles: Titles) -> Done:
    rollout = reaction.rollout
    return Done(
        change=titles[str(rollout.change_id)],
        word=word_of(STATES, _state(rollout)),
        entries=[_entry(row) for row in reaction.entries],
    )


def _entry(row: Decision) -> Entry:
    return Entry(row, word_of(DECISIONS, row.decision))


def _said(row: AnomalyFeedback, titles: Titles, place: int) -> Said:
    change = titles[str(row.change_id)] if row.change_id else None
    return Said(row, change, counts=place == 0)
