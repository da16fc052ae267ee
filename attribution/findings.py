"""Attributing open anomalies to the changes under way, and what was found about one change."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.models import Finding


@dataclass(frozen=True)
class Suspicion:
    """What the newest finding of an open anomaly says about one change; rank 1 is the leader."""

    probability: float
    vetoes: list[str]
    evidence: list[dict[str, Any]]
    finding_id: str
    anomaly_id: str
    at: datetime
    rank: int
    origin: str


def suspicion(change_id: uuid.UUID | str) -> Suspicion | None:
    """The gravest suspicion there is against the change now; None when nobody suspects it."""
    newest = (
        Finding.objects.filter(anomaly__ended_at=None)
        .select_related("anomaly")
        .defer("case")
        .order_by("anomaly_id", "-at")
        .distinct("anomaly_id")
    )
    named = [found for found in (_of(row, str(change_id)) for row in newest) if found]
    return max(named, key=lambda found: (found.probability, found.at), default=None)


def _of(finding: Finding, change_id: str) -> Suspicion | None:
    for place, suspect in enumerate(finding.suspects):
        if suspect["change"] == change_id:
            return Suspicion(
                probability=suspect["probability"],
                vetoes=list(suspect["vetoes"]),
                evidence=list(suspect["evidence"]),
                finding_id=str(finding.id),
                anomaly_id=str(finding.anomaly_id),
                at=finding.at,
                rank=place + 1,
                origin=finding.anomaly.origin,
            )
    return None


def attribute_due() -> int:
    raise NotImplementedError
