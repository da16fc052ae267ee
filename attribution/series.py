"""Reading samples back as series: for the judge, for attribution and for charts."""

from collections.abc import Sequence
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
    rows = Sample.objects.filter(service__name=service, at__gte=since, at__lte=until)
    found = Series(values={metric: {cohort: [] for cohort in COHORTS} for metric in metrics})
    for at, values, error in rows.order_by("at", "id").values_list("at", "values", "error"):
        found.t.append(at.timestamp())
        found.errors.append(error or None)
        found.last_at, found.last_error = at, error
        for metric in metrics:
            reported = values.get(metric) or {}
            for cohort in COHORTS:
                found.values[metric][cohort].append(reported.get(cohort))
    return found
