"""A judge case with `method: "mann_whitney"`, read and checked: one series a cohort. PURE.

- `value`: numbers or null in time order. Several units are averaged at each interval over those
  that report, as the query that Kayenta sends would: pooling their points would count one moment
  many times.
- `ratio`: events/total of all units together, an interval; total 0 or null: nothing reported.
- `distribution`: an error. A mean or a quantile would have to be invented inside a bucket.

With `t` or `stages` all series have one length, only the stage under way counts, and `settle_s`
leaves out its beginning. Without them a cohort may have more points than the other, as in Kayenta.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.fields import choice, items, mapping, number, optional_number, text, times
from attribution.judge_case import KINDS
from attribution.judge_readings import ratio_series
from attribution.kayenta.options import (
    Given,
    Options,
    ScoreOptions,
    contract_options,
    given_options,
    metric_options,
    score_options,
)
from attribution.pointers import below
from attribution.stats.lines import Floats

LARGEST = 1e30  # of a value: a root search to 1e-4 still ends soon
MOST_POINTS = 20_000  # of a cohort: two weeks of minutes


@dataclass(frozen=True)
class Metric:
    name: str
    options: Options
    control: Floats  # NaN: nothing reported
    canary: Floats
    min_samples: float
    failed: bool  # its source could not be read


@dataclass(frozen=True)
class ScoreCase:
    id: Any
    intervals: int
    metrics: tuple[Metric, ...]
    score: ScoreOptions


@dataclass(frozen=True)
class Clock:
    t: Floats
    begins: float  # of the stage under way
    one_length: bool  # of all series: `t` or `stages` say which interval is which

    def current(self, series: Floats, settle_s: float, at: str) -> Floats:
        """The points of the stage under way, after it has settled."""
        if self.one_length and series.size not in (0, self.t.size):
            detail = f"{series.size} intervals here, {self.t.size} in the case"
            raise CaseError("unequal lengths", detail, at)
        return np.asarray(series[self.t[: series.size] >= self.begins + settle_s])


def read_case(case: Mapping[str, Any]) -> ScoreCase:
    interval_s = number(case.get("interval_s"), "/interval_s", low=1e-3, high=1e9)
    entries = items(case, "metrics", "")
    if not entries:
        raise CaseError("no metrics", "a case needs at least one metric", "/metrics")
    places = [f"/metrics/{place}" for place in range(len(entries))]
    sources = [mapping(entry, at) for entry, at in zip(entries, places, strict=True)]
    raw = [_both_series(source, at) for source, at in zip(sources, places, strict=True)]
    longest = max(side.size for both in raw for side in both)
    clock = _clock(case, interval_s, longest)
    of_case = given_options(case, "")
    own = [given_options(source, at) for source, at in zip(sources, places, strict=True)]
    metrics = tuple(
        _metric(source, at, {**of_case, **contract_options(source, at), **given}, both, clock)
        for source, at, given, both in zip(sources, places, own, raw, strict=True)
    )
    _check(metrics)
    groups = {group for metric in metrics for group in metric.options.groups}
    return ScoreCase(case.get("id"), longest, metrics, score_options([of_case, *own], groups))


def _check(metrics: tuple[Metric, ...]) -> None:
    names = [metric.name for metric in metrics]
    for place, name in enumerate(names):
        if name in names[:place]:
            detail = f"'{name}' is named twice"
            raise CaseError("duplicate metric", detail, f"/metrics/{place}/name")
    if all(metric.options.muted for metric in metrics):
        raise CaseError("nothing to score", "every metric is muted", "/metrics")


def _clock(case: Mapping[str, Any], interval_s: float, longest: int) -> Clock:
    given, stages = case.get("t"), items(case, "stages", "", default=[])
    if given is not None:
        t = times(items(case, "t", ""), "/t")
    else:
        t = np.arange(longest, dtype=np.float64) * interval_s
    begins = float(t[0]) if t.size else 0.0
    earlier = -np.inf
    for place, entry in enumerate(stages):
        at = f"/stages/{place}/start"
        start = number(mapping(entry, f"/stages/{place}").get("start"), at)
        if start < earlier:
            raise CaseError("stages not in order", "starts must not fall", at)
        earlier = start
        if place == 0 or (t.size and start <= t[-1]):
            begins = start
    return Clock(t, begins, one_length=given is not None or bool(stages))


def _metric(
    source: Mapping[str, Any], at: str, given: Given, both: tuple[Floats, Floats], clock: Clock
) -> Metric:
    settle_s = optional_number(source, "settle_s", at, 0.0, 0.0)
    return Metric(
        name=text(source, "name", at),
        options=metric_options(given),
        control=clock.current(both[0], settle_s, f"{at}/control"),
        canary=clock.current(both[1], settle_s, f"{at}/canary"),
        min_samples=optional_number(source, "min_samples", at, 0.0, 0.0),
        failed=bool(source.get("error")),
    )


def _both_series(source: Mapping[str, Any], at: str) -> tuple[Floats, Floats]:
    kind = choice(source, "kind", at, KINDS, None)
    if source.get("error"):
        return np.zeros(0), np.zeros(0)
    return _series(source, kind, "control", at), _series(source, kind, "canary", at)


def _series(source: Mapping[str, Any], kind: str, side: str, at: str) -> Floats:
    given, pointer = source.get(side), f"{at}/{side}"
    if given is None:
        raise CaseError("cohort missing", f"'{side}' is required", pointer)
    if kind == "distribution":
        detail = "mann_whitney takes value (a mean, a quantile) and ratio (a share beyond a bound)"
        raise CaseError("kind not available", detail, f"{at}/kind")
    series = _shares(given, pointer) if kind == "ratio" else value_series(given, pointer)
    if series.size > MOST_POINTS:
        detail = f"{series.size} intervals; at most {MOST_POINTS}"
        raise CaseError("too many intervals", detail, pointer)
    return series


def _shares(given: Any, at: str) -> Floats:
    pairs = ratio_series(given, at)
    total = pairs[:, 1]
    nothing = np.full(total.size, np.nan)
    return np.asarray(np.divide(pairs[:, 0], total, out=nothing, where=total > 0))


def value_series(series: Any, at: str) -> Floats:
    """One number an interval, NaN where no unit reports; several units are averaged."""
    rows = [_readings(unit, pointer) for unit, pointer in _units(series, at)]
    for row, (_, pointer) in zip(rows, _units(series, at), strict=True):
        if row.size != rows[0].size:
            raise CaseError("unequal lengths", "units differ in their intervals", pointer)
    reported = ~np.isnan(rows)
    count = reported.sum(axis=0)
    total = np.where(reported, rows, 0.0).sum(axis=0)
    nothing = np.full(count.size, np.nan)
    return np.asarray(np.divide(total, count, out=nothing, where=count > 0))


def _units(series: Any, at: str) -> list[tuple[Any, str]]:
    if isinstance(series, Mapping):
        named = [(row, below(at, unit)) for unit, row in series.items()]
        return named or [([], at)]
    if isinstance(series, list) and series and all(isinstance(row, list) for row in series):
        return [(row, f"{at}/{place}") for place, row in enumerate(series)]
    return [(series, at)]


def _readings(values: Any, at: str) -> Floats:
    if not isinstance(values, list):
        raise CaseError("not a list", "expected a list of numbers or null", at)
    return np.array(
        [
            np.nan if value is None else number(value, f"{at}/{place}", -LARGEST, LARGEST)
            for place, value in enumerate(values)
        ],
        dtype=np.float64,
    )
