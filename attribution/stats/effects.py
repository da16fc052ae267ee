"""Effect sizes with intervals that are valid at whatever moment one looks."""

import math
from collections.abc import Callable

import numpy as np

from attribution.stats.lines import Counts, Floats

GRID = np.linspace(math.log(1e-3), math.log(1e3), 121)


def relative_effect(counts: Counts) -> float | None:
    """canary/control − 1 of the pooled rates; None where it is undefined, or no number."""
    both = counts.control_total.sum(), counts.canary_total.sum()
    if min(both) <= 0 or counts.control_events.sum() <= 0:
        return None
    # A control of 5e-324 events is above 0, and what is divided by it is not finite.
    with np.errstate(all="ignore"):
        control = counts.control_events.sum() / both[0]
        found = float(counts.canary_events.sum() / both[1] / control - 1.0)
    return found if math.isfinite(found) else None


def rare_interval(
    counts: Counts, alpha: float, dispersion: float = 1.0
) -> tuple[float, float | None]:
    """Confidence sequence for canary/control − 1 of a rare event, at 1 − alpha over all looks.

    Given the n events of an interval the canary's count is Bin(n, w_r), w_r = rN_c/(rN_c + N_k)
    (Lindon & Malek 2022). {r: log L(r̂ plugged in before each interval) − log L(r) < log 1/alpha},
    searched on a grid of log r, ends taken outwards. An upper end beyond the grid is None. The
    quasi-likelihood of over-dispersed counts is the likelihood to the power 1/φ (Wedderburn 1974).
    """
    n_k, n_c = counts.control_total, counts.canary_total
    used = (n_k > 0) & (n_c > 0)
    x, k = np.where(used, counts.canary_events, 0.0), np.where(used, counts.control_events, 0.0)
    odds = np.divide(n_c, n_k, out=np.ones_like(n_c), where=used)
    plugged = _plug_in_log_ratio(x, k, np.where(used, n_c, 0.0), np.where(used, n_k, 0.0))
    reference = float(_log_likelihood(x, k, odds, plugged).sum())
    against = reference - _grid_log_likelihood(x, k, odds)
    inside = np.flatnonzero(against < dispersion * math.log(1.0 / alpha))
    if inside.size == 0:  # between two grid points: the nearest one, with its neighbours
        inside = np.array([int(np.argmin(against))])
    low, high = inside[0] - 1, inside[-1] + 1
    lower = math.exp(GRID[low]) - 1.0 if low >= 0 else -1.0
    return lower, (math.exp(GRID[high]) - 1.0 if high < GRID.size else None)


def common_interval(counts: Counts, alpha: float) -> tuple[float, float | None]:
    """The same for a rate that may be near 1: each cohort's own confidence sequence at alpha/2."""
    k = float(counts.control_events.sum()), float(counts.control_total.sum())
    c = float(counts.canary_events.sum()), float(counts.canary_total.sum())
    k_low, k_high = rate_interval(*k, alpha / 2)
    c_low, c_high = rate_interval(*c, alpha / 2)
    high = c_high / k_low - 1.0 if k_low > 0 else None
    return max(c_low / k_high - 1.0, -1.0), high


def rate_interval(events: float, total: float, alpha: float) -> tuple[float, float]:
    """Beta(½, ½)-mixture confidence sequence of one rate (Robbins 1970; Howard et al. 2021).

    {p: log B(x + ½, n − x + ½) − log B(½, ½) − log(p^x (1 − p)^(n − x)) < log 1/alpha}.
    """
    if total <= 0:
        return 0.0, 1.0
    missed = total - events
    mixture = math.lgamma(events + 0.5) + math.lgamma(missed + 0.5) - math.lgamma(total + 1.0)
    level = mixture - math.log(math.pi) - math.log(1.0 / alpha)

    def outside(rate: float) -> bool:
        inner = events * math.log(rate) if events else 0.0
        return inner + (missed * math.log1p(-rate) if missed else 0.0) < level

    peak = min(max(events / total, 1e-12), 1.0 - 1e-12)
    return _edge(peak, 0.0, outside), _edge(peak, 1.0, outside)


def _edge(inside: float, outside_at: float, outside: Callable[[float], bool]) -> float:
    near, far = inside, outside_at
    for _ in range(50):
        middle = (near + far) / 2
        if middle <= 0 or middle >= 1 or outside(middle):
            far = middle
        else:
            near = middle
    return far


def _plug_in_log_ratio(x: Floats, k: Floats, n_c: Floats, n_k: Floats) -> Floats:
    """Log of ((Σx + ½)/ΣN_c) / ((Σk + ½)/ΣN_k) before each interval."""
    sums = [np.concatenate(([0.0], np.cumsum(each)[:-1])) for each in (x, k, n_c, n_k)]
    ratio = (sums[0] + 0.5) / (sums[1] + 0.5)
    exposure = (sums[3] + 1.0) / (sums[2] + 1.0)
    return np.asarray(np.log(ratio * exposure), dtype=np.float64)


def _log_likelihood(x: Floats, k: Floats, odds: Floats, log_ratio: Floats) -> Floats:
    logit = log_ratio + np.log(odds)
    return x * logit - (x + k) * np.logaddexp(0.0, logit)


def _grid_log_likelihood(x: Floats, k: Floats, odds: Floats) -> Floats:
    """Σ_t log L at each grid point, shape (G,); intervals without events add nothing."""
    some = (x + k) > 0
    x, k, odds = x[some], k[some], odds[some]
    return np.asarray(
        _log_likelihood(x[None, :], k[None, :], odds[None, :], GRID[:, None]).sum(axis=1),
        dtype=np.float64,
    )


def widened(interval: tuple[float, float | None], factor: float) -> tuple[float, float | None]:
    """An interval of canary/control − 1 with what units differ by themselves, a factor ≥ 1."""
    low, high = interval
    return (1.0 + low) / factor - 1.0, None if high is None else (1.0 + high) * factor - 1.0


def mean_interval(differences: Floats, sd: float, alpha: float) -> tuple[float, float]:
    """Confidence sequence of the mean of log differences, at 1 − alpha over all looks.

    Normal mixture (Robbins 1970; Howard et al. 2021, eq. 14) with its best moment at 20 intervals:
    |S/n − μ| < (σ/n)·√((n + ρ)·log((n + ρ)/(ρ·alpha²))), ρ = 20/(1 − 2·log alpha + …) ≈ 2.
    """
    n, rho = float(differences.size), 2.0
    radius = sd / n * math.sqrt((n + rho) * math.log((n + rho) / (rho * alpha**2)))
    mean = float(differences.mean())
    return mean - radius, mean + radius
