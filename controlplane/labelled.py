"""Stored findings whose answer is known: what attribution can be measured by.

An answer comes from a person's word on the anomaly; without one, from what followed: one change
alone was taken back because of it, and after that the metric recovered. The latter was mostly
attribution's own doing, so it says less: each case tells which of the two it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from attribution.models import Anomaly, Finding
from controlplane.anomalies import known_of
from controlplane.reactions import Reaction


class By(StrEnum):
    FEEDBACK = "feedback"
    ROLLBACK = "rollback_and_recovery"


@dataclass(frozen=True)
class Label:
    # None: none of the changes.
    culprit: UUID | None
    by: By


def ended_anomalies(since: datetime | None) -> Iterator[Anomaly]:
    """Attributed ones that are over, oldest first; `since`: noticed then or later."""
    rows = Anomaly.objects.filter(ended_at__isnull=False, findings__isnull=False).distinct()
    if since is not None:
        rows = rows.filter(detected_at__gte=since)
    return rows.select_related("service").order_by("detected_at", "id").iterator()


def label_of(anomaly: Anomaly) -> Label | None:
    """None: nobody said, and what followed does not tell."""
    known = known_of(anomaly)
    if known.feedback:
        return Label(known.feedback[0].change_id, By.FEEDBACK)
    mended = [each.rollout.change_id for each in known.reactions if _mended(each)]
    return Label(mended[0], By.ROLLBACK) if len(mended) == 1 else None


def _mended(reaction: Reaction) -> bool:
    """It was taken back because of the anomaly, and then it was well again."""
    return reaction.at("rolled_back") is not None and reaction.rollout.recovered_at is not None


def cases_of(anomaly: Anomaly, label: Label, *, every: bool) -> Iterator[dict[str, Any]]:
    """Lines for `backtest`: of the newest finding, or of every one, oldest first."""
    rows = anomaly.findings.order_by("at") if every else anomaly.findings.order_by("-at")[:1]
    for finding in rows.iterator():
        if finding.case:
            yield _case(finding, label)


def _case(finding: Finding, label: Label) -> dict[str, Any]:
    case: dict[str, Any] = finding.case
    return case | {
        "id": str(finding.pk),
        "anomaly": str(finding.anomaly_id),
        "culprit": str(label.culprit) if label.culprit else None,
        "culprit_by": str(label.by),
    }
