"""Boundaries of a group-sequential test by alpha spending, by numerical integration.

Lan & DeMets, "Discrete sequential boundaries for clinical trials" (1983), with the density of the
score carried from look to look as in Armitage, McPherson & Rowe (1969), equation 3.
"""

import math
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NORMAL = NormalDist()
LOWEST, STEP = -9.0, 0.01  # of the score's grid, in standard deviations of one look


def spent(alpha: float, share: float) -> float:
    """α*(s) = 2 − 2Φ(z_{1−α/2}/√s), one-sided, at share s of the information."""
    return 2.0 * NORMAL.cdf(NORMAL.inv_cdf(alpha / 2) / math.sqrt(share))


@cache
def boundaries(alpha: float, looks: int) -> tuple[float, ...]:
    """c_k for z_k at k = 1 … looks, equally spaced: P(z_1 < c_1, …, z_k ≥ c_k) = α*(k/K) − α*(…).

    The score S_k = z_k·√k has independent N(0, 1) steps.
    """
    found: list[float] = []
    grid, mass = np.zeros(1), np.ones(1)  # S_0 = 0 with certainty
    for look in range(1, looks + 1):
        level = spent(alpha, look / looks) - (spent(alpha, (look - 1) / looks) if look > 1 else 0.0)
        limit = _limit(grid, mass, level)
        found.append(limit / math.sqrt(look))
        ahead = np.arange(LOWEST * math.sqrt(look), limit, STEP) + STEP / 2
        ahead = ahead[ahead < limit]
        steps = np.exp(-((ahead[:, None] - grid[None, :]) ** 2) / 2) / math.sqrt(2 * math.pi)
        grid, mass = ahead, steps @ mass * STEP
    return tuple(found)


def _limit(grid: Floats, mass: Floats, level: float) -> float:
    """The b with P(S_{k−1} not stopped, S_{k−1} + N(0, 1) ≥ b) = level, by bisection."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        beyond = sum(w * NORMAL.cdf(s - middle) for s, w in zip(grid, mass, strict=True))
        low, high = (middle, high) if beyond > level else (low, middle)
    return (low + high) / 2
