"""Changes that nobody submitted, seen by the versions that answer. Rows around seen_versions.py.

1. Claim: services that are due, skipping what another worker holds; the next time is set at once.
2. Ask: one question a service, outside any transaction; those of one server one after the other.
3. Store: the steps and what is remembered, if nobody else has looked meanwhile.
"""

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast

from attribution import exposures
from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import Anomaly, Guardrail, Service, VersionWatch
from attribution.seen_versions import Look, Seen, Step, look
from attribution.sources.base import (
    Answered,
    SharedSource,
    SourceError,
    VersionAsk,
    VersionSource,
    source_named,
)
from attribution.version_labels import VersionLabel, counters, version_label
from attribution.versions import MOST_CHARACTERS, VERSION
from attribution.watched import watched

log = logging.getLogger(__name__)
# How often a service is looked at, and how often while something is under way or wrong there.
EVERY, SOON = timedelta(seconds=60), timedelta(seconds=15)
MOST_A_ROUND = 300
AT_ONCE = 4
# Of one server in one round: one that is slow is asked the rest later.
ROUND_S = 8.0
SEEN = uuid.UUID("0f4f0f1e-52f5-5d8e-8a0e-51f3f0a5a9d2")


@dataclass(frozen=True)
class Job:
    watch: VersionWatch
    label: VersionLabel
    selector: str
    now: datetime

    @property
    def service(self) -> Service:
        return self.watch.service

    @property
    def asked(self) -> str:
        return f"{self.label.name} of {self.selector}"

    @property
    def ask(self) -> VersionAsk:
        """What was remembered of another question is of no use."""
        before = self.watch.looked_at if self.watch.state.get("asked") == self.asked else None
        return VersionAsk(
            config=self.service.source.get("config") or {},
            selector=self.selector,
            label=self.label.name,
            since_s=(self.now - before).total_seconds() if before else None,
            state=(self.watch.state.get("source") or {}) if before else {},
        )


@dataclass(frozen=True)
class Result:
    """`answered` None: `error` says why; both empty: there was no time to ask."""

    job: Job
    answered: Answered | None = None
    error: str = ""


def look_due() -> int:
    """How many services were asked. Idempotent; several workers may do it at once."""
    _enrol()
    groups = _groups(_claim())
    if not groups:
        return 0
    asked = 0
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(groups))) as pool:
        for done in as_completed([pool.submit(_ask_all, group) for group in groups]):
            for result in done.result():
                asked += _stored(result)
    return asked


def _enrol() -> None:
    """A row for each service that has become one whose cohorts are versions."""
    text = Service.objects.annotate(text=Cast("cohorts", TextField()))
    new = text.filter(text__contains=VERSION, version_watch=None).exclude(source={})
    now = database_now()
    VersionWatch.objects.bulk_create(
        [VersionWatch(service=service, due_at=now) for service in new[:MOST_A_ROUND]],
        ignore_conflicts=True,
    )


def _claim() -> list[Job]:
    with transaction.atomic():
        now = database_now()
        due = VersionWatch.objects.select_for_update(skip_locked=True, of=("self",))
        wanted = Q(due_at__lte=now) | (Q(looked_at__lt=now - SOON) & _broken())
        rows = list(due.filter(wanted).select_related("service")[:MOST_A_ROUND])
        for row in rows:
            row.due_at = now + EVERY
        VersionWatch.objects.bulk_update(rows, ["due_at"])
    specs = _specs([row.service for row in rows])
    jobs = (_job(row, specs[row.service_id], now) for row in rows)
    return [job for job in jobs if job is not None]


def _broken() -> Q:
    """Something is wrong there or with a caller: what has just begun is to be known soon."""
    going_on = Anomaly.objects.filter(ended_at=None)
    own = going_on.filter(service=OuterRef("service"))
    callers = going_on.filter(service__calls=OuterRef("service"))
    return Q(Exists(own)) | Q(Exists(callers))


def _specs(services: Sequence[Service]) -> dict[int, list[Mapping[str, Any]]]:
    """Guardrails that stand, then telemetry."""
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    standing = Guardrail.objects.filter(service__in=services, change_id=None).order_by("name")
    for row in standing:
        found[row.service_id].append(row.spec)
    for service in services:
        found[service.pk] += service.telemetry
    return found


def _job(watch: VersionWatch, specs: Iterable[Mapping[str, Any]], now: datetime) -> Job | None:
    label, counted = version_label(watch.service.cohorts), counters(specs)
    if label is None or counted is None:
        return None
    return Job(watch, label, str(counted), now)


def _groups(jobs: Iterable[Job]) -> list[list[Job]]:
    groups: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[str(job.service.source.get("name")), _place(job)].append(job)
    return list(groups.values())


def _place(job: Job) -> str:
    try:
        source = source_named(str(job.service.source.get("name")))
        if isinstance(source, SharedSource):
            return source.place(job.ask.config)
    except Exception:
        # As when reading: what a third party's source raises is its own services' trouble.
        log.exception("source of %s failed", job.service.name)
    return f"service {job.service.pk}"


def _ask_all(group: Sequence[Job]) -> list[Result]:
    until = time.monotonic() + ROUND_S
    return [_asked(job) if time.monotonic() < until else Result(job) for job in group]


def _asked(job: Job) -> Result:
    try:
        source = source_named(str(job.service.source.get("name")))
        if not isinstance(source, VersionSource):
            return Result(job, None, "its source does not tell which versions answer")
        return Result(job, source.versions(job.ask))
    except (SourceError, CaseError) as problem:
        return Result(job, None, str(problem))
    except Exception as problem:
        log.exception("source of %s failed", job.service.name)
        return Result(job, None, f"the source failed: {type(problem).__name__}")


# --- what was answered becomes rows ----------------------------------------------------------


def _stored(result: Result) -> bool:
    """A row that cannot be stored stops no other."""
    try:
        return store(result)
    except Exception:
        log.exception("versions of %s were not stored", result.job.service.name)
        return False


@transaction.atomic
def store(result: Result) -> bool:
    rows = VersionWatch.objects.select_for_update(of=("self",)).select_related("service")
    row = rows.filter(pk=result.job.watch.pk).first()
    if row is None or row.looked_at != result.job.watch.looked_at:
        return False  # removed, or another worker has looked meanwhile
    if result.answered is None:
        if not result.error:
            row.due_at = result.job.now
        row.error = result.error[:2000]
        row.save(update_fields=["due_at", "error"])
        return bool(result.error)
    _take(row, result.job, result.answered)
    return True


def _take(row: VersionWatch, job: Job, answered: Answered) -> None:
    seen, changes = _look(row.service, job, answered), dict(row.state.get("changes") or {})
    after, steps = look(_before(row, job, seen), seen)
    for step in steps:
        _record(row.service, step, changes)
    followed = after.followed if after else {}
    row.state = {
        "asked": job.asked,
        "seen": after.to_json() if after else None,
        "seen_of": job.asked if seen.total > 0 else row.state.get("seen_of"),
        "changes": {version: pk for version, pk in changes.items() if version in followed},
        "source": answered.state,
    }
    row.looked_at, row.error = job.now, ""
    row.due_at = job.now + (SOON if after and after.moving else EVERY)
    row.save()


def _before(row: VersionWatch, job: Job, seen: Look) -> Seen | None:
    """To another question other versions are known; what has begun is followed to its end."""
    before = Seen.from_json(row.state["seen"]) if row.state.get("seen") else None
    if before is None or seen.total <= 0 or row.state.get("seen_of") == job.asked:
        return before
    known, _ = look(None, seen)
    return replace(before, known=known.known if known else {})


def _look(service: Service, job: Job, answered: Answered) -> Look:
    """Requests since the look before, also where the source was asked for a longer time."""
    said = watched(service)
    told = tuple(str(said.get(key) or "") for key in ("version", "previous_version"))
    elapsed = job.ask.since_s or answered.window_s
    part = min(1.0, elapsed / answered.window_s) if answered.window_s > 0 else 1.0
    requests: dict[str, float] = defaultdict(float)
    for value, count in answered.requests.items():
        version = job.label.version(value)
        if version and len(version) <= MOST_CHARACTERS and version.isprintable():
            requests[version] += count * part
    at = job.now.timestamp()
    return Look(dict(requests), at - answered.window_s, at, told)


def _record(service: Service, step: Step, changes: dict[str, str]) -> None:
    name = f"{service.name} {step.version}"
    if step.version not in changes:
        changes[step.version] = str(_change_id(service, name, step))
    exposures.record(
        uuid.UUID(changes[step.version]),
        service.name,
        datetime.fromtimestamp(step.at, UTC),
        step.share,
        [],
        "deploy",
        managed=False,
        name=name,
        same_as=_submitted(service) if step.told else None,
    )


def _change_id(service: Service, name: str, step: Step) -> uuid.UUID:
    """One that an event has told of already is the same change."""
    for live in exposures.live_unmanaged(service):
        if live.name == name:
            return live.change_id
    return uuid.uuid5(SEEN, f"{service.environment}\n{name}\n{step.since:.3f}")


def _submitted(service: Service) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(watched(service).get("change")))
    except ValueError:
        return None
