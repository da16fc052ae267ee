"""How far a series moved, in units of its own noise: small, robust, honest about few points."""

import math

import numpy as np
from numpy.typing import NDArray

from attribution.stats.lines import Floats

FLOOR = 0.05  # of the level: smaller shifts are of no interest however quiet the series
MAD = 1.4826  # makes the median absolute deviation estimate a normal's standard deviation


def known(values: Floats) -> Floats:
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def harmful(z: float, direction: str) -> float:
    """The same z with its sign turned so that more is worse."""
    return {"increase": z, "decrease": -z}.get(direction, abs(z))


def level_shift(before: Floats, after: Floats, floor: float = FLOOR) -> float:
    """(median(after) − median(before)) / (1.4826·MAD(before) + floor·|median(before)|); or 0."""
    before, after = known(before), known(after)
    if before.size < 2 or after.size == 0:
        return 0.0
    middle = float(np.median(before))
    scale = MAD * float(np.median(np.abs(before - middle))) + floor * abs(middle) + 1e-9
    return (float(np.median(after)) - middle) / scale


def mean_shift(before: Floats, after: Floats, floor: float = 0.02) -> float:
    """`mean_shifts` of one series, whose gaps are left out."""
    return float(mean_shifts(known(before)[None, :], known(after)[None, :], floor)[0])


def mean_shifts(before: Floats, after: Floats, floor: float = 0.02) -> Floats:
    """Welch's t of the means with a relative floor, for small shares that are mostly zero; of each
    row of (S, B) and (S, A), without NaN: (S,), 0 with fewer than two points on a side.

    Autocorrelation r of lag 1 shrinks the number of independent points by (1 − r)/(1 + r).
    """
    if min(before.shape[1], after.shape[1]) < 2:
        return np.zeros(len(before))
    level = before.mean(axis=1)
    error = _squared_errors(before) + _squared_errors(after) + (floor * level) ** 2
    return np.asarray((after.mean(axis=1) - level) / np.sqrt(error + 1e-18))


def two_shares(events: tuple[float, float], totals: tuple[float, float]) -> float:
    """Signed root of the likelihood ratio G² of two binomials; > 0 when the first is larger.

    G² = 2 Σ observed·log(observed/expected) (Wilks 1938), asymptotically z².
    """
    (x, k), (n, m) = events, totals
    if min(n, m) <= 0 or x + k <= 0 or x + k >= n + m:
        return 0.0
    pooled = (x + k) / (n + m)
    g = sum(
        observed * math.log(observed / expected)
        for observed, expected in (
            (x, n * pooled),
            (k, m * pooled),
            (n - x, n * (1 - pooled)),
            (m - k, m * (1 - pooled)),
        )
        if observed > 0
    )
    return math.copysign(math.sqrt(2 * max(g, 0.0)), x / n - k / m)


def paired_shares(events: tuple[Floats, Floats], totals: tuple[Floats, Floats]) -> float:
    """Signed root of the scaled deviance of x against what each interval's common share makes
    expected; > 0 when the first is larger. All arrays (T,).

    Interval by interval, as Mantel & Haenszel (1959) do, because the split of the requests changes
    over time: E = Σ n·p, V = Σ n·m/(n + m)·p(1 − p), p = (x + k)/(n + m); the deviance of a Poisson
    count 2·(X·log(X/E) − (X − E)) times E/V, asymptotically z², and honest for few events.
    """
    (x, k), (n, m) = events, totals
    both = (n > 0) & (m > 0)
    x, k, n, m = x[both], k[both], n[both], m[both]
    p = (x + k) / (n + m)
    expected, variance = float((n * p).sum()), float((n * m / (n + m) * p * (1 - p)).sum())
    if variance <= 0 or expected <= 0:
        return 0.0
    seen = float(x.sum())
    deviance = 2 * ((seen * math.log(seen / expected) if seen > 0 else 0.0) - (seen - expected))
    return math.copysign(math.sqrt(max(deviance, 0.0) * expected / variance), seen - expected)


def scatter(share: Floats, total: Floats) -> float:
    """`scatters` of one series, whose gaps are left out."""
    there = np.isfinite(share) & (total > 0)
    return float(scatters(share[there][None, :], total[there][None, :])[0])


def scatters(share: Floats, total: Floats) -> Floats:
    """φ ≥ 1: how many times as much shares vary from one interval to the next as independent
    requests would: Σ (p_t − p_{t−1})² / Σ p(1 − p)(1/n_t + 1/n_{t−1}) (von Neumann's ratio, so that
    one shift of the level is one term). Of each row of (S, T), n > 0: (S,).
    """
    if share.shape[1] < 3:
        return np.ones(len(share))
    rate = (share * total).sum(axis=1) / total.sum(axis=1)
    expected = rate * (1 - rate) * (1 / total[:, 1:] + 1 / total[:, :-1]).sum(axis=1)
    seen = (np.diff(share, axis=1) ** 2).sum(axis=1)
    ratio = np.divide(seen, expected, out=np.ones(len(share)), where=expected > 0)
    return np.asarray(np.maximum(ratio, 1.0))


def scattered_shares(before: tuple[Floats, Floats], after: tuple[Floats, Floats]) -> Floats:
    """`two_shares` of after against before, by the scatter of each of the two.

    Each is (shares, requests), both (S, T) without gaps: (S,).
    """
    sums = [((share * total).sum(axis=1), total.sum(axis=1)) for share, total in (after, before)]
    (x, n), (k, m) = sums
    phi = np.maximum(scatters(*before), scatters(*after))
    moved = [two_shares((xi, ki), (ni, mi)) for xi, ki, ni, mi in zip(x, k, n, m, strict=True)]
    return np.asarray(moved / np.sqrt(phi))


def change_point(values: Floats, least: int = 2) -> tuple[int, float]:
    """(index, z): where the mean most likely moved once, and how far, in standard errors."""
    places, moved = change_points(values[None, :], least)
    return int(places[0]), float(moved[0])


def change_points(values: Floats, least: int = 2) -> tuple[NDArray[np.intp], Floats]:
    """The same of each row of (S, T): places (S,), z (S,).

    Maximum of the two-sample t over all splits (Hinkley 1970); values are clipped at the 2nd and
    98th percentile. `values` must hold no NaN; z = 0 when there are too few.
    """
    rows, count = values.shape
    if count < 2 * least + 1 or rows == 0:
        return np.full(rows, count), np.zeros(rows)
    low, high = np.quantile(values, [0.02, 0.98], axis=1)
    clipped = np.clip(values, low[:, None], high[:, None])
    sizes, each = np.arange(1, count), np.arange(rows)
    whole = clipped.sum(axis=1)
    sums = np.cumsum(clipped, axis=1)[:, :-1]
    left, right = sums / sizes, (whole[:, None] - sums) / (count - sizes)
    gain = (right - left) ** 2 * sizes * (count - sizes) / count
    gain[:, : least - 1] = -1.0
    if least > 1:
        gain[:, -(least - 1) :] = -1.0
    best = np.argmax(gain, axis=1)
    within = ((clipped - clipped.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) - gain[each, best]
    level, after = left[each, best], right[each, best]
    spread = np.sqrt(np.maximum(within, 0.0) / max(count - 2, 1)) + 0.02 * np.abs(level) + 1e-9
    weight = np.sqrt(sizes[best] * (count - sizes[best]) / count)
    return best + 1, np.asarray((after - level) / spread * weight)


def _squared_errors(values: Floats) -> Floats:
    count = values.shape[1]
    centred = values - values.mean(axis=1, keepdims=True)
    total = (centred * centred).sum(axis=1)
    along = (centred[:, 1:] * centred[:, :-1]).sum(axis=1)
    lag = np.divide(along, total, out=np.zeros_like(total), where=total > 0)
    lag = np.clip(lag, 0.0, 0.9)
    return np.asarray(total / (count - 1) / count * (1 + lag) / (1 - lag))
