"""Wald's sequential probability ratio test that is told the true size of the effect.

What no judge can beat by much on the same information: it sees both cohorts' intervals and the
history, knows nothing of the base rate, and need not look for effects of any other size. Wald,
"Sequential tests of statistical hypotheses" (1945): decides when Λ ≥ 1/alpha; it never gives up.

Shapes: R metrics of a draw, T looks.
"""

import math
from dataclasses import dataclass

import numpy as np
from judge_rivals import cohort_series
from judge_scenarios import ALPHA, BETA, MARGIN, PASS_MARGIN
from judge_verdicts import Looks, first
from judge_worlds import Drawn, Floats

# Ours spends half of alpha on the first epoch; a test that is compared with it has no more.
FIRST_EPOCH = 0.5


@dataclass(frozen=True)
class Hypotheses:
    """Canary/control under the null and under the alternative, and the chance of erring."""

    null: float
    alternative: float
    error: float


def harm(factor: float) -> Hypotheses:
    return Hypotheses(1.0 + MARGIN, factor, ALPHA * FIRST_EPOCH)


HEALTH = Hypotheses(1.0 + PASS_MARGIN, 1.0, BETA)


def decided_at(drawn: Drawn, asked: Hypotheses) -> Looks:
    """The look, from 1, at which the alternative is taken; T + 1: never. Shape (R,)."""
    gains = (counts_gain if drawn.kind == "ratio" else values_gain)(drawn, asked)
    return first(np.cumsum(gains, axis=1) >= math.log(1.0 / asked.error))


def counts_gain(drawn: Drawn, asked: Hypotheses) -> Floats:
    """Log likelihood ratio of the canary's share of the events, given the events of both: (R, T).

    x ~ Bin(n, r·N_c/(r·N_c + N_k)) for canary/control = r, requests N: whatever the base rate is
    (Przyborowski & Wilenski 1940, for Poisson counts).
    """
    x, canary = np.moveaxis(drawn.canary.sum(axis=1), -1, 0)
    k, control = np.moveaxis(drawn.control.sum(axis=1), -1, 0)
    used = (canary > 0) & (control > 0)
    w, q = (
        np.where(used, r * canary, 1.0) / np.where(used, r * canary + control, 2.0)
        for r in (asked.null, asked.alternative)
    )
    return np.where(used, x * np.log(q / w) + k * np.log((1 - q) / (1 - w)), 0.0)


def values_gain(drawn: Drawn, asked: Hypotheses) -> Floats:
    """Gaussian log likelihood ratio of d = log canary mean − log control mean: (R, T).

    ((θ1 − θ0)·d − (θ1² − θ0²)/2)/σ², θ the logs of the hypotheses, σ² the variance of d in the
    history.
    """
    before = _log_difference(_past(drawn))
    variance = np.nanvar(before, axis=1, ddof=1, keepdims=True)
    low, high = math.log(asked.null), math.log(asked.alternative)
    gain = ((high - low) * _log_difference(drawn) - (high**2 - low**2) / 2) / variance
    return np.nan_to_num(gain)


def _log_difference(drawn: Drawn) -> Floats:
    control, canary = cohort_series(drawn)
    return np.log(canary) - np.log(control)


def _past(drawn: Drawn) -> Drawn:
    if drawn.past_control is None or drawn.past_canary is None:
        raise ValueError("the variance is learned from the history, and there is none")
    return Drawn(
        drawn.kind, drawn.past_control, drawn.past_canary, None, None, None, same_units=True
    )
