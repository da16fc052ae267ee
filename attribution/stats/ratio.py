"""Canary against control for event ratios (errors of requests, fast requests of requests).

Harmless: p_canary ≤ max(p_control·(1 + margin), p_control + margin_abs) in bad events. That set is
a union of two half-planes, each with an e-process of its own (`lines`); the smaller of the two is
an e-process for the union as long as the rates stay, within an epoch, on the harmless side of the
same line (rates may vary as they like on that side). So: P(ever failing a harmless change) ≤ alpha.

Harm to exclude: p_canary ≥ max(p_control·(1 + pass_margin), p_control + margin_abs), an
intersection of half-planes, so the mean of the two e-processes is valid without any condition.
Passing looks at the current epoch only: P(ever passing such harm in an epoch) ≤ beta. (Evidence of
the whole rollout would be valid too if the harm were constant, but a change that turns bad in a
later stage would ride on its healthy past.)

For `decrease` (a share of good requests that must not fall) everything is done on the complement,
bad = total − events; p_canary ≥ p_control(1 − margin) is q_canary ≤ margin + (1 − margin)·q_control
there, again a line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attribution.stats.epochs import combine, running_log_mixture
from attribution.stats.lines import (
    Counts,
    Floats,
    Line,
    log_evidence,
    predictable_base,
    recent_base,
)

# Harm looked for, as multiples of the bound, with their prior weights.
HARM_FACTORS = np.array([1.5, 2.5, 4.0, 8.0, 30.0])
HARM_PRIORS = np.log([0.15, 0.25, 0.35, 0.15, 0.10])
# Health looked for when passing: no difference at all, or a quarter of the way to the bound.
HEALTH_STEPS = np.array([0.0, 0.25])
HEALTH_PRIORS = np.log([0.6, 0.4])
BASE_PRIOR = (0.25, 50.0)  # events, requests: weak, so that a second of real traffic outweighs it


@dataclass(frozen=True)
class Margins:
    """Relative and absolute differences that bound harm, in the metric's own terms."""

    fail: float
    passing: float
    absolute: float


def harmless_lines(direction: str, margin: float, absolute: float) -> list[Line]:
    """Bounds on the bad-event rate; `direction` is `increase` or `decrease` of the metric."""
    margin = min(margin, 0.999) if direction == "decrease" else margin
    relative = Line(0.0, 1.0 + margin) if direction == "increase" else Line(margin, 1.0 - margin)
    return [relative, Line(absolute, 1.0)] if absolute > 0 else [relative]


def bad_counts(counts: Counts, direction: str) -> Counts:
    if direction == "increase":
        return counts
    return Counts(
        counts.control_total - counts.control_events,
        counts.control_total,
        counts.canary_total - counts.canary_events,
        counts.canary_total,
    )


def harm_alternatives(base: Floats, line: Line) -> Floats:
    """Canary rates beyond the line, shape (A, T); never on the harmless side, never above 1."""
    bound = line.at(base)[None, :]
    factors = HARM_FACTORS[:, None]
    beyond = np.minimum(bound * factors, 1.0 - (1.0 - bound) / factors)
    return np.asarray(np.maximum(beyond, bound), dtype=np.float64)


def harm_evidence(
    bad: Counts, base: Floats, lines: Sequence[Line], starts: Sequence[int]
) -> list[Floats]:
    """Log E_j(t) against "harmless", one array of shape (T,) an epoch."""
    increments = [log_evidence(bad, base, harm_alternatives(base, line), line) for line in lines]
    by_epoch = []
    for start in starts:
        each = [running_log_mixture(step, HARM_PRIORS, start) for step in increments]
        by_epoch.append(np.minimum.reduce(each))
    return by_epoch


def health_evidence(bad: Counts, base: Floats, lines: Sequence[Line], start: int) -> Floats:
    """Log E(t) against "harm beyond the lines" from `start` on, shape (T,)."""
    each = []
    for line in lines:
        steps = HEALTH_STEPS[:, None]
        healthy = base + steps * (np.maximum(line.at(base), base) - base)
        gains = log_evidence(bad, base, healthy, line)
        each.append(running_log_mixture(gains, HEALTH_PRIORS, start))
    return np.asarray(np.logaddexp.reduce(each, axis=0) - np.log(len(each)), dtype=np.float64)


def base_prior(history_events: float, history_total: float) -> tuple[float, float]:
    """Events and requests to begin the control's estimate with; history counts up to 2,000."""
    if history_total <= 0:
        return BASE_PRIOR
    scale = min(1.0, 2000.0 / history_total)
    return (
        BASE_PRIOR[0] * 0.2 + history_events * scale,
        BASE_PRIOR[1] * 0.2 + history_total * scale,
    )


@dataclass(frozen=True)
class RatioEvidence:
    """log E(t) of harm over all epochs; of harm in the current one; of health in it. (T,) each."""

    harm: Floats
    current_harm: Floats
    health: Floats


def one_sided(
    counts: Counts, direction: str, margins: Margins, starts: Sequence[int], history: Counts
) -> RatioEvidence:
    """`starts`: index of the first interval of each epoch, ascending, not empty.

    Control counts before the first start serve to learn the base only.
    """
    bad, past = bad_counts(counts, direction), bad_counts(history, direction)
    prior = base_prior(float(past.control_events.sum()), float(past.control_total.sum()))
    failing = harmless_lines(direction, margins.fail, margins.absolute)
    passing = harmless_lines(direction, margins.passing, margins.absolute)
    # Two experts on the base, one with a short memory; the mean of two e-processes is one.
    events, total = bad.control_events, bad.control_total
    bases = [
        predictable_base(events, total, prior),
        recent_base(events, total, prior, starts),
    ]
    harms = [harm_evidence(bad, base, failing, starts) for base in bases]
    by_epoch = [mean_of(pair) for pair in zip(*harms, strict=True)]
    return RatioEvidence(
        harm=combine(by_epoch, starts),
        current_harm=by_epoch[-1],
        health=mean_of([health_evidence(bad, base, passing, starts[-1]) for base in bases]),
    )


def mean_of(logs: Sequence[Floats]) -> Floats:
    """Log of the mean of e-processes given by their logs."""
    return np.asarray(np.logaddexp.reduce(list(logs)) - np.log(len(logs)), dtype=np.float64)
