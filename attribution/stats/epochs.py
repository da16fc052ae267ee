"""One e-process from evidence that restarts at every epoch.

E(t) = Σ_{j begun} w_j·E_j(t) + (1 − Σ_{j begun} w_j), w_j = 1/(j(j+1)), Σ_j w_j = 1: a mixture of
e-processes that begin (at 1) when their epoch does, hence an e-process; by Ville's inequality
P(ever E ≥ 1/alpha) ≤ alpha over all looks and epochs. A long quiet epoch can drive E_1 to nothing
without deafening E_2. Within an epoch E_j = Σ_a π_a Π e_a, a mixture over alternatives.
"""

from collections.abc import Sequence

import numpy as np

from attribution.stats.lines import Floats


def weight(number: int) -> float:
    """w_j = 1/(j(j+1)) of epoch j = 1, 2, …"""
    return 1.0 / (number * (number + 1))


def running_log_mixture(increments: Floats, log_priors: Floats, start: int) -> Floats:
    """Log Σ_a π_a Π_{s=start..t} e_a(s) for each t, shape (…, T); 0 before `start`.

    `increments` (…, A, T) are log e-values an interval.
    """
    evidence = np.zeros((*increments.shape[:-2], increments.shape[-1]))
    summed = np.cumsum(increments[..., start:], axis=-1) + log_priors[:, None]
    evidence[..., start:] = np.logaddexp.reduce(summed, axis=-2)
    return evidence


def combine(by_epoch: Sequence[Floats], starts: Sequence[int], first: int = 1) -> Floats:
    """Log E(t) from log E_j(t), each (…, T); `first` is the number j of the first epoch."""
    weights = np.array([weight(first + place) for place in range(len(starts))])
    begun = np.arange(by_epoch[0].shape[-1]) >= np.asarray(starts)[:, None]
    logs = [
        np.where(there, each, 0.0) + np.log(share)
        for each, there, share in zip(by_epoch, begun, weights, strict=True)
    ]
    unbegun = max(1.0 - weights.sum(), 1e-300)
    total = np.logaddexp.reduce(logs, axis=0)
    return np.asarray(np.logaddexp(total, np.log(unbegun)), dtype=np.float64)
