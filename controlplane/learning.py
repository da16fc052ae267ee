"""Outcomes of this installation → a likelihood of its own, when it is better than what is there.

A change went wrong when it was rolled back or failed (as its record counts it), unless a person
said otherwise: `wrong` takes that back, `missed` and being named an anomaly's culprit say so of
one that completed.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import AnomalyFeedback
from controlplane.ended import HARMFUL
from controlplane.learned_models import model_of, newest
from controlplane.models import Assessment, Feedback, Outcome, RiskModel
from controlplane.risk.assess import likelihood
from controlplane.risk.classify import asked_of, learner_of
from controlplane.risk.estimates import Asked, Learner, Row
from controlplane.risk.kinds import ChangeKind
from controlplane.risk.learned import training
from controlplane.risk.learned.boosting import Settings
from controlplane.risk.learned.comparison import Comparison, compare
from controlplane.risk.learned.model import Model
from controlplane.risk.learned.training import Outcomes, TooFewError
from rollout.machine import Phase

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

SETTLED = (Phase.COMPLETED, *HARMFUL)
HELD_OUT = 0.2
# An input that is known of so few changes teaches nothing; where it is known of most, the others
# are left out.
KNOWN = 0.9
ON_TOP = Settings(trees=100, rate=0.05)
ALONE = Settings(trees=60, rate=0.1, depth=1, least=4.0, rising=True)


@dataclass(frozen=True, slots=True)
class Ended:
    """One change whose end is known, and what was known of it before."""

    at: datetime
    bad: bool
    asked: Asked
    row: Row


@dataclass(frozen=True, slots=True)
class Training:
    """`model`: what would be, or was, stored; None: nothing could be learned."""

    kind: str
    outcomes: int
    accepted: bool
    reason: str
    model: Model | None = None
    figures: Mapping[str, Any] | None = None


def train(kind: ChangeKind, *, store: bool) -> Training:
    """Candidate and present model are compared on the last outcomes, which the candidate has not
    seen, nor the present one where it is this installation's; the one stored then learns from
    all.
    """
    learner, present = learner_of(kind), newest(kind.name)
    ended = sorted(_ended(kind, learner), key=lambda one: one.at)
    early, late = _parts(ended, present)
    own = model_of(present) if present else None
    try:
        candidate = _fitted(kind, learner, early)
        found = _compared(learner, candidate, own, late)
        final = _fitted(kind, learner, ended)
    except TooFewError as problem:
        return Training(kind.name, len(ended), accepted=False, reason=str(problem))
    final = replace(final, card=dict(final.card) | {"compared": found.figures})
    if found.better and store:
        _store(kind, final, ended[-1].at)
    return Training(kind.name, len(ended), found.better, found.reason, final, found.figures)


def _parts(
    ended: Sequence[Ended], present: RiskModel | None
) -> tuple[Sequence[Ended], Sequence[Ended]]:
    """What the present model learned from is no test of it."""
    start = int(len(ended) * (1 - HELD_OUT))
    if present is not None:
        seen = sum(one.at <= present.learned_until for one in ended)
        start = max(start, seen)
    return ended[:start], ended[start:]


def _fitted(kind: ChangeKind, learner: Learner, ended: Sequence[Ended]) -> Model:
    """Raises TooFewError."""
    start = learner.published().forest if learner.published else None
    return training.train(
        f"own:{kind.name}",
        learner.inputs,
        _outcomes(ended, len(learner.inputs)),
        ALONE if start is None else ON_TOP,
        start,
    )


def _outcomes(ended: Sequence[Ended], inputs: int) -> Outcomes:
    values = [[np.nan if x is None else x for x in one.row] for one in ended]
    rows = np.array(values, dtype=float).reshape(len(ended), inputs)
    known = ~np.isnan(rows)
    wanted = known.mean(axis=0) >= KNOWN if len(ended) else np.zeros(inputs, dtype=bool)
    kept = known[:, wanted].all(axis=1)
    return Outcomes(
        rows=rows[kept],
        true=np.array([float(one.bad) for one in ended])[kept],
        at=np.array([one.at.timestamp() for one in ended])[kept],
        group=np.zeros(int(kept.sum()), dtype=np.int64),
    )


def _compared(
    learner: Learner, candidate: Model, own: Model | None, late: Sequence[Ended]
) -> Comparison:
    return compare(
        _probabilities(learner, candidate, late),
        _probabilities(learner, own, late),
        np.array([float(one.bad) for one in late]),
    )


def _probabilities(learner: Learner, model: Model | None, ended: Sequence[Ended]) -> Floats:
    """As they would have been assessed with that model; without any, by the rules."""
    return np.array([
        likelihood(one.asked.signals, one.asked.around, learner.estimate(one.asked, model))
        for one in ended
    ])  # fmt: skip


def _ended(kind: ChangeKind, learner: Learner) -> Iterator[Ended]:
    outcomes = Outcome.objects.filter(change__kind=kind.name, result__in=SETTLED)
    said = _said(outcomes.values_list("change_id", flat=True))
    for outcome in outcomes.order_by("ended_at", "id").iterator():
        assessment = Assessment.objects.filter(change_id=outcome.change_id).first()
        asked = _asked(assessment) if assessment else None
        row = learner.row(asked) if asked else None
        if asked is not None and row is not None:
            bad = said.get(outcome.change_id, outcome.result in HARMFUL)
            yield Ended(outcome.ended_at, bad, asked, row)


def _asked(assessment: Assessment) -> Asked | None:
    """Read anew: signals of an older version would mean something else than those to come."""
    try:
        return asked_of(assessment.case)[1]
    except CaseError as problem:
        log.warning("assessment %s cannot be learned from: %s", assessment.pk, problem)
        return None


def _said(changes: Iterable[UUID]) -> dict[UUID, bool]:
    """By change: people's last word on whether it was bad."""
    known = set(changes)
    said = [
        (given.at, given.change_id, given.answer == Feedback.Answer.MISSED)
        for given in Feedback.objects.exclude(answer=Feedback.Answer.RIGHT)
    ]
    said += [
        (given.at, given.change_id, True)
        for given in AnomalyFeedback.objects.filter(change_id__isnull=False)
        if given.change_id
    ]
    return {change: bad for _, change, bad in sorted(said) if change in known}


def _store(kind: ChangeKind, model: Model, until: datetime) -> None:
    RiskModel.objects.create(
        kind=kind.name, trained_at=database_now(), learned_until=until, weights=model.as_json()
    )
