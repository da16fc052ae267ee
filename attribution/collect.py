"""Reading what is due from the services' sources, once a service and interval.

1. Claim: services that are due, skipping what another worker holds; the next time is set at once.
2. Read: all of them side by side, outside any transaction.
3. Store: one Sample a service, and its counters if nobody else stored newer ones meanwhile.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.measured import COHORTS, Measured, measured
from attribution.models import Sample, Service
from attribution.sources.base import Reading, SourceError, source_named

logger = logging.getLogger(__name__)
AT_ONCE = 8
MOST_A_ROUND = 200


@dataclass(frozen=True)
class Job:
    service: Service
    metrics: Sequence[Measured]


@dataclass(frozen=True)
class Result:
    job: Job
    reading: Reading | None
    error: str


def collect_due() -> int:
    """How many services were read. A source that fails leaves a Sample that says so."""
    jobs = _claim()
    if not jobs:
        return 0
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(jobs))) as pool:
        results = list(pool.map(_read, jobs))
    for result in results:
        _store(result)
    return len(results)


def _claim() -> list[Job]:
    with transaction.atomic():
        now = database_now()
        due = list(
            Service.objects.select_for_update(skip_locked=True)
            .filter(Q(due_at__lte=now) | Q(due_at=None))
            .exclude(source={})
            .order_by("due_at", "id")[:MOST_A_ROUND]
        )
        for service in due:
            service.due_at = _next(service.due_at, now)
        Service.objects.bulk_update(due, ["due_at"])
    return [Job(service, measured(service)) for service in due]


def _next(due_at: datetime | None, now: datetime) -> datetime:
    """On a steady beat; after a pause from now on, never catching up."""
    step = timedelta(seconds=settings.GRAYGATE_INTERVAL_S)
    following = (due_at or now) + step
    return following if following > now else now + step


def _read(job: Job) -> Result:
    queries = {key: query for metric in job.metrics for key, query in metric.queries().items()}
    try:
        name = str(job.service.source.get("name"))
        config = job.service.source.get("config") or {}
        state = job.service.counters.get("state") or {}
        reading = source_named(name).read(config, queries, state)
    except SourceError as problem:
        return Result(job, None, str(problem))
    except CaseError as problem:
        return Result(job, None, f"{problem.detail} ({problem.pointer})")
    except Exception as problem:
        # A third party's source may raise anything; it must not stop the others' reads.
        logger.exception("source of %s failed", job.service.name)
        return Result(job, None, f"the source failed: {type(problem).__name__}")
    return Result(job, reading, "")


def _store(result: Result) -> None:
    service = result.job.service
    with transaction.atomic():
        now = database_now()
        current = Service.objects.select_for_update().filter(pk=service.pk).first()
        if current is None or current.counters.get("at") != service.counters.get("at"):
            return  # removed, or read by somebody else meanwhile: these increments overlap theirs
        if result.reading is None:
            Sample.objects.create(service=current, at=now, error=result.error[:2000])
            return
        values = {
            metric.name: _values(metric, result.reading.increments) for metric in result.job.metrics
        }
        Sample.objects.create(service=current, at=now, values=values)
        current.counters = {"at": now.isoformat(), "state": result.reading.state}
        current.save(update_fields=["counters"])


def _values(metric: Measured, increments: Mapping[str, float | None]) -> dict[str, Any]:
    return {cohort: _pair(metric.name, cohort, increments) for cohort in COHORTS}


def _pair(name: str, cohort: str, increments: Mapping[str, float | None]) -> list[float] | None:
    """[events, total]; None when nothing was asked of the cohort or it is not known."""
    events = increments.get(f"{name}|{cohort}|events")
    total = increments.get(f"{name}|{cohort}|total")
    if events is None or total is None or total <= 0 or not 0 <= events <= total:
        return None
    return [events, total]
