"""Canary against control for quantities with a level (latency means, CPU, queue lengths).

Harmless: the paired log difference d_t (`paired`) has mean ≤ log(1 + margin). The evidence is a
mixture of Gaussian likelihood ratios on whitened differences w_t = (d_t − ρ·d_{t−1})/(1 − ρ), of
standard deviation s_t (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021, eq. 14):

    log e_t(θ) = θ·(w_t − line)/s_t − θ²/2

with θ ∈ EFFECTS in standard deviations an interval, (w_t − line)/s_t cut at the clip.

What does not average out, the units' own differences, moves the line (`unit_effects`): by
z·√(τ²(1/U_c + 1/U_k)), τ from units compared with their fellows. Where the canary's units are known
to be those of the past, and differ, the canary is compared with its own past difference instead;
what is not known of that (variance ω²) makes the n whitened differences dependent, and

    log E(θ) = (θ·S − n·θ²/2)/(1 + n·ω²/s²),  S = Σ (w_t − line)/s_t,

is the likelihood ratio of a common normal deviation (Robbins 1970, eq. 22). With neither fellows
nor a past there is no verdict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attribution.stats.epochs import combine, since_any_beginning
from attribution.stats.lines import Flags, Floats
from attribution.stats.paired import Spread, drift, logs, mean_of_units, paired, spread, usual_level
from attribution.stats.ratio import Margins, Weighed
from attribution.stats.unit_effects import SHIFTS, by_noise, worst_case

EFFECTS = np.array([0.3, 0.6, 1.2, 2.5, 5.0])  # standard deviations an interval
PRIORS = np.log([0.2, 0.3, 0.25, 0.15, 0.1])
FEWEST_PAST = 20
UNKNOWN = -1e9  # log evidence of a metric on which nothing may be claimed


@dataclass(frozen=True)
class Readings:
    """(B, U, T) readings of both cohorts, NaN where there is none; the same of the past."""

    control: Floats
    canary: Floats
    past_control: Floats | None = None
    past_canary: Floats | None = None
    same_units: bool = False


@dataclass(frozen=True)
class Pairing:
    """d_t (B, T) minus what is its own by nature; its noise; ω² (B,), the variance of what is not
    known of its nature; the units' standard deviation (B, T) with ν degrees of freedom (B,); the
    control's level (B, T).
    """

    difference: Floats
    noise: Spread
    unknown: Floats
    unit_sd: Floats
    freedom: Floats
    level: Floats

    @property
    def known(self) -> Flags:
        """(B,): may anything be claimed?"""
        return np.asarray(self.freedom >= 1)


def weigh_values(
    readings: Readings, direction: str, margins: Margins, starts: Sequence[int]
) -> Weighed:
    """(B, T) each; a metric whose units' differences cannot be known shows neither harm nor
    health.
    """
    found = pair(readings)
    sign = -1.0 if direction == "decrease" else 1.0
    failing = _bound(found, direction, margins.fail, margins.absolute) + margins.warming
    passing = _bound(found, direction, margins.passing, margins.absolute)
    by_epoch = [
        _evidence(found, sign, failing, start, margins.level_of(number), late=True)
        for number, start in enumerate(starts, 1)
    ]
    return Weighed(
        harm=combine(by_epoch, starts),
        current_harm=by_epoch[-1],
        health=_evidence(found, -sign, -passing, starts[-1], margins.pass_level, late=False),
    )


def pair(readings: Readings) -> Pairing:
    level = usual_level(readings.control, readings.past_control)
    d = paired(readings.control, readings.canary, level)
    past = _past(readings)
    d_past = None if past is None else paired(*past, level[:, :1])
    noise = spread(d, d_past)
    units = [logs(e, level) for e in (readings.control, readings.canary)]
    before = None if past is None else [logs(e, level[:, :1]) for e in past]
    sd, freedom = _population(units, before)
    unknown = np.zeros(d.shape[0])
    if d_past is not None and (readings.same_units or _single(readings)):
        own = (freedom < 1) | (sd > 0).any(axis=-1)  # where units do not differ, 0 is known better
        mean, variance = _own_past(d_past, noise)
        d = d - np.where(own, mean, 0.0)[:, None]
        unknown = np.where(own, variance, 0.0)
        sd, freedom = np.where(own[:, None], 0.0, sd), np.where(own, np.inf, freedom)
    return Pairing(d, noise, unknown, sd, freedom, level)


def _single(readings: Readings) -> bool:
    """One series a cohort: there are no fellows to compare with."""
    return bool(readings.control.shape[1] == readings.canary.shape[1] == 1)


def _past(readings: Readings) -> tuple[Floats, Floats] | None:
    """Of both cohorts, where there is enough of it."""
    past = readings.past_control, readings.past_canary
    if past[0] is None or past[1] is None or past[1].shape[-1] < FEWEST_PAST:
        return None
    return past[0], past[1]


def _own_past(past: Floats, noise: Spread) -> tuple[Floats, Floats]:
    """(mean difference of the past, the variance of that as a guess at the present), (B,) each."""
    count = np.maximum((~np.isnan(past)).sum(axis=-1), 1)
    long_run = noise.long_run[:, 0]
    return np.nanmean(past, axis=-1), long_run**2 / count + drift(past, long_run)


def _population(now: Sequence[Floats], past: Sequence[Floats] | None) -> tuple[Floats, Floats]:
    """√(τ²(1/U_c + 1/U_k)) (B, T) and ν (B,), from units compared with their cohort.

    From the past where there is one, what their noise explains taken off; else from the rollout up
    to each interval, all of it counted as theirs.
    """
    units = [np.maximum((~np.isnan(each)).any(axis=-1).sum(axis=1), 1) for each in now]
    factor = np.sqrt(1.0 / units[0] + 1.0 / units[1])[:, None]
    squares = noise = np.zeros(now[0].shape[::2])
    freedom = np.zeros(now[0].shape[0])
    for group in past or now:
        mean, noise_of_it = _unit_means(group, whole=past is not None)
        inside = mean - np.nanmean(mean, axis=1, keepdims=True)
        squares = squares + np.nansum(inside**2, axis=1)
        noise = noise + noise_of_it
        freedom = freedom + mean.shape[1] - 1
    # Of ν such squares, in units of the noise of one.
    known = np.maximum(freedom, 1.0)[:, None]
    excess = np.where(squares > noise / known * by_noise(known), squares - noise, 0.0)
    return np.sqrt(excess / known) * factor, freedom


def _unit_means(group: Floats, *, whole: bool) -> tuple[Floats, Floats]:
    """Mean of each unit against its fellows (B, U, T or 1), and what noise alone would make the sum
    of their squares (B, 1).
    """
    own = group - mean_of_units(group)[:, None, :]
    there = ~np.isnan(own)
    filled = np.where(there, own, 0.0)
    if not whole:
        count = np.maximum(np.cumsum(there, axis=-1), 1)
        return np.cumsum(filled, axis=-1) / count, np.zeros((group.shape[0], 1))
    count = np.maximum(there.sum(axis=-1, keepdims=True), 1)
    mean = filled.sum(axis=-1, keepdims=True) / count
    rest = np.where(there, own - mean, 0.0)
    variance = (rest**2).sum(axis=(1, 2)) / np.maximum(there.sum(axis=(1, 2)), 1)
    product = (rest[..., 1:] * rest[..., :-1]).sum(axis=(1, 2))
    square = np.maximum((rest**2).sum(axis=(1, 2)), 1e-300)
    ratio = np.clip(product / square, 0.0, 0.95)
    noise = variance * (1 + ratio) / (1 - ratio) / count.mean(axis=(1, 2))
    return mean, noise[:, None] * (mean.shape[1] - 1)


def _bound(found: Pairing, direction: str, margin: float, absolute: float) -> Floats:
    """The line on d, (B, T): the larger of the relative and the absolute margin."""
    if direction == "decrease":
        relative = -math.log1p(-min(margin, 0.999))
        part = np.minimum(absolute / found.level, 0.999)
        return np.maximum(relative, -np.log1p(-part))
    return np.maximum(math.log1p(margin), np.log1p(absolute / found.level))


def _evidence(
    found: Pairing, sign: float, bound: Floats, start: int, level: float, *, late: bool
) -> Floats:
    """Log E(t) against "sign·d ≤ bound" from `start` on, (B, T)."""
    d = sign * found.difference
    whitened, sd = _whitened(d, found.noise, start)
    lines = bound[:, None, :] + SHIFTS[None, :, None]
    score = (whitened[:, None, :] - lines) / sd[:, None, :]
    cut = found.noise.clip[:, None, None]
    score = np.clip(score, -cut, cut)[:, :, None, :]
    there = ~np.isnan(score)
    total = np.cumsum(np.where(there, score, 0.0)[..., start:], axis=-1)
    number = np.cumsum(there[..., start:], axis=-1)
    own = np.where(found.unknown[:, None] > 0, found.unknown[:, None] / sd**2, 0.0)
    shared = 1.0 + number * np.nan_to_num(own)[:, None, None, start:]
    effects = EFFECTS[:, None]
    ratios = (effects * total - number * effects**2 / 2.0) / shared
    if late and number.size:
        ratios = since_any_beginning(ratios)
    by_line = np.zeros((*score.shape[:2], d.shape[-1]))
    by_line[..., start:] = np.logaddexp.reduce(ratios + PRIORS[:, None], axis=-2)
    evidence = worst_case(by_line, found.unit_sd, np.maximum(found.freedom, 1.0), level)
    began = np.arange(d.shape[-1]) >= start
    return np.where(found.known[:, None] | ~began[None, :], evidence, np.where(began, UNKNOWN, 0.0))


def _whitened(d: Floats, noise: Spread, start: int) -> tuple[Floats, Floats]:
    """w_t and its standard deviation s_t, (B, T): without a neighbour before it (a gap, the first
    of an epoch) a difference stands for itself.
    """
    ratio = noise.persistence
    last = np.full_like(d, np.nan)
    last[:, 1:] = d[:, :-1]
    last[:, start] = np.nan
    alone = np.isnan(last)
    w = np.where(alone, d, (d - ratio * last) / (1.0 - ratio))
    return w, np.maximum(np.where(alone, noise.sd, noise.long_run), 1e-9)
