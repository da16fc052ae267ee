"""A judge case of the contract, read and checked: JSON in, arrays out, CaseError otherwise.

PURE. Missing readings (null, total 0, a negative increment) become 0 requests: nothing reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.fields import choice, items, mapping, number, optional_number, text, times
from attribution.stats.lines import Counts, Floats

MOST_REQUESTS = 1e15  # of one interval; beyond that sums of squares are no numbers any more
KINDS = ("value", "ratio", "distribution")
DIRECTIONS = ("increase", "decrease", "either")
METHODS = ("sequential", "mann_whitney")
EMPTY = Counts(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))

Pair = tuple[float, float]


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str
    direction: str
    critical: bool
    weight: float
    margin: float
    pass_margin: float
    margin_abs: float
    min_samples: float
    settle_s: float
    # None: a kind that this judge has no valid test for, or a source that failed (see `problem`).
    counts: Counts | None
    history: Counts
    problem: str


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
    metrics = tuple(_metric(entry, f"/metrics/{place}") for place, entry in enumerate(entries))
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
        if metric.counts is None:
            continue
        found = metric.counts.control_total.size
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
    counts, history, problem = _readings(source, kind, at)
    return Metric(
        name=text(source, "name", at),
        kind=kind,
        direction=choice(source, "direction", at, DIRECTIONS, "increase"),
        critical=_flag(source, "critical", at),
        weight=optional_number(source, "weight", at, 1.0, 0.0),
        margin=optional_number(source, "margin", at, 0.1, 0.0),
        pass_margin=optional_number(source, "pass_margin", at, 0.5, 0.0),
        margin_abs=optional_number(source, "margin_abs", at, 0.0, 0.0),
        min_samples=optional_number(source, "min_samples", at, 0.0, 0.0),
        settle_s=optional_number(source, "settle_s", at, 0.0, 0.0),
        counts=counts,
        history=history,
        problem=problem,
    )


def _flag(source: Mapping[str, Any], key: str, at: str) -> bool:
    value = source.get(key, False)
    if not isinstance(value, bool):
        raise CaseError("not a boolean", f"'{key}' must be true or false", f"{at}/{key}")
    return value


def _readings(source: Mapping[str, Any], kind: str, at: str) -> tuple[Counts | None, Counts, str]:
    if source.get("error"):
        return None, EMPTY, "source_error"
    for side in ("control", "canary"):
        if source.get(side) is None:
            raise CaseError("cohort missing", f"'{side}' is required", f"{at}/{side}")
    if kind != "ratio":
        return None, EMPTY, "unsupported_kind"
    counts = _counts(source, at)
    past = source.get("history")
    history = EMPTY if past is None else _counts(mapping(past, f"{at}/history"), f"{at}/history")
    return counts, history, ""


def _counts(source: Mapping[str, Any], at: str) -> Counts:
    control = ratio_series(source.get("control") or [], f"{at}/control")
    canary = ratio_series(source.get("canary") or [], f"{at}/canary")
    if control.shape != canary.shape and not at.endswith("/history"):
        detail = f"control has {control.shape[0]} intervals, canary {canary.shape[0]}"
        raise CaseError("unequal lengths", detail, f"{at}/canary")
    return Counts(control[:, 0], control[:, 1], canary[:, 0], canary[:, 1])


def ratio_series(series: Any, at: str) -> Floats:
    """(T, 2) events and total of one cohort; several units are added up, silent ones left out."""
    units = _units(series, at)
    summed = _one_unit(*units[0])
    for other, pointer in units[1:]:
        found = _one_unit(other, pointer)
        if found.shape != summed.shape:
            raise CaseError("unequal lengths", "units differ in their intervals", pointer)
        summed = summed + found
    return summed


def _units(series: Any, at: str) -> list[tuple[list[Any], str]]:
    if isinstance(series, Mapping):
        named = [(value, f"{at}/{_escaped(str(unit))}") for unit, value in series.items()]
        for value, pointer in named:
            _must_be_list(value, pointer)
        return named or [([], at)]
    _must_be_list(series, at)
    if series and all(isinstance(each, list | tuple) for each in series) and _nested(series):
        return [(each, f"{at}/{place}") for place, each in enumerate(series)]
    return [(series, at)]


def _nested(series: list[Any]) -> bool:
    """Is this a list a unit? Then no element holds a number of its own."""
    return not any(isinstance(value, int | float | str) for each in series for value in each)


def _must_be_list(value: Any, at: str) -> None:
    if not isinstance(value, list | tuple):
        raise CaseError("not a list", "expected a list of [events, total] or null", at)


def _escaped(unit: str) -> str:
    return unit.replace("~", "~0").replace("/", "~1")


def _one_unit(series: list[Any], at: str) -> Floats:
    rows = [_pair(value, at, place) for place, value in enumerate(series)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


def _pair(value: Any, at: str, place: int) -> Pair:
    if value is None:
        return (0.0, 0.0)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise CaseError("not [events, total]", "expected two numbers or null", f"{at}/{place}")
    events, total = value
    if events is None or total is None:
        return (0.0, 0.0)
    events = number(events, f"{at}/{place}/0", high=MOST_REQUESTS)
    total = number(total, f"{at}/{place}/1", high=MOST_REQUESTS)
    if events < 0 or total <= 0:  # a counter's reset, or nobody asked
        return (0.0, 0.0)
    if events > total * (1.0 + 1e-9):
        detail = f"{events:g} events of {total:g}"
        raise CaseError("events exceed total", detail, f"{at}/{place}/0")
    return (min(events, total), total)
