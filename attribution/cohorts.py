"""The canary-against-control evidence on one change: difference, silence, or a clean bill.

PURE. Works on the change's own service and on what its callers measure of it (`peer`).
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from attribution.attribute_case import Case, Change, Series
from attribution.stats.lines import Flags, Floats
from attribution.stats.shifts import harmful, mean_shift, paired_shares, scatter

SILENCE_SCORE = 15.0
MOST = 20.0
LEAST_POINTS = 4
SILENT_POINTS = 3  # one lost scrape proves nothing
LEAST_SILENCE = 3.0
USUALLY_MISSING = 0.03
STARTING_POINTS = 5  # a canary that has never reported may only just be starting
# Canary and control are never quite the same; of the control's level.
UNIT_DIFFERENCE = 0.1
OUTCOMES = ("error", "success", "availab", "fail", "5xx", "timeout")
LATENCIES = ("latency", "duration", "slow", "fast", "seconds", "_ms", "p9")
TELLING = 0.6
LEAST_RISE = 2  # points on either side


@dataclass(frozen=True)
class Difference:
    """One metric of one change: score ≥ 0 against it, or cleared."""

    metric: str
    score: float
    summary: str
    silent: bool = False
    cleared: bool = False
    # The control shows the symptom as much as the canary does.
    shared: bool = False
    # An outcome or a latency, not CPU or the like.
    telling: bool = True
    # An outcome.
    outcome: bool = True
    # How much was compared, on the log.
    power: float = 0.0
    # The canary differed as much long before the anomaly, and its share has not grown since.
    stale: bool = False


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


def differences(case: Case, change: Change, onset: float = math.inf) -> list[Difference]:
    """One a metric for which canary and control are both known, the gravest first."""
    pairs = pairs_of(case, change)
    threshold = math.sqrt(4.0 + 2.0 * math.log(max(len(pairs), 1)))
    found = [each for pair in pairs if (each := _difference(pair, change, threshold, onset))]
    return sorted(found, key=lambda each: (-each.score, each.metric))


def pairs_of(case: Case, change: Change) -> list[Pair]:
    return list(_pairs(case.about(change), change))


def comparing(case: Case, change: Change) -> bool:
    """Does a control report beside what is exposed? Then time will tell more than it does now."""
    for pair in pairs_of(case, change):
        if np.isfinite(pair.control[_exposed(pair, change)]).any():
            return True
    return False


def control_rise(series: Iterable[Series], whole: Series, onset: float) -> float | None:
    """The rise of the control since the onset by that of the whole, within 0 to 1.5."""
    control = next(
        (
            s
            for s in series
            if s.cohort == "control"
            and (s.service, s.metric, s.peer) == (whole.service, whole.metric, whole.peer)
        ),
        None,
    )
    if control is None or whole.cohort == "control":
        return None
    rises = [_rise(each, onset) for each in (control, whole)]
    if not all(map(math.isfinite, rises)) or rises[1] == 0:
        return None
    return min(max(rises[0] / rises[1], 0.0), 1.5)


def _rise(series: Series, onset: float) -> float:
    known = np.isfinite(series.v)
    before, after = known & (series.t < onset), known & (series.t > onset)
    if before.sum() < LEAST_RISE or after.sum() < LEAST_RISE:
        return math.nan
    return float(series.v[after].mean() - series.v[before].mean())


def _exposed(pair: Pair, change: Change) -> Flags:
    """While a part was exposed, and a part was not. The first point may be of before a growth."""
    until = pair.t <= change.compared_until()
    return np.asarray((pair.t > change.begins) & until & (change.share_at(pair.t) > 0))


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


def _difference(pair: Pair, change: Change, threshold: float, onset: float) -> Difference | None:
    exposed = _exposed(pair, change)
    if not exposed.any():
        return None
    silent = _silence(pair, change, exposed)
    if silent:
        return silent
    both = exposed & np.isfinite(pair.canary) & np.isfinite(pair.control)
    if both.sum() < LEAST_POINTS:
        return None
    windows = [both]
    if both.sum() >= 4 * LEAST_POINTS:  # a fault that came late drowns in the healthy time before
        newest = np.zeros_like(both)
        newest[np.flatnonzero(both)[-(int(both.sum()) // 3) :]] = True
        windows.append(newest)
    z, window = max(((_z(pair, each, exposed), each) for each in windows), key=lambda zw: zw[0])
    score = pair.weight * min(max(z - threshold, 0.0), MOST)
    summary = _summary(pair, window)
    moved = _control_moved(pair, exposed)
    cleared = score <= 0 and z < 2.0
    return Difference(
        pair.metric,
        score,
        summary,
        cleared=cleared,
        shared=cleared and moved,
        telling=pair.weight >= TELLING / 2,
        outcome=pair.outcome,
        power=_power(pair, both),
        stale=score > 0 and _stale(pair, change, both, onset),
    )


def _power(pair: Pair, both: Flags) -> float:
    """Of a share with its requests: how many requests of the canary, on the log; else points."""
    if pair.canary_n is not None and pair.control_n is not None:
        return math.log1p(float(pair.canary_n[both].sum()) / 100.0)
    return math.log1p(float(both.sum()) / 5.0)


def _stale(pair: Pair, change: Change, both: Flags, onset: float) -> bool:
    """Was the difference there long before the anomaly, without a growth of the share between?"""
    before = both & (pair.t < onset)
    after = both & (pair.t >= onset)
    if before.sum() < 2 * LEAST_POINTS or after.sum() < 2:
        return False
    recent = float(pair.t[before][-LEAST_POINTS])
    if change.last_growth(onset) >= recent:
        return False
    difference = pair.canary - pair.control
    return harmful(mean_shift(difference[before], difference[after]), pair.direction) < 2.0


def _z(pair: Pair, window: Flags, exposed: Flags) -> float:
    """How much worse the canary is than the control, against what it was before the exposure."""
    before = ~exposed & (pair.t <= pair.t[window][0])
    before &= np.isfinite(pair.canary) & np.isfinite(pair.control)
    if pair.canary_n is not None and pair.control_n is not None and _is_share(pair):
        n, m = pair.canary_n[window], pair.control_n[window]
        phi = max(scatter(pair.canary[window], n), scatter(pair.control[window], m))
        worse = 1.0 if pair.direction == "decrease" else 1.0 + UNIT_DIFFERENCE
        x, k = pair.canary[window] * n, np.minimum(pair.control[window] * worse, 1.0) * m
        return harmful(paired_shares((x, k), (n, m)), pair.direction) / math.sqrt(phi)
    difference = pair.canary - pair.control
    if before.sum() >= LEAST_POINTS:
        return harmful(mean_shift(difference[before], difference[window]), pair.direction)
    apart = mean_shift(pair.control[window], pair.canary[window], floor=UNIT_DIFFERENCE / 2)
    return harmful(apart, pair.direction)


def _is_share(pair: Pair) -> bool:
    """Shares come with their requests, or by the name of an outcome; seconds are small as well."""
    if pair.canary_n is None and not pair.outcome:
        return False
    values = np.concatenate([pair.canary, pair.control])
    values = values[np.isfinite(values)]
    return bool(values.size) and bool(values.min() >= 0) and bool(values.max() <= 1)


def _control_moved(pair: Pair, exposed: Flags) -> bool:
    """Did the control itself get worse since the exposure began?"""
    before = pair.control[~exposed]
    return harmful(mean_shift(before, pair.control[exposed]), pair.direction) >= 4.0


def _silence(pair: Pair, change: Change, exposed: Flags) -> Difference | None:
    """The canary has stopped to report (or never began) while the control goes on."""
    told = np.flatnonzero(np.isfinite(pair.control) & exposed)
    silent = ~np.isfinite(pair.canary[told])
    run = int(np.argmin(silent[::-1])) if not silent.all() else silent.size
    if run < (SILENT_POINTS if run < silent.size else STARTING_POINTS):
        # Of how many calls a caller sees nobody tells, so their absence says little.
        return None if pair.peer else _gaps(pair, change, told, silent)
    earlier = silent[: silent.size - run]
    usual = (earlier.sum() + 1.0) / (earlier.size + 20.0)
    due = _due(pair, change, told[-run:])
    least = math.inf if due is None else float(due.sum())
    score = min(SILENCE_SCORE, run * math.log(1.0 / usual), least)
    if score < LEAST_SILENCE:
        return None
    span = pair.t[told[-1]] - pair.t[told[-run]]
    summary = f"canary silent for {span:.0f} s ({run} reads) while control reports {pair.metric}"
    return Difference(pair.metric, score, summary, silent=True)


def _due(pair: Pair, change: Change, told: "npt.NDArray[np.intp]") -> Floats | None:
    """Requests that the canary would have had by its share: none is as likely as e^−this."""
    share = change.share_at(pair.t[told])
    if pair.control_n is not None:
        return np.asarray(pair.control_n[told] * share / np.maximum(1.0 - share, 0.01))
    return None if pair.requests is None else np.asarray(pair.requests[told] * share)


def _gaps(
    pair: Pair, change: Change, told: "npt.NDArray[np.intp]", silent: Flags
) -> Difference | None:
    """A canary that is now here, now gone: n·KL(missing share ‖ usual) of what is no request."""
    if pair.control_n is not None or silent.sum() < SILENT_POINTS or silent.all():
        return None
    first = int(np.argmin(silent))
    begun = silent[first:]
    if begun.sum() < SILENT_POINTS:
        return None
    due = _due(pair, change, told[first:])
    usual = USUALLY_MISSING if due is None else max(USUALLY_MISSING, float(np.exp(-due).mean()))
    missing = begun.sum() / begun.size
    if missing <= usual:
        return None
    score = begun.size * (
        missing * math.log(missing / usual) + (1 - missing) * math.log((1 - missing) / (1 - usual))
    )
    if score < LEAST_SILENCE:
        return None
    seen = f"{begun.sum()} of {begun.size} reads while control reports {pair.metric}"
    return Difference(
        pair.metric, min(score, SILENCE_SCORE), f"canary silent in {seen}", silent=True
    )


def _summary(pair: Pair, window: Flags) -> str:
    """The control's mean as if its requests had come when the canary's did."""
    span = pair.t[window][-1] - pair.t[window][0]
    canary = _mean(pair.canary, pair.canary_n, window)
    control = _mean(pair.control, pair.canary_n, window)
    if _is_share(pair):
        worse = f"{canary:.1%} against {control:.1%}"
    else:
        worse = f"{canary:.4g} against {control:.4g}"
    return f"{pair.metric}: canary {worse} control over {span:.0f} s"


def _mean(values: Floats, n: Floats | None, window: Flags) -> float:
    if n is not None and n[window].sum() > 0:
        return float(np.average(values[window], weights=n[window]))
    return float(np.mean(values[window]))
