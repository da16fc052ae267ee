"""Canary and control of a change, metric by metric, on common times. PURE.

Of the change's own service and of what its callers measure of it (`peer`).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from attribution.attribute_case import Case, Change, Series
from attribution.stats.lines import Flags, Floats

OUTCOMES = ("error", "success", "availab", "fail", "5xx", "timeout")
LATENCIES = ("latency", "duration", "slow", "fast", "seconds", "_ms", "p9")
TELLING = 0.6


@dataclass(frozen=True)
class Pair:
    """Canary and control of one metric on common times; NaN where nothing was reported."""

    metric: str
    direction: str
    weight: float
    outcome: bool
    t: Floats
    canary: Floats
    control: Floats
    canary_n: Floats | None
    control_n: Floats | None
    # Requests of the whole service between two reads, where it tells their rate.
    requests: Floats | None = None
    peer: bool = False  # as a caller sees it


def metric_weight(metric: str) -> float:
    """Outcomes speak loudest; resources, and what is unknown, also move when nothing is wrong."""
    name = metric.lower()
    if any(word in name for word in OUTCOMES):
        return 1.0
    return TELLING if any(word in name for word in LATENCIES) else 0.25


def pairs_of(case: Case, change: Change) -> list[Pair]:
    return list(_pairs(case.about(change), change))


def exposed_points(pair: Pair, change: Change) -> Flags:
    """While a part was exposed, and a part was not. The first point may be of before a growth."""
    until = pair.t <= change.compared_until()
    return np.asarray((pair.t > change.begins) & until & (change.share_at(pair.t) > 0))


def is_share(pair: Pair) -> bool:
    """Shares come with their requests, or by the name of an outcome; seconds are small as well."""
    if pair.canary_n is None and not pair.outcome:
        return False
    values = np.concatenate([pair.canary, pair.control])
    values = values[np.isfinite(values)]
    return bool(values.size) and bool(values.min() >= 0) and bool(values.max() <= 1)


def _pairs(series: Iterable[Series], change: Change) -> Iterable[Pair]:
    groups: dict[tuple[str, str, str], dict[str, list[Series]]] = defaultdict(
        lambda: defaultdict(list)
    )
    known = list(series)
    for each in known:
        cohort = _cohort(each, change)
        if cohort:
            groups[each.service, each.metric, each.peer or ""][cohort].append(each)
    rate = next((each for each in known if _is_rate(each, change)), None)
    for (service, metric, peer), cohorts in sorted(groups.items()):
        if not (cohorts["canary"] and cohorts["control"]):
            continue
        label = f"{metric} seen by {service}" if peer else metric
        own = 0.5 if peer and peer != change.service else 1.0
        pair = _pair(label, metric_weight(metric) * own, cohorts["canary"], cohorts["control"])
        requests = _requests(rate, pair.t) if rate else None
        yield replace(pair, requests=requests, peer=bool(peer))


def _is_rate(series: Series, change: Change) -> bool:
    name = series.metric.lower()
    own = series.service == change.service and series.peer is None and series.cohort == "all"
    return own and "request" in name and name.endswith(("per_second", "_rate", "rps"))


def _requests(rate: Series, t: Floats) -> Floats | None:
    known = np.isfinite(rate.v)
    if known.sum() < 2:
        return None
    apart = float(np.median(np.diff(rate.t)))
    return np.asarray(np.interp(t, rate.t[known], rate.v[known]) * apart)


def _cohort(series: Series, change: Change) -> str:
    """canary, control or nothing: what this series is to this change."""
    if series.change is not None and series.change != change.id:
        return ""
    subject = series.service if series.peer is None else series.peer
    if subject != change.service and series.change != change.id:
        return ""
    if series.cohort != "all":
        return series.cohort
    if series.unit is None or not change.units:
        return ""
    return "canary" if series.unit in change.units else "control"


def _pair(label: str, weight: float, canary: list[Series], control: list[Series]) -> Pair:
    t = np.unique(np.concatenate([each.t for each in (*canary, *control)]))
    canary_v, canary_n = _together(t, canary)
    control_v, control_n = _together(t, control)
    direction = canary[0].direction
    outcome = metric_weight(canary[0].metric) >= 1.0
    return Pair(label, direction, weight, outcome, t, canary_v, control_v, canary_n, control_n)


def _together(t: Floats, series: list[Series]) -> tuple[Floats, Floats | None]:
    """Units of one cohort as one series on times `t`: weighted by requests where they are known."""
    values = np.full((len(series), t.size), np.nan)
    counts = np.full((len(series), t.size), np.nan)
    for row, each in enumerate(series):
        places = np.searchsorted(t, each.t)
        values[row, places] = each.v
        if each.n is not None:
            counts[row, places] = each.n
    known = np.isfinite(values)
    if all(each.n is not None for each in series):
        n = np.where(known, np.nan_to_num(counts), 0.0)
        total = n.sum(axis=0)
        summed = (np.nan_to_num(values) * n).sum(axis=0)
        return np.divide(summed, total, out=np.full(t.size, np.nan), where=total > 0), total
    seen = known.sum(axis=0)
    summed = np.nan_to_num(values).sum(axis=0)
    return np.divide(summed, seen, out=np.full(t.size, np.nan), where=seen > 0), None
