"""The list of anomalies: what goes on first, then what has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from attribution.models import Anomaly, Finding
from controlplane.anomalies import newest_findings, ranked
from controlplane.reactions import began_at
from controlplane.web.presenters.anomaly import word_for
from controlplane.web.presenters.named import Named, named
from controlplane.web.wording import Word

MOST_OPEN = 100
MOST_ENDED = 50


@dataclass(frozen=True)
class Row:
    anomaly: Anomaly
    word: Word
    # Of the newest finding; None with a probability: none of the changes.
    leader: Named | None
    # None: not attributed.
    probability: float | None

    @property
    def began(self) -> datetime:
        return began_at(self.anomaly)

    @property
    def lasted(self) -> timedelta | None:
        ended = self.anomaly.ended_at
        return ended - self.began if ended else None


@dataclass(frozen=True)
class AnomaliesPage:
    rows: list[Row]
    going_on: int
    # There are more than are shown.
    more: bool
    # Only those of one service; empty: all.
    service: str
    now: datetime


def anomalies_page(service: str, now: datetime) -> AnomaliesPage:
    rows = Anomaly.objects.select_related("service")
    if service:
        rows = rows.filter(service__name=service)
    going_on, more_open = _first(rows.filter(ended_at=None), "-detected_at", MOST_OPEN)
    ended, more_ended = _first(rows.exclude(ended_at=None), "-detected_at", MOST_ENDED)
    shown = [*going_on, *ended]
    findings = newest_findings(shown)
    leaders = {pk: _leader(finding) for pk, finding in findings.items()}
    titles = named(change for change, _probability in leaders.values() if change)
    return AnomaliesPage(
        rows=[_row(each, leaders, titles) for each in shown],
        going_on=len(going_on),
        more=more_open or more_ended,
        service=service,
        now=now,
    )


def _first(rows: QuerySet[Anomaly], order: str, most: int) -> tuple[list[Anomaly], bool]:
    found = list(rows.order_by(order, "-id")[: most + 1])
    return found[:most], len(found) > most


def _leader(finding: Finding) -> tuple[str, float]:
    """The likeliest answer; without an id: none of them."""
    suspects = ranked(finding)
    if not suspects or suspects[0]["probability"] < finding.none_of_them:
        return "", finding.none_of_them
    return suspects[0]["change"], suspects[0]["probability"]


def _row(
    anomaly: Anomaly, leaders: Mapping[UUID, tuple[str, float]], titles: Mapping[str, Named]
) -> Row:
    change, probability = leaders.get(anomaly.pk, ("", None))
    return Row(anomaly, word_for(anomaly), titles.get(change), probability)
