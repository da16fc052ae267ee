"""Graygate's own metrics. State gauges are read from SQL at each scrape: prometheus-client's
multiprocess mode loses the gauges of dead workers, and the rows are the truth anyway.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from attribution.clock import database_now
from attribution.models import Anomaly, Sample
from controlplane import __version__
from controlplane.bells import BELLS
from controlplane.health import overdue_seconds
from controlplane.models import BellRecord, Change
from controlplane.notify.showing import untaken
from rollout.models import Decision, Delivery, Hold, OutboxMessage, Placement, Rollout


@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    try:
        body = generate_latest(REGISTRY)
    except DatabaseError as error:
        reason = f"# the database cannot be read ({type(error).__name__})\n"
        return HttpResponse(reason, status=503, content_type="text/plain")
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


class StateCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("graygate", "What runs here.", value={"version": __version__})
        yield from _counts()
        yield from _holds()
        yield from _bells()
        yield from _progress()
        yield from _delivery()

    def describe(self) -> Iterable[Metric]:
        """Empty: registering must not ask the database."""
        return []


def _counts() -> Iterator[Metric]:
    changes = GaugeMetricFamily(
        "graygate_changes", "Changes by state.", labels=["state", "environment"]
    )
    for state, environment, n in _grouped(Change, "state", "environment"):
        changes.add_metric([state, environment], n)
    yield changes
    rollouts = GaugeMetricFamily(
        "graygate_rollouts", "Rollouts by phase.", labels=["state", "environment"]
    )
    for phase, environment, n in _grouped(Rollout, "phase", "environment"):
        rollouts.add_metric([phase, environment], n)
    yield rollouts
    decisions = CounterMetricFamily(
        "graygate_decisions", "Entries of the ledger by decision.", labels=["decision"]
    )
    for decision, n in _grouped(Decision, "decision"):
        decisions.add_metric([decision], n)
    yield decisions
    yield GaugeMetricFamily(
        "graygate_anomalies_open",
        "Anomalies that have not ended.",
        value=Anomaly.objects.filter(ended_at=None).count(),
    )


def _holds() -> Iterator[Metric]:
    holds = GaugeMetricFamily("graygate_holds", "Holds in force by kind.", labels=["kind"])
    oldest = GaugeMetricFamily(
        "graygate_holds_oldest_seconds", "Age of the oldest hold in force.", labels=["kind"]
    )
    now = database_now()
    open_holds = (
        Hold.objects.filter(released_at=None, rollout__shadow=False).order_by().values_list("kind")
    )
    for kind, n, first in open_holds.annotate(n=Count("pk"), first=Min("since")):
        holds.add_metric([kind], n)
        oldest.add_metric([kind], (now - first).total_seconds())
    yield holds
    yield oldest


def _bells() -> Iterator[Metric]:
    """Every bell, also one that never rang: 0 is a very long time ago."""
    rung = GaugeMetricFamily(
        "graygate_bell_last_rung_timestamp_seconds", "When beat last rang it.", labels=["bell"]
    )
    answered = GaugeMetricFamily(
        "graygate_bell_last_answered_timestamp_seconds",
        "When a worker last came to the end of answering it.",
        labels=["bell"],
    )
    records = {record.name: record for record in BellRecord.objects.all()}
    for bell in BELLS:
        record = records.get(bell.name, BellRecord())
        rung.add_metric([bell.name], _timestamp(record.rung_at))
        answered.add_metric([bell.name], _timestamp(record.answered_at))
    yield rung
    yield answered


def _timestamp(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _progress() -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "graygate_placements_overdue_seconds",
        "Age of the oldest due placement that nobody has taken; grows when the loop stands.",
        value=overdue_seconds(),
    )
    last = Placement.objects.aggregate(at=Max("observed_at"))["at"]
    if last is not None:
        yield GaugeMetricFamily(
            "graygate_reconcile_last_success_timestamp_seconds",
            "When the loop last read a target back.",
            value=last.timestamp(),
        )
    read = Sample.objects.filter(error="").aggregate(at=Max("at"))["at"]
    if read is not None:
        yield GaugeMetricFamily(
            "graygate_collect_last_success_timestamp_seconds",
            "When metrics of a service were last read.",
            value=read.timestamp(),
        )


def _delivery() -> Iterator[Metric]:
    waiting = Delivery.objects.filter(delivered_at=None, gave_up_at=None)
    messages = OutboxMessage.objects.filter(dispatched_at=None)
    oldest = [
        at
        for at in (
            messages.aggregate(at=Min("at"))["at"],
            waiting.aggregate(at=Min("message__at"))["at"],
            untaken().aggregate(at=Min("told_at"))["at"],
        )
        if at is not None
    ]
    age = (database_now() - min(oldest)).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily(
        "graygate_outbox_oldest_seconds", "Age of the oldest undelivered message.", value=age
    )
    yield GaugeMetricFamily(
        "graygate_deliveries_given_up",
        "Messages that no further attempt will be made for.",
        value=Delivery.objects.exclude(gave_up_at=None).count(),
    )


def _grouped(model: type[Change | Rollout | Decision], *fields: str) -> Iterable[tuple[Any, ...]]:
    return model.objects.order_by().values_list(*fields).annotate(n=Count("pk"))


REGISTRY = CollectorRegistry()
REGISTRY.register(StateCollector())
