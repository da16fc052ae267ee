"""What a series did at the same time of earlier days, or of earlier cycles of its own. PURE.

Cycles are found by time stamps, not by counting points: gaps and repeated hours move nothing.
All arrays have shape (T,); NaN: not known. Element i uses elements before i only.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from attribution.stats.lines import Floats
from attribution.stats.running_max import before, sorted_median

DAY = 86_400.0
CYCLES = 7
NEIGHBOURS = 3  # points at either side of the same time, if within TOLERANCE
TOLERANCE = 1 / 480  # of the cycle: 3 minutes of a day
SEEN = 2  # cycles at least
STEPS = 31  # differences of time that tell the usual step

LOOK = 1024  # points in which a cycle of its own is looked for
LOOKS = 256  # points between two looks
SHORTEST = 4  # points a cycle
CLEAR = 0.6  # autocorrelation that shows a cycle
NEAR = 0.9  # of the highest autocorrelation: the shortest such lag is the cycle
FAR_OUT = 20.0  # median deviations at which values are clipped before: two outliers are no cycle


def steps(t: Floats) -> Floats:
    """The usual distance of two points, seconds: median of the last STEPS that are above 0."""
    if t.size == 0:
        return t
    distance = np.diff(t, prepend=np.nan)
    distance = np.where(distance > 0, distance, np.nan)
    padded = np.concatenate((np.full(STEPS - 1, np.nan), distance))
    return sorted_median(sliding_window_view(padded, STEPS))


def same_time(t: Floats, values: Floats, period: Floats) -> Floats:
    """Median of the values at the same time of up to CYCLES earlier cycles; NaN before SEEN.

    `period` in seconds, one a point, NaN for none. The same time: the nearest point, and up to
    NEIGHBOURS on both sides within TOLERANCE.
    """
    if t.size == 0:
        return values
    clock, step, place = np.maximum.accumulate(t), steps(t), np.arange(t.size)
    columns, seen = [], np.zeros(t.size, dtype=np.int64)
    for cycle in range(1, CYCLES + 1):
        mine = []
        for offset in range(-NEIGHBOURS, NEIGHBOURS + 1):
            wanted = clock - cycle * period + offset * step
            found = np.searchsorted(clock, wanted - step / 2)
            found = np.minimum(np.where(np.isfinite(wanted), found, 0), t.size - 1)
            right = np.abs(clock[found] - wanted) <= step / 2
            near = np.abs(offset * step) <= TOLERANCE * period
            used = right & (found < place) & (near | (offset == 0))
            mine.append(np.where(used, values[found], np.nan))
        seen += np.isfinite(mine).any(axis=0)
        columns.extend(mine)
    return np.where(seen >= SEEN, sorted_median(np.stack(columns, axis=1)), np.nan)


def own_cycle(t: Floats, values: Floats) -> Floats:
    """The cycle, in seconds, that showed itself in the LOOK points before; NaN where none did.

    Looked for every LOOKS points, and kept until the next look.
    """
    windows = before(values, LOOK)[:-1:LOOKS]
    found = np.array([_lag(window) for window in windows], dtype=np.float64)
    lags = np.repeat(found, LOOKS)[: values.size]
    return lags * steps(t)


def _lag(window: Floats) -> float:
    """The shortest lag that is a peak of the autocorrelation at NEAR its height; NaN if unclear.

    Autocorrelation by the Wiener-Khinchin theorem, unbiased by the number of pairs; the lag must
    come after the first fall below 0, or a slow series would look periodic at once.
    """
    known = np.isfinite(window)
    if known.sum() < LOOK // 2:
        return np.nan
    correlation = _autocorrelation(window, known)
    negative = np.flatnonzero(correlation < 0)
    if negative.size == 0:
        return np.nan
    first = max(int(negative[0]), SHORTEST)
    tail = correlation[first:]
    if tail.size < 3 or tail.max() < CLEAR:
        return np.nan
    inner = tail[1:-1]
    peaks = (inner >= tail[:-2]) & (inner >= tail[2:]) & (inner >= NEAR * tail.max())
    return float(first + 1 + np.flatnonzero(peaks)[0]) if peaks.any() else np.nan


def _autocorrelation(window: Floats, known: np.typing.NDArray[np.bool_]) -> Floats:
    """Lags 0 … LOOK/4 of the clipped, centred values; 0 everywhere if they stand still."""
    middle = np.median(window[known])
    spread = FAR_OUT * np.median(np.abs(window[known] - middle))
    centred = np.where(known, np.clip(window - middle, -spread, spread), 0.0)
    centred = np.where(known, centred - centred[known].mean(), 0.0)
    most, size = LOOK // 4, 2 * LOOK
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    pairs = np.fft.irfft(np.abs(np.fft.rfft(known.astype(np.float64), size)) ** 2, size)
    raw = np.fft.irfft(power, size)[:most] / np.maximum(pairs[:most], 1.0)
    return np.asarray(raw / raw[0] if raw[0] > 0 else np.zeros(most), dtype=np.float64)
