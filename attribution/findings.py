"""Attribution's word on a change, from the newest findings of open anomalies."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.models import Anomaly, Finding


@dataclass(frozen=True)
class Suspicion:
    probability: float
    rank: int
    evidence: tuple[dict[str, Any], ...]
    vetoes: tuple[str, ...]
    finding_id: uuid.UUID
    anomaly_id: uuid.UUID
    origin: str
    at: datetime


def suspicion(change_id: uuid.UUID) -> Suspicion | None:
    """The gravest suspicion against a change among the open anomalies; None: nobody names it."""
    named = [
        found
        for anomaly in Anomaly.objects.filter(ended_at=None)
        if (newest := anomaly.findings.order_by("-at").first())
        and (found := _in_finding(newest, anomaly, str(change_id)))
    ]
    return max(named, key=lambda s: s.probability, default=None)


def _in_finding(finding: Finding, anomaly: Anomaly, change_id: str) -> Suspicion | None:
    for rank, suspect in enumerate(finding.suspects, start=1):
        if suspect["change"] == change_id:
            return Suspicion(
                probability=suspect["probability"],
                rank=rank,
                evidence=tuple(suspect["evidence"]),
                vetoes=tuple(suspect["vetoes"]),
                finding_id=finding.id,
                anomaly_id=anomaly.id,
                origin=anomaly.origin,
                at=finding.at,
            )
    return None
