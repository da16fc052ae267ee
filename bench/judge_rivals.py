"""Other judges on the same draws, each as it is usually run: what peers' ways of looking cost.

All see one number an interval and cohort (`cohort_series`) and the same promise as ours: harmless
is canary ≤ control·(1 + margin), so the control is multiplied by that before anything is compared,
and alpha is shared evenly between the metrics of a case (Bonferroni). They know no history, no
units and no epochs. Shapes: B metrics, T looks; an answer is (B, T), true where the rule fails.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from judge_scenarios import ALPHA, MARGIN
from judge_spending import boundaries
from judge_worlds import Drawn, Floats

Flags = npt.NDArray[np.bool_]
PLANNED_LOOKS = 6
# Differences that mSPRT's variance is taken from, at least; with two it would fail at once.
FEWEST = 10
NORMAL = NormalDist()


def cohort_series(drawn: Drawn) -> tuple[Floats, Floats]:
    """Control and canary, (B, T) each, NaN where nothing was reported: errors of all requests;
    mean over the units of their means; mean of the histogram with each request at the geometric
    middle of its bucket.
    """
    return _series(drawn, drawn.control), _series(drawn, drawn.canary)


def _series(drawn: Drawn, cohort: Floats) -> Floats:
    if drawn.kind == "value":
        known = ~np.isnan(cohort)
        return _share(np.where(known, cohort, 0.0).sum(axis=1), known.sum(axis=1))
    summed = cohort.sum(axis=1)
    if drawn.kind == "ratio":
        return _share(summed[..., 0], summed[..., 1])
    return _share(summed @ _middles(drawn.bounds), summed.sum(axis=-1))


def _share(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1.0), np.nan)


def _middles(bounds: Floats | None) -> Floats:
    if bounds is None:
        raise ValueError("a distribution has bounds")
    ends = np.concatenate((bounds[:1] / 2, bounds, bounds[-1:] * 2))
    return np.sqrt(ends[1:] * ends[:-1])


def mann_whitney(control: Floats, canary: Floats, alpha: float) -> Flags:
    """Mann & Whitney (1947) at every look on all intervals so far, each look at the whole alpha,
    as judges of the Kayenta kind are used: fails when z > z_{1 − alpha}, one-sided, with z as in
    `attribution.stats.mann_whitney` (normal approximation, ties, continuity).
    """
    return rank_z(canary, control * (1 + MARGIN)) > NORMAL.inv_cdf(1 - alpha)


def rank_z(x: Floats, y: Floats) -> Floats:
    """For every t, z of the first t values of x against those of y: (B, T). NaN is left out.

    An element added to a group of s equal ones adds (s+1)³ − (s+1) − (s³ − s) = 3s(s+1) to
    Σ(t³ − t), so every prefix comes out of one pass over the pairs.
    """
    m, n = (np.cumsum(~np.isnan(side), axis=1, dtype=np.float64) for side in (x, y))
    pairs = _pairs_above(x, y)
    tied = _ties(x, y)
    total = m + n
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = m * n / 12.0 * (total + 1 - tied / (total * (total - 1)))
        centred = pairs - m * n / 2.0
        centred -= 0.5 * np.sign(centred)
        return np.where(variance > 0, centred / np.sqrt(variance), 0.0)


def _pairs_above(x: Floats, y: Floats) -> Floats:
    """Pairs x_i > y_j, ties counting half, among the first t of each: (B, T)."""
    left, right = x[:, :, None], y[:, None, :]
    over = (left > right) + 0.5 * (left == right)
    new_x = np.einsum("bij,ij->bi", over, np.tri(x.shape[1]))  # x_t over y_1 … y_t
    new_y = np.einsum("bij,ij->bj", over, np.tri(x.shape[1], k=-1).T)  # x_1 … x_{t−1} over y_t
    return np.cumsum(new_x + new_y, axis=1)


def _ties(x: Floats, y: Floats) -> Floats:
    """Σ(t³ − t) over the groups of equal values among the first t of x and of y: (B, T)."""
    earlier, upto = np.tri(x.shape[1], k=-1), np.tri(x.shape[1])
    with_x = _equal(x, x, earlier) + _equal(x, y, earlier)
    with_y = _equal(y, y, earlier) + _equal(y, x, upto)
    return np.cumsum(3.0 * with_x * (with_x + 1) + 3.0 * with_y * (with_y + 1), axis=1)


def _equal(a: Floats, b: Floats, among: Floats) -> Floats:
    """For each a_i, how many b_j of those that `among` (T, T) marks equal it: (B, T)."""
    return np.einsum("bij,ij->bi", (a[:, :, None] == b[:, None, :]).astype(np.float64), among)


def group_sequential(control: Floats, canary: Floats, alpha: float) -> Flags:
    """Lan & DeMets (1983): PLANNED_LOOKS looks, evenly spaced, alpha spent like O'Brien & Fleming
    (1979): α*(s) = 2 − 2Φ(z_{1−α/2}/√s) at share s of the plan, one-sided.

    At look k the mean of the per-interval differences over its standard error is compared with
    the boundary c_k (`judge_spending`); between the planned looks nothing is asked.
    """
    count, mean, variance = _moments(canary - control * (1 + MARGIN))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = mean / np.sqrt(variance / count)
    looks = control.shape[1]
    planned = np.arange(1, PLANNED_LOOKS + 1) * looks // PLANNED_LOOKS - 1
    failed = np.zeros(z.shape, dtype=np.bool_)
    limits = np.array(boundaries(alpha, PLANNED_LOOKS))
    failed[:, planned] = np.where(count[:, planned] > 1, z[:, planned], -math.inf) >= limits
    return failed


def msprt(control: Floats, canary: Floats, alpha: float) -> Flags:
    """Johari, Koomen, Pekelis & Walsh, "Always valid inference" (2017; Oper. Res. 2022): mixture
    SPRT with normal mixture N(0, τ²) on the per-interval differences d,

        Λ_n = √(σ²/(σ² + nτ²)) · exp(n²τ²·d̄²/(2σ²(σ² + nτ²))),

    fails when Λ_n ≥ 1/alpha and d̄ > 0, σ² being the sample variance so far (plug-in), from the
    FEWEST-th difference on, and τ the margin times the control's mean so far.
    """
    count, mean, variance = _moments(canary - control * (1 + MARGIN))
    square = (MARGIN * _moments(control)[1]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = variance + count * square
        log_ratio = 0.5 * np.log(variance / spread)
        log_ratio += count**2 * square * mean**2 / (2 * variance * spread)
    known = (count >= FEWEST) & (variance > 0) & (mean > 0)
    return known & (log_ratio >= math.log(1 / alpha))


def _moments(d: Floats) -> tuple[Floats, Floats, Floats]:
    """Count, mean and sample variance of the first t values, for every t; NaN is left out."""
    known = ~np.isnan(d)
    count = np.cumsum(known, axis=1).astype(np.float64)
    # About a value of the row itself: squares of large equal numbers would cancel.
    middle = np.nan_to_num(np.nanmedian(np.where(known.any(1, keepdims=True), d, 0.0), axis=1))
    centred = np.where(known, d - middle[:, None], 0.0)
    first, second = np.cumsum(centred, axis=1), np.cumsum(centred**2, axis=1)
    mean = first / np.maximum(count, 1)
    variance = (second - count * mean**2) / np.maximum(count - 1, 1)
    return count, mean + middle[:, None], np.maximum(variance, 0.0)


Rule = Callable[[Floats, Floats, float], Flags]
RIVALS: dict[str, Rule] = {
    "Mann-Whitney each look": mann_whitney,
    "group-sequential": group_sequential,
    "mSPRT": msprt,
}


def ever_failed(drawn: Drawn, metrics: int, settle: int = 0) -> dict[str, Flags]:
    """For each rival, which of the C cases it ever fails; the first `settle` looks are not used."""
    control, canary = (side[:, settle:] for side in cohort_series(drawn))
    return {
        name: rule(control, canary, ALPHA / metrics).any(axis=1).reshape(-1, metrics).any(axis=1)
        for name, rule in RIVALS.items()
    }
