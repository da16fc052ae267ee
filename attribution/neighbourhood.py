"""The attribute case of one anomaly, from the rows: who calls whom, who was exposed, what was seen.

Bounded: the symptom's service, what it reaches, who calls that, and what is called beside it; the
last quarter of an hour; at most MOST_POINTS points a series (events and totals of neighbouring
reads are added up).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from attribution.measured import COHORTS, Measured, measured_of
from attribution.models import Alert, Anomaly, Exposure, Service
from attribution.series import Series, read_many
from attribution.watched import told_by_version

BACK = timedelta(minutes=15)
EXPOSED_BACK = timedelta(hours=1)
BEFORE_S = 120.0  # how much of the time before the first exposure is looked at
MOST_POINTS = 150
MOST_SERVICES = 200
MOST_BESIDE = 50

Case = dict[str, Any]


def case_of(anomaly: Anomaly, now: datetime) -> Case:
    services = reached(anomaly.service)
    # A caller may be the cause as well: its canary calls too often. So may what its callers call
    # beside it: they share a database, a pool, a host.
    others = [*_callers(services), *_beside(anomaly.service, services)]
    exposures = _exposures([*services, *others], now)
    changed = {row.service_id for row in exposures}
    whole = [*services, *(each for each in others if each.pk in changed)]
    window = (_since(anomaly, exposures, now), now)
    return {
        "id": str(anomaly.pk),
        "detected_at": anomaly.detected_at.timestamp(),
        "now": now.timestamp(),
        "interval_s": settings.GRAYGATE_INTERVAL_S,
        "symptom": {"service": anomaly.service.name},
        "incomplete": incomplete(anomaly),
        "services": [
            {"name": each.name, "calls": sorted(callee.name for callee in each.calls.all())}
            for each in (*services, *others)
        ],
        "changes": _changes(exposures),
        "series": _all_series([*services, *others], whole, exposures, window),
    }


def incomplete(anomaly: Anomaly) -> list[str]:
    """What is known to be missing, a sentence each."""
    if anomaly.origin != Anomaly.Origin.ALERT:
        return []
    told = Alert.objects.filter(fingerprint=anomaly.key).order_by("-starts_at").first()
    if told is None or not told.truncated:
        return []
    more = "1 more alert was" if told.truncated == 1 else f"{told.truncated} more alerts were"
    return [f"{more} cut off by Alertmanager: symptoms may be missing"]


def reached(start: Service) -> list[Service]:
    """The service and everything below it on the calls, nearest first, at most MOST_SERVICES."""
    found = {start.pk: start}
    frontier = [start.pk]
    while frontier and len(found) < MOST_SERVICES:
        callees = Service.objects.filter(callers__in=frontier).exclude(pk__in=found).distinct()
        frontier = []
        for callee in callees.order_by("name")[: MOST_SERVICES - len(found)]:
            found[callee.pk] = callee
            frontier.append(callee.pk)
    names = list(found)
    loaded = Service.objects.filter(pk__in=names).prefetch_related("calls").in_bulk()
    return [loaded[pk] for pk in names if pk in loaded]  # one may be deleted meanwhile


def _callers(services: Sequence[Service]) -> list[Service]:
    """Who calls them directly: what callers measure of a callee tells most about a dead one."""
    found = Service.objects.filter(calls__in=services).distinct()
    found = found.exclude(pk__in=[service.pk for service in services])
    return list(found.order_by("name").prefetch_related("calls")[:MOST_SERVICES])


def _beside(start: Service, services: Sequence[Service]) -> list[Service]:
    """What its direct callers call and it does not reach."""
    found = Service.objects.filter(callers__calls=start).distinct()
    found = found.exclude(pk__in=[service.pk for service in services]).exclude(calls__in=services)
    return list(found.order_by("name").prefetch_related("calls")[:MOST_BESIDE])


def _exposures(services: Sequence[Service], now: datetime) -> list[Exposure]:
    """All steps of the changes that were exposed within the last hour or are so still."""
    rows = Exposure.objects.filter(service__in=services, at__lte=now)
    newest = rows.order_by("change_id", "service_id", "-at", "-id").distinct(
        "change_id", "service_id"
    )
    live = {row.change_id for row in newest if _matters(row, now)}
    return list(rows.filter(change_id__in=live).select_related("service").order_by("at", "id"))


def _matters(newest: Exposure, now: datetime) -> bool:
    """Under way, or moved within the hour; what has long been everywhere is no change any more."""
    return 0 < newest.share < 1 or newest.at >= now - EXPOSED_BACK


def _changes(exposures: Iterable[Exposure]) -> list[Case]:
    """One entry a change: on the service it was exposed on first."""
    by_change: dict[str, list[Exposure]] = defaultdict(list)
    for row in exposures:
        by_change[str(row.change_id)].append(row)
    return [
        {
            "id": change,
            "service": rows[0].service.name,
            "kind": rows[0].kind,
            "risk": rows[0].risk,
            "exposures": [
                {"at": row.at.timestamp(), "share": row.share}
                for row in rows
                if row.service_id == rows[0].service_id
            ],
        }
        for change, rows in sorted(by_change.items())
    ]


def _since(anomaly: Anomaly, exposures: Sequence[Exposure], now: datetime) -> datetime:
    first = min([anomaly.detected_at, *(row.at for row in exposures)])
    return max(first - timedelta(seconds=BEFORE_S), now - BACK)


def _all_series(
    services: Sequence[Service],
    around: Sequence[Service],
    exposures: Iterable[Exposure],
    window: tuple[datetime, datetime],
) -> list[Case]:
    """Of a service around the symptom everything, of a caller only what it says of one."""
    names = {each.name for each in around}
    metrics = {
        service: [one for one in found if (one.peer or service) in names]
        for service, found in measured_of(services).items()
    }
    asked = {service: [one.name for one in found] for service, found in metrics.items() if found}
    read = read_many(asked, *window)
    changes = _changes_by_service(exposures)
    versions = {each.name: whose for each in services if (whose := told_by_version(each))}
    found = [
        series
        for service in asked
        for metric in metrics[service]
        for series in _series(service, metric, read[service], changes)
    ]
    return [_of_its_version(series, versions.get(series["service"])) for series in found]


def _of_its_version(series: Case, whose: tuple[str, float] | None) -> Case:
    """Cohorts that are versions are one change's, and before it began they were another's."""
    if whose is None or series["cohort"] == "all" or "peer" in series:
        return series
    change, since = whose
    v = [v if t > since else None for t, v in zip(series["t"], series["v"], strict=True)]
    return {**series, "change": change, "v": v}


def _series(
    service: str, metric: Measured, read: Series, changes: Mapping[str, set[str]]
) -> Iterable[Case]:
    exposed = bool(changes.get(metric.peer or service))
    own = changes.get(service, set())
    points = {cohort: _points(read, metric.name, cohort) for cohort in COHORTS}
    for cohort in _told(points, exposed=exposed):
        series: Case = {
            "service": service,
            "metric": metric.name,
            "direction": metric.direction,
            "cohort": cohort,
            **points[cohort],
        }
        if metric.peer:
            series["peer"] = metric.peer
        elif len(own) == 1 and cohort != "all":
            series["change"] = min(own)
        yield series


def _told(points: dict[str, Case], *, exposed: bool) -> list[str]:
    """Cohorts to show: those that report, and a canary that ought to while its control does."""
    reports = [c for c in COHORTS if any(value is not None for value in points[c]["v"])]
    if exposed and "control" in reports and "canary" not in reports:
        return ["canary", *reports]
    return reports


def _changes_by_service(exposures: Iterable[Exposure]) -> dict[str, set[str]]:
    """Whose canary a service's canary is; several when changes share it."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in exposures:
        found[row.service.name].add(str(row.change_id))
    return found


def _points(read: Series, metric: str, cohort: str) -> Case:
    """Shares `v` of `n` requests at times `t`; reads of a failed source are left out."""
    rows = [
        (at, pair)
        for at, pair, error in zip(read.t, read.pairs(metric, cohort), read.errors, strict=True)
        if not error
    ]
    width = max(1, -(-len(rows) // MOST_POINTS))
    # Whole groups counted from the newest, so that the last point is never a lone read.
    first = len(rows) % width
    groups = [rows[:first]] if first else []
    groups += [rows[place : place + width] for place in range(first, len(rows), width)]
    points: Case = {"t": [], "v": [], "n": []}
    for group in groups:
        pairs = [pair for _at, pair in group if pair]
        total = sum(pair[1] for pair in pairs)
        points["t"].append(round(group[-1][0], 3))
        points["n"].append(total or 0)
        points["v"].append(round(sum(pair[0] for pair in pairs) / total, 6) if total else None)
    return points
