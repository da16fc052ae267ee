"""Who is suspected of what: the newest finding of each anomaly that this change is part of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from attribution.models import Finding
from controlplane.web.presenters.named import Named, named

# More anomalies than that at once are one incident, and the page says so by the first ones.
MOST_ANOMALIES = 3


@dataclass(frozen=True)
class Suspect:
    change_id: str
    title: str
    services: str
    probability: float
    evidence: list[dict[str, Any]]
    vetoes: list[str]
    is_this: bool


@dataclass(frozen=True)
class Attribution:
    anomaly_id: UUID
    service: str
    metric: str
    origin: str
    started_at: datetime
    ended_at: datetime | None
    at: datetime
    suspects: list[Suspect]
    none_of_them: float
    localized: list[str]
    incomplete: list[str]

    @property
    def own(self) -> Suspect | None:
        return next((s for s in self.suspects if s.is_this), None)


def attributions(change_id: UUID) -> list[Attribution]:
    newest = (
        Finding.objects.filter(suspects__contains=[{"change": str(change_id)}])
        .select_related("anomaly__service")
        .defer("case")
        .order_by("anomaly_id", "-at")
        .distinct("anomaly_id")
    )
    findings = sorted(newest, key=lambda f: f.at, reverse=True)[:MOST_ANOMALIES]
    titles = named(s["change"] for f in findings for s in f.suspects)
    return [_attribution(f, str(change_id), titles) for f in findings]


def _attribution(finding: Finding, this: str, titles: Mapping[str, Named]) -> Attribution:
    anomaly = finding.anomaly
    ranked = sorted(finding.suspects, key=lambda s: -s["probability"])
    return Attribution(
        anomaly_id=anomaly.pk,
        service=anomaly.service.name,
        metric=anomaly.metric,
        origin=anomaly.origin,
        started_at=anomaly.started_at,
        ended_at=anomaly.ended_at,
        at=finding.at,
        suspects=[_suspect(s, this, titles[s["change"]]) for s in ranked],
        none_of_them=finding.none_of_them,
        localized=[_place(place) for place in finding.localized[:3]],
        incomplete=finding.incomplete,
    )


def _suspect(suspect: dict[str, Any], this: str, change: Named) -> Suspect:
    return Suspect(
        change_id=change.id if change.managed else "",
        title=change.title,
        services=change.where,
        probability=suspect["probability"],
        evidence=suspect["evidence"],
        vetoes=suspect["vetoes"],
        is_this=suspect["change"] == this,
    )


def _place(place: dict[str, Any]) -> str:
    parts = (place["service"], place.get("unit"), place.get("metric"))
    return " / ".join(str(p) for p in parts if p)
