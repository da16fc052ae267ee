"""Short means of a standardised deviation, against the series' own record. PURE.

All arrays have shape (T,), one element a point; NaN: nothing known. Element i of an answer depends
on elements up to i only (`trailing_median`, `scale`, `usual_maximum`, `largest_before`: before i
only), so that a prefix of the series gives a prefix of the answer.

The running maximum of a statistic over a window is compared with the running maxima of the same
statistic over earlier windows of the same length: a placebo test in time, which allows for
autocorrelation and heavy tails without a model of them (the scan statistic of Glaz, Naus &
Wallenstein, "Scan Statistics" (2001), with an empirical null).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from attribution.stats.lines import Floats
from attribution.stats.shifts import MAD

LEVEL = 240  # points of the trailing median: an anomaly of half as many does not move it
MEMORY = 1000  # points from which the scale is learned
REFRESHED = 16  # points between two looks at that memory
LEAST = 10  # known deviations before the first score
MEAN_WEIGHT = 0.3  # of the mean deviation: bursts belong to the scale of a bursty series
LEVEL_FLOOR = 0.05  # of the level: smaller moves are of no interest however quiet the series
MOST = 1e6  # scales; keeps sums finite
STILL = 50.0  # scales that a move counts for after perfect stillness, which has no scale
SHORT = (1, 3, 5)  # points of the short means
WINDOW = 12  # points of one window of the running maximum
WINDOWS = 30  # past windows of the null
RECORD = 4000  # points over which the largest is remembered
CHUNK = 2048


def sorted_median(rows: Floats) -> Floats:
    """Median of each row's known elements, shape (N, W) to (N,); NaN where there are none."""
    ordered = np.sort(rows, axis=1)  # NaN goes last
    known = np.isfinite(ordered).sum(axis=1)
    place = np.arange(rows.shape[0])
    low = ordered[place, np.maximum(known - 1, 0) // 2]
    high = ordered[place, known // 2]
    return np.where(known > 0, (low + high) / 2, np.nan)


def before(values: Floats, width: int) -> Floats:
    """The `width` elements before each one and before the one to come: a view, (T + 1, width)."""
    return sliding_window_view(np.concatenate((np.full(width, np.nan), values)), width)


def trailing_median(values: Floats, width: int = LEVEL) -> Floats:
    """Median of the `width` points before each point."""
    windows = before(values, width)[:-1]
    parts = [sorted_median(windows[at : at + CHUNK]) for at in range(0, values.size, CHUNK)]
    return np.concatenate(parts) if parts else values


def scale(deviation: Floats, level: Floats) -> Floats:
    """1.4826·median|r| + MEAN_WEIGHT·mean|r| of the MEMORY points before, + LEVEL_FLOOR·|level|.

    NaN with fewer than LEAST known ones. The robust part alone is 0 for a series that mostly
    stands still; the mean alone would be owned by the first outlier.
    """
    size = np.abs(deviation)
    windows = before(size, MEMORY)[:-1:REFRESHED]
    known = np.isfinite(windows).sum(axis=1)
    middle = sorted_median(windows)
    mean = np.nansum(windows, axis=1) / np.maximum(known, 1)
    usual = np.where(known >= LEAST, MAD * middle + MEAN_WEIGHT * mean, np.nan)
    return np.repeat(usual, REFRESHED)[: size.size] + LEVEL_FLOOR * np.abs(level)


def standardised(deviation: Floats, scales: Floats) -> Floats:
    """r/s within ±MOST; ±STILL for a move where the scale is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(scales == 0, np.sign(deviation) * STILL, deviation / scales)
    return np.asarray(np.clip(found, -MOST, MOST), dtype=np.float64)


def short_mean(values: Floats, width: int) -> Floats:
    """Mean of the known ones of the last `width` points, this one included; 0 with none."""
    known = np.isfinite(values)
    windows = sliding_window_view(
        np.concatenate((np.zeros(width - 1), np.where(known, values, 0.0))), width
    )
    counts = sliding_window_view(np.concatenate((np.zeros(width - 1), known)), width)
    return np.asarray(windows.sum(axis=1) / np.maximum(counts.sum(axis=1), 1), dtype=np.float64)


def largest_short_mean(z: Floats, direction: str) -> Floats:
    """The largest of the SHORT means in the harmful direction, ≥ 0; 0 at unknown points.

    Signed values are averaged, so that noise about the level cancels and a deviation does not.
    """
    signed = [short_mean(z, width) for width in SHORT]
    means = np.max([_harmful(mean, direction) for mean in signed], axis=0)
    return np.where(np.isfinite(z), np.maximum(means, 0.0), 0.0)


def _harmful(mean: Floats, direction: str) -> Floats:
    return {"increase": mean, "decrease": -mean}.get(direction, np.abs(mean))


def usual_maximum(statistic: Floats) -> Floats:
    """Median of the running maxima over the last WINDOWS whole windows; 0 before the third.

    The median, not an upper quantile: earlier anomalies own the upper quantiles, so that after
    a few of them the next would pass unseen. A factor on it takes their place.
    """
    whole = statistic.size // WINDOW
    maxima = statistic[: whole * WINDOW].reshape(whole, WINDOW).max(axis=1)
    windows = before(maxima, WINDOWS)
    enough = np.isfinite(windows).sum(axis=1) >= 3
    usual = np.where(enough, sorted_median(windows), 0.0)
    return np.repeat(usual, WINDOW)[: statistic.size]


def largest_before(statistic: Floats) -> Floats:
    """Maximum of the RECORD points before each; 0 for the first."""
    padded = np.concatenate((np.zeros(RECORD), statistic))[:-1]
    return np.asarray(_sliding_maximum(padded, RECORD), dtype=np.float64)


def _sliding_maximum(values: Floats, width: int) -> Floats:
    """In O(T): maxima from both ends of blocks of `width` (van Herk 1992, Gil & Werman 1993)."""
    blocks = -(-values.size // width)
    filled = np.full(blocks * width, -np.inf)
    filled[: values.size] = values
    table = filled.reshape(blocks, width)
    ahead = np.maximum.accumulate(table, axis=1).ravel()
    behind = np.maximum.accumulate(table[:, ::-1], axis=1)[:, ::-1].ravel()
    last = np.arange(width - 1, values.size)
    return np.maximum(behind[last - width + 1], ahead[last])
