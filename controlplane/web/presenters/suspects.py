"""Who is suspected of what: the newest finding of each anomaly that this change is part of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from attribution.models import Finding
from controlplane.models import Change

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
    titles = _titles(s["change"] for f in findings for s in f.suspects)
    return [_attribution(f, str(change_id), titles) for f in findings]


def _titles(ids: Iterable[str]) -> dict[str, Change]:
    """Unmanaged changes have no row here: they are shown by their id."""
    wanted = {i for i in ids if _is_uuid(i)}
    return {str(c.pk): c for c in Change.objects.filter(pk__in=wanted).only("title", "targets")}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _attribution(finding: Finding, this: str, titles: dict[str, Change]) -> Attribution:
    anomaly = finding.anomaly
    ranked = sorted(finding.suspects, key=lambda s: -s["probability"])
    return Attribution(
        service=anomaly.service.name,
        metric=anomaly.metric,
        origin=anomaly.origin,
        started_at=anomaly.started_at,
        ended_at=anomaly.ended_at,
        at=finding.at,
        suspects=[_suspect(s, this, titles.get(s["change"])) for s in ranked],
        none_of_them=finding.none_of_them,
        localized=[_place(place) for place in finding.localized[:3]],
        incomplete=finding.incomplete,
    )


def _suspect(suspect: dict[str, Any], this: str, change: Change | None) -> Suspect:
    return Suspect(
        change_id=suspect["change"] if change else "",
        title=change.title if change else suspect["change"],
        services=", ".join(t["service"] for t in change.targets) if change else "not managed here",
        probability=suspect["probability"],
        evidence=suspect["evidence"],
        vetoes=suspect["vetoes"],
        is_this=suspect["change"] == this,
    )


def _place(place: dict[str, Any]) -> str:
    parts = (place["service"], place.get("unit"), place.get("metric"))
    return " / ".join(str(p) for p in parts if p)
