"""What is older than anybody asks for, deleted in bulk and never much at a time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from attribution.clock import database_now
from attribution.models import Alert, Anomaly, AnomalyFeedback, Finding, Sample, Service, Settling

SAMPLES = timedelta(days=30)
FINDINGS = timedelta(days=30)
INCIDENTS = timedelta(days=90)
# A service that is seldom changed is to remember as well.
SETTLINGS = timedelta(days=365)
BATCH = 5_000
# Deleted by one run from one table, in seconds: the worker has the loop to serve as well. What is
# left over goes with the next run.
MOST_A_RUN = 100_000


def prune() -> int:
    """Samples, and incidents that have ended. Findings go where decisions are known: above."""
    now = database_now()
    return sum(
        (
            prune_samples(now - SAMPLES),
            delete_in_batches(forgotten_anomalies(now - INCIDENTS)),
            delete_in_batches(Alert.objects.filter(ends_at__lt=now - INCIDENTS)),
            delete_in_batches(Settling.objects.filter(at__lt=now - SETTLINGS)),
        )
    )


def forgotten_anomalies(until: datetime) -> QuerySet[Anomaly]:
    """First the findings: an anomaly that a decision refers to stays with its finding. And one of
    which a person said what it was stays with that word: attribution is measured by it.
    """
    return Anomaly.objects.filter(
        ~Exists(Finding.objects.filter(anomaly=OuterRef("pk"))),
        ~Exists(AnomalyFeedback.objects.filter(anomaly=OuterRef("pk"))),
        ended_at__lt=until,
    )


def prune_samples(until: datetime) -> int:
    """Service by service, as they are indexed."""
    deleted = 0
    for pk in Service.objects.values_list("pk", flat=True):
        rows = Sample.objects.filter(service=pk, at__lt=until)
        deleted += delete_in_batches(rows, MOST_A_RUN - deleted)
    return deleted


def old_findings(before: datetime, most: int) -> list[Finding]:
    """The newest of them first, without their cases. Those that stay gather at the far end.

    Not the last word on an anomaly that has feedback: that is worth nothing without the case.
    """
    answered = AnomalyFeedback.objects.filter(anomaly=OuterRef("anomaly"))
    later = Finding.objects.filter(anomaly=OuterRef("anomaly"), at__gt=OuterRef("at"))
    rows = Finding.objects.filter(
        ~Exists(answered) | Exists(later), at__lt=before, anomaly__ended_at__isnull=False
    )
    return list(rows.order_by("-at").only("id", "at", "suspects")[:most])


def delete_findings(ids: Iterable[UUID]) -> int:
    return Finding.objects.filter(pk__in=list(ids)).delete()[0]


def delete_in_batches(rows: QuerySet[Any], most: int | None = None) -> int:
    """How many went. Short transactions: nobody waits long for a row."""
    most = MOST_A_RUN if most is None else most
    deleted = 0
    while deleted < most:
        ids = list(rows.order_by().values_list("pk", flat=True)[: min(BATCH, most - deleted)])
        if not ids:
            break
        rows.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
