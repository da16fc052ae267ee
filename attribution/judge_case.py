"""A judge case of the contract, read and checked: JSON in, arrays out, CaseError otherwise. PURE.

`judge_readings` reads the series themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.evidence import Readings, Terms
from attribution.fields import choice, items, mapping, number, optional_number, text, times
from attribution.judge_readings import LARGEST, read_readings
from attribution.stats.lines import Floats

KINDS = ("value", "ratio", "distribution")
DIRECTIONS = ("increase", "decrease", "either")
METHODS = ("sequential", "mann_whitney")
MOST_READINGS = 2_000_000
# Beyond these what is computed of them is no number any more.
MOST_MARGIN, MOST_WEIGHT = 1e9, 1e9


@dataclass(frozen=True)
class Metric:
    name: str
    critical: bool
    weight: float
    terms: Terms
    min_samples: float
    settle_s: float
    # None: not to be read, because of `unread`.
    readings: Readings | None
    # "source_error" | "silenced" | "".
    unread: str = ""


@dataclass(frozen=True)
class Epoch:
    start: int  # index of its first interval
    begins: float  # in the unit of `Case.t`
    share: float  # NaN when not told


@dataclass(frozen=True)
class Case:
    id: Any
    interval_s: float
    alpha: float
    beta: float
    pass_weight: float
    t: Floats
    epochs: tuple[Epoch, ...]
    metrics: tuple[Metric, ...]


def read_case(case: Mapping[str, Any]) -> Case:
    mapping(case, "")
    interval = number(case.get("interval_s"), "/interval_s", low=1e-3)
    choice(case, "method", "", METHODS, "sequential")  # mann_whitney has a reading of its own
    entries = items(case, "metrics", "")
    if not entries:
        raise CaseError("no metrics", "a case needs at least one metric", "/metrics")
    metrics = _metrics(entries)
    _no_name_twice(metrics)
    t = _times(case, interval, _length(metrics))
    return Case(
        id=case.get("id"),
        interval_s=interval,
        alpha=optional_number(case, "alpha", "", 0.02, 1e-9, 0.5),
        beta=optional_number(case, "beta", "", 0.05, 1e-9, 0.5),
        pass_weight=optional_number(case, "pass_weight", "", 1.0, 0.0, 1.0),
        t=t,
        epochs=_epochs(case, t),
        metrics=_weighted(metrics),
    )


def _metrics(entries: list[Any]) -> tuple[Metric, ...]:
    found: list[Metric] = []
    counts = 0
    for place, entry in enumerate(entries):
        found.append(_metric(entry, f"/metrics/{place}"))
        counts += _size(found[-1].readings)
        if counts > MOST_READINGS:
            detail = f"all metrics together have at most {MOST_READINGS:,} counts and values"
            raise CaseError("too many readings", detail, f"/metrics/{place}")
    return tuple(found)


def _size(readings: Readings | None) -> int:
    if readings is None:
        return 0
    cohorts = (readings.control, readings.canary, readings.past_control, readings.past_canary)
    return sum(cohort.size for cohort in cohorts if cohort is not None)


def _no_name_twice(metrics: tuple[Metric, ...]) -> None:
    seen: set[str] = set()
    for place, metric in enumerate(metrics):
        if metric.name in seen:
            detail = f"'{metric.name}' is named twice"
            raise CaseError("duplicate metric", detail, f"/metrics/{place}/name")
        seen.add(metric.name)


def _weighted(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    if sum(metric.weight for metric in metrics) <= 0:
        raise CaseError("no weight", "at least one metric needs a weight above 0", "/metrics")
    return metrics


def _length(metrics: tuple[Metric, ...]) -> int | None:
    """The number of intervals, the same for every metric; None when no metric brings data."""
    length: int | None = None
    for place, metric in enumerate(metrics):
        if metric.readings is None:
            continue
        found = metric.readings.intervals
        if length is not None and found != length:
            detail = f"{found} intervals here, {length} in the metrics before"
            raise CaseError("unequal lengths", detail, f"/metrics/{place}/control")
        length = found
    return length


def _times(case: Mapping[str, Any], interval: float, length: int | None) -> Floats:
    given = case.get("t")
    if given is None:
        return np.arange(length or 0, dtype=np.float64) * interval
    found = times(items(case, "t", ""), "/t")
    if length is not None and len(found) != length:
        detail = f"{len(found)} times for {length} intervals"
        raise CaseError("unequal lengths", detail, "/t")
    return np.asarray(found, dtype=np.float64)


def _epochs(case: Mapping[str, Any], t: Floats) -> tuple[Epoch, ...]:
    """The epochs that have begun by the last interval; without `stages` one, from the start."""
    entries = items(case, "stages", "", default=[])
    if not entries:
        return (Epoch(0, float(t[0]), float("nan")),) if t.size else ()
    found: list[Epoch] = []
    earlier = -np.inf
    for place, entry in enumerate(entries):
        at = f"/stages/{place}"
        begins = number(mapping(entry, at).get("start"), f"{at}/start")
        share = optional_number(entry, "share", at, float("nan"), 0.0, 1.0)
        if begins < earlier:
            raise CaseError("stages not in order", "starts must not fall", f"{at}/start")
        earlier = begins
        start = int(np.searchsorted(t, begins, side="left"))
        if start < t.size:
            found.append(Epoch(start, begins, share))
    return tuple(found)


def _metric(entry: Any, at: str) -> Metric:
    source = mapping(entry, at)
    kind = choice(source, "kind", at, KINDS, None)
    terms = Terms(
        direction=choice(source, "direction", at, DIRECTIONS, "increase"),
        margin=optional_number(source, "margin", at, 0.1, 0.0, MOST_MARGIN),
        pass_margin=optional_number(source, "pass_margin", at, 0.5, 0.0, MOST_MARGIN),
        margin_abs=optional_number(source, "margin_abs", at, 0.0, 0.0, LARGEST),
    )
    unread = "silenced" if source.get("silenced") else "source_error" * bool(source.get("error"))
    return Metric(
        name=text(source, "name", at),
        critical=_flag(source, "critical", at),
        weight=_weight(source, at),
        terms=terms,
        min_samples=optional_number(source, "min_samples", at, 0.0, 0.0),
        settle_s=optional_number(source, "settle_s", at, 0.0, 0.0),
        readings=None if unread else read_readings(source, kind, at),
        unread=unread,
    )


def _weight(source: Mapping[str, Any], at: str) -> float:
    """0, or enough to be seen beside the largest."""
    found = optional_number(source, "weight", at, 1.0, 0.0, MOST_WEIGHT)
    return found and number(found, f"{at}/weight", 1.0 / MOST_WEIGHT)


def _flag(source: Mapping[str, Any], key: str, at: str) -> bool:
    value = source.get(key, False)
    if not isinstance(value, bool):
        raise CaseError("not a boolean", f"'{key}' must be true or false", f"{at}/{key}")
    return value
