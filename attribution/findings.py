"""Attributing open anomalies to the changes under way, and what was found about one change."""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Subquery

from attribution.attribute import attribute
from attribution.clock import database_now
from attribution.models import Anomaly, Finding
from attribution.neighbourhood import case_of

logger = logging.getLogger(__name__)
MOST_A_ROUND = 50
QUIET = timedelta(seconds=60)
SAME = 0.005


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
    # Since when the anomaly is known, and its whole finding.
    detected_at: datetime
    suspects: list[dict[str, Any]]
    none_of_them: float


def suspicion(change_id: uuid.UUID | str) -> Suspicion | None:
    """The gravest suspicion there is against the change now; None when nobody suspects it."""
    return next(iter(suspicions(change_id)), None)


def suspicions(change_id: uuid.UUID | str) -> list[Suspicion]:
    """One for each open anomaly whose newest finding names the change; the gravest first."""
    newest = Finding.objects.filter(anomaly=OuterRef("pk")).order_by("-at").values("pk")[:1]
    current = Anomaly.objects.filter(ended_at=None).values_list(Subquery(newest))
    naming = (
        Finding.objects.filter(pk__in=current, suspects__contains=[{"change": str(change_id)}])
        .select_related("anomaly")
        .defer("case")
    )
    named = [found for found in (_of(row, str(change_id)) for row in naming) if found]
    return sorted(named, key=lambda found: (-found.probability, -found.at.timestamp()))


def newest_of_open() -> list[Finding]:
    """The newest finding of each anomaly that goes on, with the anomaly and its service."""
    newest = Finding.objects.filter(anomaly=OuterRef("pk")).order_by("-at").values("pk")[:1]
    current = Anomaly.objects.filter(ended_at=None).values_list(Subquery(newest))
    rows = Finding.objects.filter(pk__in=current).select_related("anomaly__service")
    return list(rows.defer("case").order_by("at", "pk"))


def clearing(
    anomalies: Iterable[Anomaly], change_id: uuid.UUID | str, below: float
) -> set[uuid.UUID]:
    """Of these anomalies the ones whose newest finding gives the change less than `below`."""
    newest = Finding.objects.filter(anomaly__in=[a.pk for a in anomalies]).order_by(
        "anomaly_id", "-at"
    )
    rows = newest.distinct("anomaly_id").values_list("anomaly_id", "suspects")
    return {pk for pk, suspects in rows if _probability(suspects, str(change_id)) < below}


def _probability(suspects: Sequence[Mapping[str, Any]], change_id: str) -> float:
    return max((float(s["probability"]) for s in suspects if s["change"] == change_id), default=0.0)


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
                detected_at=finding.anomaly.detected_at,
                suspects=list(finding.suspects),
                none_of_them=finding.none_of_them,
            )
    return None


def attribute_due() -> int:
    """How many open anomalies were attributed. One that fails is logged and tried again later."""
    done = 0
    for anomaly in _claim():
        try:
            _attribute(anomaly)
            done += 1
        except Exception:
            # One anomaly's bad data must not keep the others from being attributed.
            logger.exception("attribution of anomaly %s failed", anomaly.pk)
    return done


def _claim() -> list[Anomaly]:
    with transaction.atomic():
        now = database_now()
        due = list(
            Anomaly.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("service")
            .filter(ended_at=None, due_at__lte=now)
            .order_by("due_at", "id")[:MOST_A_ROUND]
        )
        for anomaly in due:
            anomaly.due_at = now + timedelta(seconds=settings.GRAYGATE_INTERVAL_S)
        Anomaly.objects.bulk_update(due, ["due_at"])
    return due


def _attribute(anomaly: Anomaly) -> None:
    now = database_now()
    case = case_of(anomaly, now)
    answer = attribute(case)
    if not _same_as_before(anomaly, answer):
        Finding.objects.create(
            anomaly=anomaly,
            at=now,
            case=case,
            suspects=answer["suspects"],
            none_of_them=answer["none_of_them"],
            none_reasons=answer.get("none_reasons", []),
            localized=answer["localized"],
            incomplete=answer["incomplete"],
        )
    if not _any_live(case):
        # Nobody left to blame: look again only in case an exposure is told late.
        Anomaly.objects.filter(pk=anomaly.pk, ended_at=None).update(due_at=now + QUIET)


def _any_live(case: dict[str, Any]) -> bool:
    return any(change["exposures"][-1]["share"] > 0 for change in case["changes"])


def _same_as_before(anomaly: Anomaly, answer: dict[str, Any]) -> bool:
    """Nothing that anybody would act on has changed, so another row would tell nothing."""
    last = anomaly.findings.defer("case").order_by("-at").first()
    if last is None or abs(last.none_of_them - answer["none_of_them"]) > SAME:
        return False
    if last.incomplete != answer["incomplete"]:
        return False
    before = [(s["change"], s["probability"], s["vetoes"] != []) for s in last.suspects]
    after = [(s["change"], s["probability"], s["vetoes"] != []) for s in answer["suspects"]]
    return len(before) == len(after) and all(
        old[0] == new[0] and abs(old[1] - new[1]) <= SAME and old[2] == new[2]
        for old, new in zip(before, after, strict=True)
    )
