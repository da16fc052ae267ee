"""Reading what is due from the services' sources, once a service and interval.

1. Claim: services that are due, skipping what another worker holds; the next time is set at once.
2. Read: side by side, outside any transaction; services that share a server in one go.
3. Store: one Sample a service, and its counters if nobody else stored newer ones meanwhile.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from attribution.clock import database_now
from attribution.cut_off import CutOffError, is_bounded, within
from attribution.errors import CaseError
from attribution.measured import COHORTS, PARTS, Measured, measured
from attribution.models import Sample, Service
from attribution.sources.base import (
    Ask,
    Reading,
    SharedSource,
    Source,
    SourceError,
    source_named,
)

logger = logging.getLogger(__name__)
AT_ONCE = 8
MOST_A_ROUND = 200
# Of a source that does not end its own reads: then it is left to itself.
LONGEST_READ_S = 20.0


@dataclass(frozen=True)
class Job:
    """`source` is None where it has none that is known: `error` says so."""

    service: Service
    source: Source | None
    metrics: Sequence[Measured]
    error: str = ""

    @property
    def ask(self) -> Ask:
        return Ask(
            config=self.service.source.get("config") or {},
            queries={key: one for metric in self.metrics for key, one in metric.queries().items()},
            state=self.service.counters.get("state") or {},
        )


@dataclass(frozen=True)
class Result:
    job: Job
    reading: Reading | None
    error: str


def collect_due() -> int:
    """How many services were read. A source that fails leaves a Sample that says so."""
    groups = _groups(_claim())
    if not groups:
        return 0
    read = 0
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(groups))) as pool:
        # Stored as they come: a server that is slow delays its own services only.
        for done in as_completed([pool.submit(_read, group) for group in groups]):
            for result in done.result():
                _store(result)
                read += 1
    return read


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
    return [_job(service) for service in due]


def _next(due_at: datetime | None, now: datetime) -> datetime:
    """On a steady beat; after a pause from now on, never catching up."""
    step = timedelta(seconds=settings.GRAYGATE_INTERVAL_S)
    following = (due_at or now) + step
    return following if following > now else now + step


def _job(service: Service) -> Job:
    try:
        source = source_named(str(service.source.get("name")))
    except CaseError as problem:
        return Job(service, None, (), f"{problem.detail} ({problem.pointer})")
    kinds = source.kinds if isinstance(source, SharedSource) else ("ratio",)
    return Job(service, source, measured(service, kinds))


def _groups(jobs: Iterable[Job]) -> list[list[Job]]:
    """Those that are read together: of one source and place."""
    groups: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[str(job.service.source.get("name")), _place(job)].append(job)
    return list(groups.values())


def _place(job: Job) -> str:
    if isinstance(job.source, SharedSource):
        try:
            return job.source.place(job.ask.config)
        except Exception:
            # As when reading: what a third party's source raises is its own services' trouble.
            logger.exception("source of %s failed", job.service.name)
    return f"service {job.service.pk}"


def _read(group: Sequence[Job]) -> list[Result]:
    name = f"source {group[0].service.source.get('name')}, {_place(group[0])}"
    bounded = group[0].source is None or is_bounded(group[0].source)
    try:
        found = within(name, LONGEST_READ_S, bounded, lambda: list(_readings(group)))
        if len(found) != len(group):
            raise LookupError("a reading too many or too few")  # noqa: TRY301 - as any other fault
        if not all(isinstance(one, Reading | SourceError) for one in found):
            raise TypeError("an answer that is no reading")  # noqa: TRY301 - likewise
    except CutOffError as problem:
        logger.warning("source of %s: %s", ", ".join(j.service.name for j in group[:5]), problem)
        found = [SourceError(f"the source was cut off: {problem}") for _ in group]
    except Exception as problem:
        # A third party's source may raise anything; it must not stop the others' reads.
        logger.exception("source of %s failed", ", ".join(job.service.name for job in group[:5]))
        found = [SourceError(f"the source failed: {type(problem).__name__}") for _ in group]
    return [
        Result(job, None, str(one)) if isinstance(one, SourceError) else Result(job, one, "")
        for job, one in zip(group, found, strict=True)
    ]


def _readings(group: Sequence[Job]) -> Iterator[Reading | SourceError]:
    source = group[0].source
    if isinstance(source, SharedSource):
        yield from source.read_many([job.ask for job in group])
        return
    for job in group:
        try:
            yield _alone(job)
        except SourceError as problem:
            yield problem
        except CaseError as problem:
            yield SourceError(f"{problem.detail} ({problem.pointer})")


def _alone(job: Job) -> Reading:
    if job.source is None:
        raise SourceError(job.error)
    return job.source.read(job.ask.config, job.ask.queries, job.ask.state)


def _store(result: Result) -> None:
    """What cannot be stored (NaN, a text for a number) is one service's trouble, and said there."""
    try:
        _stored(result)
    except (DatabaseError, TypeError, ValueError, AttributeError) as problem:
        logger.exception("what was read of %s", result.job.service.name)
        text = f"the source answered nonsense: {type(problem).__name__}"
        _stored(replace(result, reading=None, error=text))


def _stored(result: Result) -> None:
    service = result.job.service
    with transaction.atomic():
        now = database_now()
        current = Service.objects.select_for_update().filter(pk=service.pk).first()
        if current is None or not _same_look(current, service):
            return  # removed, or read by somebody else meanwhile: these increments overlap theirs
        if result.reading is None:
            Sample.objects.create(service=current, at=now, error=result.error[:2000])
            return
        values = {metric.name: _values(metric, result.reading) for metric in result.job.metrics}
        warnings = [text[:500] for text in result.reading.warnings]
        Sample.objects.create(service=current, at=now, values=values, warnings=warnings)
        kept = {key: each for key, each in current.counters.items() if key == "versions"}
        current.counters = {**kept, "at": now.isoformat(), "state": result.reading.state}
        current.save(update_fields=["counters"])


def _same_look(current: Service, service: Service) -> bool:
    """Nobody has stored another since, and the cohorts are still those of the same versions."""
    return all(current.counters.get(key) == service.counters.get(key) for key in ("at", "versions"))


def _values(metric: Measured, reading: Reading) -> dict[str, Any]:
    if metric.kind == "ratio":
        return {cohort: _pair(metric.name, cohort, reading.increments) for cohort in COHORTS}
    (part,) = PARTS[metric.kind]
    return {cohort: reading.values.get(f"{metric.name}|{cohort}|{part}") for cohort in COHORTS}


def _pair(name: str, cohort: str, increments: Mapping[str, float | None]) -> list[float] | None:
    """[events, total]; None when nothing was asked of the cohort or it is not known."""
    events = increments.get(f"{name}|{cohort}|events")
    total = increments.get(f"{name}|{cohort}|total")
    if events is None or total is None or total <= 0 or not 0 <= events <= total:
        return None
    return [events, total]
