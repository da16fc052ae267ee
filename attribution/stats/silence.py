"""Evidence that a canary which ought to report has gone silent.

A Bernoulli likelihood ratio against the silence rate p0, bet only while the control reports and
only once a silence has already lasted: after at least one silent interval and `GRACE_S` seconds the
alternative says "silent again with probability STAYS", before that it says what the null says.
So one lost scrape costs nothing and proves nothing; p0 = 0.02 gives log(0.8/0.02) = 3.7 for each
further silent interval.

Guaranteed: if, given the past, a canary that has been silent that long is silent again with
probability ≤ p0, E is a supermartingale starting at 1. p0 covers lost scrapes (0.02, or what the
control itself shows) and small traffic (exp(−expected requests)).
"""

import math

import numpy as np

from attribution.stats.lines import Flags, Floats

STAYS = 0.8
RATE = 0.02
RATE_STRENGTH = 50.0  # intervals of control that the default rate counts for
GRACE_S = 3.0
SMALLEST_SHARE = 0.05  # of the control's traffic, when neither plan nor past tells the canary's


def silence_rate(control_reports: Flags, expected: Floats, prior: tuple[float, float]) -> Floats:
    """p0 before each interval, shape (T,), in [RATE, 1).

    `prior` = (silent, seen) intervals of earlier history; `expected` = expected canary requests.
    """
    silent = np.concatenate(([0.0], np.cumsum(~control_reports)[:-1])) + prior[0]
    seen = np.arange(control_reports.size) + prior[1]
    learned = (RATE * RATE_STRENGTH + silent) / (RATE_STRENGTH + seen)
    return np.asarray(np.clip(np.maximum(learned, np.exp(-expected)), RATE, 0.999), dtype=float)


def expected_requests(control: Floats, canary: Floats, share: Floats) -> Floats:
    """Canary requests to expect given the control's in the same interval, shape (T,).

    From their ratio so far and from the plan's share (NaN if unknown): the smaller of the two.
    """
    reported = canary > 0
    canary_before = np.concatenate(([0.0], np.cumsum(canary)[:-1]))
    control_before = np.concatenate(([0.0], np.cumsum(np.where(reported, control, 0.0))[:-1]))
    planned = share / np.maximum(1.0 - share, 1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.where(control_before > 0, canary_before / control_before, np.nan)
    odds = np.fmin(odds, planned)  # fmin: the one that is known, the smaller when both are
    return np.asarray(control * np.where(np.isfinite(odds), odds, SMALLEST_SHARE), dtype=float)


def log_evidence(canary_reports: Flags, watched: Flags, rate: Floats, interval_s: float) -> Floats:
    """Log e an interval, shape (T,); `watched`: the control reports, the canary ought to."""
    grace = max(1, math.ceil(GRACE_S / interval_s))
    gain = np.zeros(rate.size)
    run = 0
    for index in np.flatnonzero(watched):
        silent = not canary_reports[index]
        if run >= grace and rate[index] < STAYS:
            ratio = STAYS / rate[index] if silent else (1 - STAYS) / (1 - rate[index])
            gain[index] = math.log(ratio)
        run = run + 1 if silent else 0
    return gain
