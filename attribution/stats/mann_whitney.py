"""How far is one sample shifted against another? The Mann-Whitney (rank sum) test turned round.

PURE numpy. x: canary, y: control, m and n values. For a shift d let U(d) be the pairs with
x − d > y (ties count half) and

    z(d) = (U(d) − mn/2 − ½·sign) / σ(d),  σ² = mn/12·(m + n + 1 − Σ(t³ − t)/((m + n)(m + n − 1))),

t over the groups of ties of x − d and y together. The interval holds the shifts whose z lies
within ±z_{α/2}; the estimate (Hodges & Lehmann 1963) is where z is zero. z is a step function: it
moves only where d is one of the mn differences x_i − y_j.

`exact_shift` gives those differences themselves (Hollander & Wolfe, Nonparametric Statistical
Methods, 4.2 and 4.3). `searched_shift` gives what R's wilcox.test(x, y, exact=FALSE,
conf.int=TRUE) and Kayenta print: the place where a root search with an absolute tolerance of 1e-4
stopped. With so few values that z stays within its bounds at any shift, both give the smallest
and the largest difference.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from attribution.stats.lines import Floats
from attribution.stats.roots import EPSILON, Point, brent_zero

TOLERANCE = 1e-4  # absolute, in the unit of the values: R's and Kayenta's


class AllTiedError(ArithmeticError):
    """All values are one and the same: there is no variance to measure a shift by."""


@dataclass(frozen=True)
class Shift:
    """Canary minus control, in the unit of the values."""

    lower: float
    upper: float
    estimate: float


def shift_z(x: Floats, y: Floats, shift: float) -> float:
    """z(d) of the module's docstring. Raises AllTiedError."""
    m, n = x.size, y.size
    merged = np.concatenate([x - shift, y])
    _, place, ties = np.unique(merged, return_inverse=True, return_counts=True)
    rank = np.cumsum(ties) - (ties - 1) / 2.0
    centred = float(rank[place[:m]].sum()) - m * (m + 1) / 2.0 - m * n / 2.0
    return (centred - math.copysign(0.5, centred) * (centred != 0.0)) / _sigma(m, n, ties)


def _sigma(m: int, n: int, *ties: NDArray[np.integer]) -> float:
    """`ties`: the sizes of the groups of equal values."""
    tied = sum(float((t.astype(np.float64) ** 3 - t).sum()) for t in ties)
    variance = m * n / 12.0 * ((m + n + 1) - tied / ((m + n) * (m + n - 1)))
    if variance <= 0.0:
        raise AllTiedError("all values are the same")
    return math.sqrt(variance)


def searched_shift(x: Floats, y: Floats, confidence: float) -> Shift:
    """As R and Kayenta find it, to 1e-4 in the unit of the values. Raises AllTiedError.

    Scaling the values does not scale the answer, and `lower` may come out above `upper`.
    """
    ends = (float(x.min() - y.max()), float(x.max() - y.min()))
    at_ends = (shift_z(x, y, ends[0]), shift_z(x, y, ends[1]))

    def root(quantile: float) -> float:
        low, high = (Point(d, z - quantile) for d, z in zip(ends, at_ends, strict=True))
        if low.y <= 0.0:
            return low.x
        if high.y >= 0.0:
            return high.x
        return brent_zero(lambda d: shift_z(x, y, d) - quantile, low, high, TOLERANCE)

    z = _two_sided(confidence)
    return Shift(root(z), root(-z), root(0.0))


def exact_shift(x: Floats, y: Floats, confidence: float) -> Shift:
    """The differences x_i − y_j at which z steps over its quantiles. Scales with the values.

    With D_(1) ≤ … ≤ D_(mn) the differences: [D_(k), D_(mn+1−k)], k = ⌈mn/2 − ½ − z·σ⌉ (at least
    1), σ without ties between x and y; the estimate is the median of the D.
    """
    x, y, pairs = np.sort(x), np.sort(y), x.size * y.size
    ties = [np.unique(side, return_counts=True)[1] for side in (x, y)]
    reach = _two_sided(confidence) * _sigma(x.size, y.size, *ties)
    k = max(1, math.ceil(pairs / 2.0 - 0.5 - reach))
    middle = (pairs + 1) // 2
    estimate = (kth_difference(x, y, middle) + kth_difference(x, y, pairs + 1 - middle)) / 2.0
    return Shift(kth_difference(x, y, k), kth_difference(x, y, pairs + 1 - k), estimate)


def _two_sided(confidence: float) -> float:
    return NormalDist().inv_cdf((1.0 + confidence) / 2.0)


def kth_difference(x: Floats, y: Floats, k: int) -> float:
    """The k-th smallest (from 1) of all x_i − y_j, x and y sorted, in O(m + n) memory.

    Bisection of the value down to the rounding of a difference, then the difference that is there.
    """
    low, high = float(np.nextafter(x[0] - y[-1], -np.inf)), float(x[-1] - y[0])
    rounding = 4.0 * EPSILON * max(abs(float(v)) for v in (x[0], x[-1], y[0], y[-1]))
    while high - low > rounding and low < (middle := low + (high - low) / 2.0) < high:
        above = int(np.searchsorted(y, x - middle, side="left").sum())  # pairs with x − y > middle
        if x.size * y.size - above >= k:
            high = middle
        else:
            low = middle
    return _nearest_difference(x, y, high)


def _nearest_difference(x: Floats, y: Floats, value: float) -> float:
    right = np.searchsorted(y, x - value)
    beside = np.stack([np.clip(right - 1, 0, y.size - 1), np.clip(right, 0, y.size - 1)])
    found = (x - y[beside]).ravel()
    return float(found[np.argmin(np.abs(found - value))])


def common_language(x: Floats, y: Floats) -> float:
    """Share of the pairs with x > y, ties counting half (CLES; A of Vargha & Delaney 2000)."""
    y = np.sort(y)
    below, upto = np.searchsorted(y, x, side="left"), np.searchsorted(y, x, side="right")
    return float((below + upto).sum()) / (2.0 * x.size * y.size)
