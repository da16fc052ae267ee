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

Requests that fail in bursts and units that differ by themselves are allowed for: `dispersion`
learns how much, `lines` bets accordingly, `unit_effects` takes the worst case over the lines.

For `decrease` (a share of good requests that must not fall) everything is done on the complement,
bad = total − events; p_canary ≥ p_control(1 − margin) is q_canary ≤ margin + (1 − margin)·q_control
there, again a line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attribution.stats.dispersion import Group, Groups, Noise, noise
from attribution.stats.epochs import combine, running_log_mixture, weight
from attribution.stats.lines import (
    Counts,
    Floats,
    Line,
    log_evidence,
    predictable_base,
    recent_base,
)
from attribution.stats.unit_effects import SHIFTS, worst_case

# Harm looked for, as multiples of the bound, with their prior weights.
HARM_FACTORS = np.array([1.35, 1.8, 2.6, 4.0, 8.0, 30.0])
HARM_PRIORS = np.log([0.1, 0.25, 0.2, 0.25, 0.12, 0.08])
# Health looked for when passing: no difference at all, or a quarter of the way to the bound.
HEALTH_STEPS = np.array([0.0, 0.25])
HEALTH_PRIORS = np.log([0.6, 0.4])
BASE_PRIOR = (0.25, 50.0)  # events, requests: weak, so that a second of real traffic outweighs it
MOST_HISTORY = 2000.0  # requests of history that count for the base


@dataclass(frozen=True)
class Margins:
    """Relative and absolute differences that bound harm, in the metric's own terms."""

    fail: float
    passing: float
    absolute: float
    # Log of what a canary that is still warming up may be worse by, beyond `fail`: (T,) or 0.
    warming: Floats | float = 0.0
    # Log of the evidence that decides, of this metric in its first epoch, and to pass.
    level: float = math.log(100.0)
    pass_level: float = math.log(20.0)

    def level_of(self, number: int) -> float:
        """The same in epoch `number` = 1, 2, …"""
        return self.level + math.log(weight(1) / weight(number))


@dataclass(frozen=True)
class Weighed:
    """log E(t) of harm over all epochs, of harm in the current one, of health in it; (B, T)."""

    harm: Floats
    current_harm: Floats
    health: Floats


@dataclass(frozen=True)
class Ground:
    """What all bets of one cohort pair stand on: counts and noise, (B, 1, 1, T) each."""

    bad: Counts
    bases: tuple[Floats, ...]
    noise: Noise
    starts: Sequence[int]

    def shifted(self, line: Line, sign: float) -> Line:
        """The line for each size of the units' deviation, (B, Z, 1, T); Z is 1 without any."""
        if not self.noise.unit_sd.any():
            return line.times(np.ones((1, 1, 1, 1)))
        return line.times(np.exp(sign * SHIFTS[None, :, None, None]))

    def bases_for(self, line: Line) -> tuple[Floats, ...]:
        """Against a line through 0 the level of the base decides nothing."""
        return self.bases if np.any(line.c0) else self.bases[:1]

    def worst(self, by_line: Floats, level: float) -> Floats:
        """(B, Z, T) → (B, T)."""
        if by_line.shape[1] == 1:
            return by_line[:, 0]
        return worst_case(by_line, self.noise.unit_sd, self.noise.freedom, level)


def weigh_counts(
    now: Groups, past: Groups | None, direction: str, margins: Margins, starts: Sequence[int]
) -> Weighed:
    """`starts`: index of the first interval of each epoch, ascending, not empty.

    `now`: control and canary by unit, (B, U, T); control counts before the first start serve to
    learn only. `past`: the same before the rollout; None when nothing is known.
    """
    if direction == "decrease":
        now, past = _turned(now), past and _turned(past)
    ground = _ground(now, past, starts)
    failing = harmless_lines(direction, margins.fail, margins.absolute)
    passing = harmless_lines(direction, margins.passing, margins.absolute)
    failing = [line.times(np.exp(np.asarray(margins.warming))) for line in failing]
    by_epoch = [
        harm_evidence(ground, failing, start, margins.level_of(number))
        for number, start in enumerate(starts, 1)
    ]
    return Weighed(
        harm=combine(by_epoch, starts),
        current_harm=by_epoch[-1],
        health=health_evidence(ground, passing, starts[-1], margins.pass_level),
    )


def harmless_lines(direction: str, margin: float, absolute: float) -> list[Line]:
    """Bounds on the bad-event rate; `direction` is `increase` or `decrease` of the metric."""
    margin = min(margin, 0.999) if direction == "decrease" else margin
    relative = Line(0.0, 1.0 + margin) if direction == "increase" else Line(margin, 1.0 - margin)
    return [relative, Line(absolute, 1.0)] if absolute > 0 else [relative]


def _turned(groups: Groups) -> Groups:
    """Good requests → bad ones."""
    control, canary = (Group(each.total - each.events, each.total) for each in groups)
    return control, canary


def _ground(now: Groups, past: Groups | None, starts: Sequence[int]) -> Ground:
    control, canary = now
    bad = Counts(
        control.events.sum(axis=1),
        control.total.sum(axis=1),
        canary.events.sum(axis=1),
        canary.total.sum(axis=1),
    ).map(lambda each: each[:, None, None, :])
    prior = base_prior(past)
    # Two experts on the base, one with a short memory; the mean of two e-processes is one.
    events, total = bad.control_events, bad.control_total
    bases = (
        predictable_base(events, total, prior),
        recent_base(events, total, prior, starts),
    )
    return Ground(bad, bases, noise(now, past, starts), starts)


def base_prior(past: Groups | None) -> tuple[Floats, Floats]:
    """Events and requests to begin the control's estimate with; (1 or B, 1, 1, 1) each."""
    if past is None or not past[0].total.any():
        return np.full((1, 1, 1, 1), BASE_PRIOR[0]), np.full((1, 1, 1, 1), BASE_PRIOR[1])
    events, total = (each.sum(axis=(1, 2)) for each in (past[0].events, past[0].total))
    scale = np.minimum(1.0, MOST_HISTORY / np.maximum(total, 1.0))
    shape = (-1, 1, 1, 1)
    weighed = BASE_PRIOR[0] * 0.2 + events * scale, BASE_PRIOR[1] * 0.2 + total * scale
    return weighed[0].reshape(shape), weighed[1].reshape(shape)


def harm_alternatives(base: Floats, line: Line) -> Floats:
    """Canary rates beyond the line, (…, A, T); never on the harmless side, never above 1."""
    bound = line.at(base)
    factors = HARM_FACTORS[:, None]
    beyond = np.minimum(bound * factors, 1.0 - (1.0 - bound) / factors)
    return np.asarray(np.maximum(beyond, bound), dtype=np.float64)


def harm_evidence(ground: Ground, lines: Sequence[Line], start: int, level: float) -> Floats:
    """Log E(t) against "harmless" from `start` on, (B, T)."""

    def against(line: Line, base: Floats) -> Floats:
        moved = ground.shifted(line, +1.0)
        rates = harm_alternatives(base, moved)
        gains = log_evidence(ground.bad, base, rates, moved, _dispersion(ground))
        return ground.worst(running_log_mixture(gains, HARM_PRIORS, start, late=True), level)

    each = [mean_of([against(line, base) for base in ground.bases_for(line)]) for line in lines]
    return np.asarray(np.minimum.reduce(each), dtype=np.float64)


def health_evidence(ground: Ground, lines: Sequence[Line], start: int, level: float) -> Floats:
    """Log E(t) against "harm beyond the lines" from `start` on, (B, T)."""

    def against(line: Line, base: Floats) -> Floats:
        moved = ground.shifted(line, -1.0)
        steps = HEALTH_STEPS[:, None]
        healthy = base + steps * (np.maximum(line.at(base), base) - base)
        # A line moved below health itself would be bet on the wrong way.
        healthy = np.minimum(healthy, moved.at(base))
        gains = log_evidence(ground.bad, base, healthy, moved, _dispersion(ground))
        return ground.worst(running_log_mixture(gains, HEALTH_PRIORS, start), level)

    return mean_of([against(line, base) for line in lines for base in ground.bases_for(line)])


def _dispersion(ground: Ground) -> Floats:
    return ground.noise.dispersion[:, None, None, :]


def mean_of(logs: Sequence[Floats]) -> Floats:
    """Log of the mean of e-processes given by their logs."""
    return np.asarray(np.logaddexp.reduce(list(logs)) - np.log(len(logs)), dtype=np.float64)
