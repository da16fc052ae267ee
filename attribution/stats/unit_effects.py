"""Units differ by themselves: a canary of three units may be worse than its control for no reason.

The mean of a cohort's units deviates from the truth by D = Z·s, s² = τ²(1/U_c + 1/U_k), and stays
so: no amount of time averages it away. For each size d of that deviation there is a line moved by d
with an e-process E_d of its own (`ratio`, `values`). With a price c(z), ∫ c(z) dP(Z) ≤ 1,

    E = min over d of c(d/s)·E_d

is an e-process although D is unknown: E ≤ c(Z)·E_D, so P(ever E ≥ 1/α) ≤ α·∫ c dP = α. The price is
a calibrator of the p-value of z (Vovk & Wang, "E-values: calibration, combination and
applications", Annals of Statistics 2021, section 2) that pays just what is asked for: with K the
evidence that decides, c = 0.8 + 0.1·[p ≤ p₁]/p₁ + 0.1·[p ≤ p₂]/p₂, 0.1/p₁ = K, 0.1/p₂ = 10·K (for
who decides once more, at a tenth of α).

τ is estimated, so Z has Student's distribution with ν degrees of freedom, those of τ²'s estimate;
few units make large z cheap, and then no evidence suffices: nothing is claimed that three units
cannot show. And where units differ no more than their noise explains (their scatter is within
BEYOND standard deviations of what noise gives), τ is 0: what cannot be seen in the units cannot be
seen in the means of as much data either. s may become better known from interval to interval: the
price is that of now.
"""

import math

import numpy as np

from attribution.stats.lines import Floats

# Deviations in logs. The line at SHIFTS[i] stands for the cell (SHIFTS[i − 1], SHIFTS[i]], at the
# price of the cell's lower end.
SHIFTS = np.concatenate(([0.0], 0.004 * 1.35 ** np.arange(24)))
CONSTANT, PAID = 0.8, 0.1
SECOND = math.log(10.0)
# Of the stake at each line kept back: a line beyond the harm loses all that is bet against it, and
# must leave its price standing.
KEPT = 0.1
LEAST_SD = 1e-6
BEYOND = 1.5


def by_noise(freedom: Floats) -> Floats:
    """The most that noise alone is taken to give for a χ² of `freedom`."""
    return np.asarray(freedom + BEYOND * np.sqrt(2.0 * freedom), dtype=np.float64)


def log_prices(sd: Floats, freedom: Floats, level: float) -> tuple[Floats, Floats]:
    """(log c of each line (…, Z); log of the most that any evidence may come to (…,)).

    `level` is log K.

    `sd` s and `freedom` ν > 0, (…,) each; ν is infinite when τ is known. Beyond the last of SHIFTS
    no line is held.
    """
    z = SHIFTS / np.maximum(sd, LEAST_SD)[..., None]
    tail = student_tail(z, np.asarray(freedom, dtype=np.float64)[..., None])
    p = np.concatenate((np.ones((*tail.shape[:-1], 1)), tail), axis=-1)  # of each cell's lower end
    price = np.full_like(p, CONSTANT)
    for wanted in (level, level + SECOND):
        price += np.where(p <= PAID * math.exp(-wanted), math.exp(wanted), 0.0)
    cells = p - np.concatenate((tail, np.zeros((*tail.shape[:-1], 1))), axis=-1)
    price = np.log(price / (cells * price).sum(axis=-1, keepdims=True))
    return price[..., :-1], price[..., -1]


def student_tail(z: Floats, freedom: Floats) -> Floats:
    """P(T > z), z ≥ 0, by Wallace's normal approximation (1959), to a few per cent in the tail."""
    known = np.minimum(freedom, 1e9)  # from there on it is the normal distribution
    scaled = np.sqrt(known * np.log1p(z * z / known))
    return normal_tail(scaled * (8 * known + 1) / (8 * known + 3))


def normal_tail(z: Floats) -> Floats:
    """P(N > z), z ≥ 0, never 0; to 2e-7 of it (Press et al., Numerical Recipes, 6.2)."""
    x = np.minimum(np.asarray(z, dtype=np.float64), 37.0) / math.sqrt(2.0)
    t = 1.0 / (1.0 + 0.5 * x)
    series = np.zeros_like(t)
    for coefficient in reversed(ERFC):
        series = coefficient + t * series
    return np.asarray(0.5 * t * np.exp(-x * x + series), dtype=np.float64)


ERFC = (
    *(-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806),
    *(0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277),
)


def worst_case(by_line: Floats, sd: Floats, freedom: Floats, level: float) -> Floats:
    """Log E (B, T) from log E_d (B, Z, T) of the lines at SHIFTS; `sd` (B, T), `freedom` (B,)."""
    prices, most = log_prices(sd, freedom[:, None], level - math.log(KEPT))
    staked = np.logaddexp(by_line + math.log(1.0 - KEPT), math.log(KEPT))
    cheapest = (staked + np.swapaxes(prices, -1, -2)).min(axis=-2)
    return np.where(sd > 0, np.minimum(cheapest, most), by_line[:, 0])
