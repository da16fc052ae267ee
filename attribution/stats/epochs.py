"""One e-process from evidence that restarts at every epoch.

E(t) = Σ_{j begun} w_j·E_j(t) + (1 − Σ_{j begun} w_j), w_j = 1/(j(j+1)), Σ_j w_j = 1: a mixture of
e-processes that begin (at 1) when their epoch does, hence an e-process; by Ville's inequality
P(ever E ≥ 1/alpha) ≤ alpha over all looks and epochs. A long quiet epoch can drive E_1 to nothing
without deafening E_2. Within an epoch E_j = Σ_a π_a Π e_a, a mixture over alternatives.

Harm may also begin within an epoch. Of the stake on each alternative AT_ONCE is bet on the epoch's
first interval and the rest on each later one as the beginning, v_s ∝ (s + 5)^−1.3 (an e-detector
with a summable prior: Shin, Ramdas & Rinaldo, "E-detectors", NEJSDS 2024, section 2.4).
"""

import math
from collections.abc import Sequence

import numpy as np

from attribution.stats.lines import Floats

AT_ONCE = 0.75
DELAY, POWER = 5.0, 1.3


def weight(number: int) -> float:
    """w_j = 1/(j(j+1)) of epoch j = 1, 2, …"""
    return 1.0 / (number * (number + 1))


def log_beginnings(length: int) -> Floats:
    """Log of the stake on each interval of an epoch as the one in which harm begins, (T,)."""
    later = (np.arange(1, length) + DELAY) ** -POWER
    total = (0.5 + DELAY) ** (1 - POWER) / (POWER - 1)  # ≥ Σ_{s ≥ 1} (s + DELAY)^−POWER
    return np.log(np.concatenate(([AT_ONCE], (1 - AT_ONCE) * later / total)))[:length]


def late_cost(healthy: float) -> float:
    """Nats that harm which begins after so many intervals of an epoch costs beyond harm at once."""
    if healthy < 1:
        return 0.0
    beginnings = log_beginnings(2)
    slower = POWER * math.log((healthy + DELAY) / (1 + DELAY))
    return float(beginnings[0] - beginnings[1]) + slower


def since_any_beginning(summed: Floats) -> Floats:
    """Log Σ_s v_s Π_{r=s..t} e(r) from log Π_{r=0..t} e(r), (…, T) of one epoch."""
    earlier = np.zeros_like(summed)
    earlier[..., 1:] = summed[..., :-1]
    begun = np.logaddexp.accumulate(log_beginnings(summed.shape[-1]) - earlier, axis=-1)
    return np.asarray(summed + begun, dtype=np.float64)


def running_log_mixture(
    increments: Floats, log_priors: Floats, start: int, *, late: bool = False
) -> Floats:
    """Log Σ_a π_a Π_{s=start..t} e_a(s) for each t, shape (…, T); 0 before `start`. With `late`,
    of harm that begins at the start or any time after it.

    `increments` (…, A, T) are log e-values an interval.
    """
    evidence = np.zeros((*increments.shape[:-2], increments.shape[-1]))
    summed = np.cumsum(increments[..., start:], axis=-1)
    if late and summed.shape[-1]:
        summed = since_any_beginning(summed)
    evidence[..., start:] = np.logaddexp.reduce(summed + log_priors[:, None], axis=-2)
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
