"""What was done about an anomaly: entries of the ledger, of the rollouts of its suspects."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from attribution.models import Anomaly
from rollout.ledger import SYSTEM
from rollout.models import Decision, Rollout

MOST_ROLLOUTS = 20
# A change may be stopped by its own verdict before an alert notices what it did.
BEFORE = timedelta(minutes=15)
# What is done so long after an anomaly has ended is not done about it.
AFTER = timedelta(hours=1)
# How a rollout goes on by itself when nothing is the matter.
ROUTINE = frozenset({"create", "start", "open", "bake", "promote", "watch", "complete"})
REVERSALS = frozenset({"halt", "suspect", "rollback", "abort"})
LIKELY = 0.5


@dataclass(frozen=True)
class Reaction:
    """What was decided about one suspect's rollout because of the anomaly; oldest first."""

    rollout: Rollout
    entries: list[Decision]

    def at(self, *names: str) -> datetime | None:
        return next((e.at for e in reversed(self.entries) if e.decision in names), None)


@dataclass(frozen=True)
class Concern:
    """What ties an entry to the anomaly."""

    began: datetime
    # The anomaly's own, those of them that some decision names.
    findings: Collection[str]
    # Changes that the newest finding, or their own verdict, holds to be the cause.
    blamed: Collection[uuid.UUID]

    def covers(self, row: Decision) -> bool:
        blamed = row.change_id in self.blamed
        if row.at < self.began:
            return blamed and row.decision in REVERSALS
        return blamed or row.actor != SYSTEM or getattr(row, "finding", "") in self.findings


def reactions(
    anomaly: Anomaly, suspects: Sequence[uuid.UUID], likely: Iterable[uuid.UUID]
) -> list[Reaction]:
    """In the order of the suspects."""
    rows = _entries(anomaly, suspects)
    concern = Concern(began_at(anomaly), _own_findings(anomaly, rows), _blamed(anomaly, likely))
    by_rollout: dict[uuid.UUID, list[Decision]] = defaultdict(list)
    for row in rows:
        if row.decision not in ROUTINE and (row.rollout_id in by_rollout or concern.covers(row)):
            by_rollout[row.rollout_id].append(row)
    rollouts = Rollout.objects.prefetch_related("holds").in_bulk(list(by_rollout)[:MOST_ROLLOUTS])
    found = [Reaction(rollout, by_rollout[pk]) for pk, rollout in rollouts.items()]
    return sorted(found, key=lambda each: suspects.index(each.rollout.change_id))


def began_at(anomaly: Anomaly) -> datetime:
    """A verdict that failed says when, not since when: its anomaly carries the rollout's start."""
    judged = anomaly.origin == Anomaly.Origin.JUDGE
    return anomaly.detected_at if judged else anomaly.started_at


def id_of(text: Any) -> uuid.UUID | None:
    """Of what a finding or a decision names; what is no UUID has no row here."""
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def _entries(anomaly: Anomaly, suspects: Sequence[uuid.UUID]) -> QuerySet[Any]:
    rows = Decision.objects.filter(change_id__in=suspects, at__gte=began_at(anomaly) - BEFORE)
    if anomaly.ended_at:
        rows = rows.filter(at__lte=anomaly.ended_at + AFTER)
    named = rows.annotate(finding=KT("inputs__evidence__finding"))
    return named.defer("inputs").order_by("at", "sequence")


def _own_findings(anomaly: Anomaly, rows: Iterable[Any]) -> set[str]:
    named = {found for row in rows if (found := id_of(row.finding))}
    return {str(pk) for pk in anomaly.findings.filter(pk__in=named).values_list("pk", flat=True)}


def _blamed(anomaly: Anomaly, likely: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    judged = id_of(anomaly.key) if anomaly.origin == Anomaly.Origin.JUDGE else None
    return {*likely, *([judged] if judged else [])}
