"""The canary-against-control evidence on one change: difference, silence, or a clean bill.

PURE. Works on the change's own service and on what its callers measure of it (`peer`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from attribution.attribute_case import Case, Change, Series
from attribution.pairs import TELLING, Pair, exposed_points, is_share, pairs_of
from attribution.silent_canary import silence
from attribution.stats.lines import Flags, Floats
from attribution.stats.shifts import harmful, mean_shift, paired_shares, scatter

MOST = 20.0
LEAST_POINTS = 4
# Canary and control are never quite the same; of the control's level.
UNIT_DIFFERENCE = 0.1
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


def differences(case: Case, change: Change, onset: float = math.inf) -> list[Difference]:
    """One a metric for which canary and control are both known, the gravest first."""
    pairs = pairs_of(case, change)
    threshold = math.sqrt(4.0 + 2.0 * math.log(max(len(pairs), 1)))
    found = [each for pair in pairs if (each := _difference(pair, change, threshold, onset))]
    return sorted(found, key=lambda each: (-each.score, each.metric))


def comparing(case: Case, change: Change) -> bool:
    """Does a control report beside what is exposed? Then time will tell more than it does now."""
    for pair in pairs_of(case, change):
        if np.isfinite(pair.control[exposed_points(pair, change)]).any():
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
    if control is None:
        return None
    if whole.cohort == "control":  # nobody reports the whole, and it is the control that rose
        return 1.0
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


def _difference(pair: Pair, change: Change, threshold: float, onset: float) -> Difference | None:
    exposed = exposed_points(pair, change)
    if not exposed.any():
        return None
    silent = silence(pair, change, exposed)
    if silent:
        return Difference(pair.metric, silent.score, silent.summary, silent=True)
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
    if pair.canary_n is not None and pair.control_n is not None and is_share(pair):
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


def _control_moved(pair: Pair, exposed: Flags) -> bool:
    """Did the control itself get worse since the exposure began?"""
    before = pair.control[~exposed]
    return harmful(mean_shift(before, pair.control[exposed]), pair.direction) >= 4.0


def _summary(pair: Pair, window: Flags) -> str:
    """The control's mean as if its requests had come when the canary's did."""
    span = pair.t[window][-1] - pair.t[window][0]
    canary = _mean(pair.canary, pair.canary_n, window)
    control = _mean(pair.control, pair.canary_n, window)
    if is_share(pair):
        worse = f"{canary:.1%} against {control:.1%}"
    else:
        worse = f"{canary:.4g} against {control:.4g}"
    return f"{pair.metric}: canary {worse} control over {span:.0f} s"


def _mean(values: Floats, n: Floats | None, window: Flags) -> float:
    if n is not None and n[window].sum() > 0:
        return float(np.average(values[window], weights=n[window]))
    return float(np.mean(values[window]))
