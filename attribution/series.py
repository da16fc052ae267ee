"""Reading samples back as series: for the judge, for attribution and for charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from attribution.models import Sample

COHORTS = ("canary", "control", "all")


@dataclass
class Series:
    """One row a read of the service, in time order.

    values[metric][cohort][i] is what was read up to t[i] (epoch seconds): [events, total], a
    number, or {"bounds", "counts"}, by the metric's kind then; None: not reported.
    errors[i] says why the source failed at t[i]; last_error is empty when the last read worked.
    """

    t: list[float] = field(default_factory=list)
    values: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    errors: list[str | None] = field(default_factory=list)
    last_at: datetime | None = None
    last_error: str = ""

    def pairs(self, metric: str, cohort: str) -> list[Any]:
        """[events, total] of a ratio; None for whatever else was read."""
        return [pair_of(stored) for stored in self.values[metric][cohort]]


def pair_of(stored: Any) -> Any:
    return stored if isinstance(stored, list) else None


def read_series(service: str, metrics: Sequence[str], since: datetime, until: datetime) -> Series:
    """Samples with since <= at <= until; a metric that no sample knows is all None."""
    return read_many({service: metrics}, since, until)[service]


def read_many(
    metrics: Mapping[str, Sequence[str]], since: datetime, until: datetime
) -> dict[str, Series]:
    """The same of many services at once; `metrics` by the service's name."""
    found = {
        service: Series(values={metric: {cohort: [] for cohort in COHORTS} for metric in wanted})
        for service, wanted in metrics.items()
    }
    rows = Sample.objects.filter(service__name__in=list(metrics), at__gte=since, at__lte=until)
    read = rows.order_by("service_id", "at", "id").values_list(
        "service__name", "at", "values", "error"
    )
    for service, at, values, error in read:
        _add(found[service], at, values, error)
    return found


def _add(series: Series, at: datetime, values: Mapping[str, Any], error: str) -> None:
    series.t.append(at.timestamp())
    series.errors.append(error or None)
    series.last_at, series.last_error = at, error
    for metric, cohorts in series.values.items():
        reported = values.get(metric) or {}
        for cohort in COHORTS:
            cohorts[cohort].append(reported.get(cohort))
