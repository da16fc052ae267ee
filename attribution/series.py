"""Samples as columns: what the judge, attribution and the charts read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from attribution.models import Sample

COHORTS = ("canary", "control", "all")


@dataclass
class Series:
    """Columns of equal length, oldest first.

    t: end of each interval, seconds since the epoch. values[metric][cohort]: [events, total] or
    None. errors: why the read failed, or None; a failed read has None in every value.
    """

    t: list[float] = field(default_factory=list)
    values: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    errors: list[str | None] = field(default_factory=list)

    @property
    def last_at(self) -> float | None:
        return self.t[-1] if self.t else None

    @property
    def last_error(self) -> str | None:
        return self.errors[-1] if self.errors else None


def read_series(service: str, metrics: Sequence[str], since: datetime, until: datetime) -> Series:
    rows = Sample.objects.filter(service__name=service, at__gt=since, at__lte=until)
    series = Series(values={m: {c: [] for c in COHORTS} for m in metrics})
    for at, values, error in rows.order_by("at").values_list("at", "values", "error"):
        series.t.append(at.timestamp())
        series.errors.append(error or None)
        for metric in metrics:
            cohorts = values.get(metric) or {}
            for cohort in COHORTS:
                series.values[metric][cohort].append(cohorts.get(cohort))
    return series
