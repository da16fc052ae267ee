"""NAB's scoring rule (Lavin & Ahmad, "Evaluating real-time anomaly detection algorithms", 2015).

Of a window of labelled anomaly only the earliest detection counts; it earns σ(y)·A_TP, y being its
relative position: −1 at the window's left edge, 0 just right of it. A window without detection
costs A_FN. A detection outside windows earns σ(y)·A_FP < 0, y = distance from the last window's
right edge in widths of that window; −A_FP far behind it (y > 3) and before the first window.
σ(y) = 2/(1 + e^{5y}) − 1. The first 15% of a series, at most 750 points, are not scored.
One threshold serves all series: the one with the best sum. Sum S is normalised to
100·(S − S_null)/(S_perfect − S_null), where null detects nothing and perfect all at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PROBATION_SHARE, PROBATION_MOST, FAR = 0.15, 750, 3.0


@dataclass(frozen=True)
class Profile:
    name: str
    hit: float
    false: float
    missed: float


PROFILES = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward low FP", 1.0, 0.22, 1.0),
    Profile("reward low FN", 1.0, 0.11, 2.0),
)


@dataclass(frozen=True)
class Series:
    """One series, all shape (T,): score; weight σ(y), > 0 inside windows; window (−1: outside).

    `labelled` counts the windows of the series, also those that lie in its unscored beginning.
    """

    score: Floats
    weight: Floats
    window: npt.NDArray[np.int64]
    labelled: int


def sigmoid(y: Floats) -> Floats:
    return np.asarray(2.0 / (1.0 + np.exp(5.0 * np.minimum(y, FAR + 1.0))) - 1.0)


def prepared(
    t: Sequence[float], scores: Sequence[float], windows: Sequence[tuple[float, float]]
) -> Series:
    """Weights of each point; windows are [start, end] in the series' own times, in order."""
    times, place = np.asarray(t, dtype=np.float64), np.arange(len(t))
    weight, window = np.full(len(t), -1.0), np.full(len(t), -1)
    for number, (start, end) in enumerate(windows):
        first = int(np.flatnonzero(times >= start)[0])
        last = int(np.flatnonzero(times <= end)[-1])
        width = last - first + 1
        behind = (place - last) / max(width - 1, 1)
        after = place > last
        weight[after] = np.where(behind > FAR, -1.0, sigmoid(behind))[after]
        inside = slice(first, last + 1)
        weight[inside] = sigmoid(-(last - place[inside] + 1) / width) / sigmoid(np.array(-1.0))
        window[inside] = number
    begin = int(min(PROBATION_SHARE * len(t), PROBATION_MOST))
    return Series(
        np.asarray(scores, dtype=np.float64)[begin:], weight[begin:], window[begin:], len(windows)
    )


def sums(series: Series, profile: Profile) -> tuple[Floats, Floats]:
    """(thresholds falling, sum gained over detecting nothing with each of them)."""
    order = np.argsort(-series.score, kind="stable")
    gain = series.weight * profile.false
    for number in np.unique(series.window[series.window >= 0]):
        mine = order[series.window[order] == number]
        best = np.maximum.accumulate(series.weight[mine] * profile.hit)
        gain[mine] = np.diff(best, prepend=-profile.missed)
    return series.score[order], gain[order]


def best_threshold(all_series: Sequence[Series], profile: Profile) -> float:
    found = [sums(series, profile) for series in all_series]
    scores = np.concatenate([each[0] for each in found])
    gains = np.concatenate([each[1] for each in found])
    order = np.argsort(-scores, kind="stable")
    total = np.cumsum(gains[order])
    last_of_its_score = np.diff(scores[order], append=-np.inf) < 0
    total[~last_of_its_score] = -np.inf
    best = int(np.argmax(total))
    return float(scores[order][best]) if total[best] > 0 else float("inf")


def normalised(all_series: Sequence[Series], profile: Profile, threshold: float) -> float:
    """0 for a detector that never speaks, 100 for a perfect one; may be negative."""
    gained = 0.0
    for series in all_series:
        scores, gains = sums(series, profile)
        gained += float(gains[scores >= threshold].sum())
    windows = sum(series.labelled for series in all_series)
    return 100.0 * gained / (windows * (profile.hit + profile.missed))
