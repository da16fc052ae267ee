"""How well a ranking and its probabilities hold on a later time."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def auc(margin: Floats, true: Floats) -> float:
    """The chance that a bad one ranks above a good one; a tie counts half. NaN with one class."""
    _, place, count = np.unique(margin, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    bad, good = true.sum(), (1 - true).sum()
    if not bad or not good:
        return float("nan")
    return float((rank[true > 0].sum() - bad * (bad + 1) / 2) / (bad * good))


def caught(margin: Floats, true: Floats, top: float) -> float:
    """The share of the bad ones among the riskiest `top` of all. Ties as the average of every
    order they could have, so that a constant catches `top`.
    """
    size = top * len(true)
    values, place, count = np.unique(-margin, return_inverse=True, return_counts=True)
    bad = np.bincount(place, weights=true, minlength=len(values))
    room = np.clip(size - (np.cumsum(count) - count), 0, count)
    return float((bad * room / count).sum() / max(true.sum(), 1))


def log_losses(p: Floats, true: Floats) -> Floats:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return -(true * np.log(p) + (1 - true) * np.log(1 - p))


def of(margin: Floats, true: Floats) -> dict[str, float]:
    return {"auc": round(auc(margin, true), 4), "caught_20": round(caught(margin, true, 0.2), 4)}
