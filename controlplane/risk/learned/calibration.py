"""Platt's scaling (1999): margins of a later time → probabilities that mean what they say."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ROUNDS, STILL = 50, 1e-9
FARTHEST = 35.0  # log-odds; beyond it a probability is 0 or 1 to double precision


def platt(margin: Floats, true: Floats, offset: Floats) -> tuple[float, float]:
    """(slope, intercept) of logit p = offset + slope·margin + intercept, by Newton's method. A
    prior of slope 1 and intercept 0 (variance 1) keeps few rows or one class from running away.
    """
    x = np.stack([margin, np.ones_like(margin)], axis=1)
    at = np.array([1.0, 0.0])
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(offset + x @ at, -FARTHEST, FARTHEST)))
        slope = x.T @ (true - p) - (at - [1.0, 0.0])
        curvature = (x.T * (p * (1 - p))) @ x + np.eye(2)
        step = np.linalg.solve(curvature, slope)
        at += step
        if np.abs(step).max() < STILL:
            break
    # A negative slope would turn the ranking round: then the margins say nothing here.
    return max(float(at[0]), 0.0), float(at[1])
