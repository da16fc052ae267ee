"""Readings of two cohorts → one series of paired log differences, and how much it varies.

d_t = log mean_u(canary_u,t) − log mean_u(control_u,t): what hits both (shocks, season) is gone.
"""

from dataclasses import dataclass

import numpy as np

from attribution.stats.lines import Floats, before
from attribution.stats.unit_effects import by_noise

FLOOR = 1e-3  # of the control's usual level; a reading below it (0, a negative one) counts as it
FEWEST = 8  # differences before anything is said about their noise
HEAVY = 4.0  # scales; normal noise is beyond it once in 16,000
CLIP, CLIP_HEAVY = 4.5, 3.0
MOST_PERSISTENCE = 0.95
BLOCKS = 8
CHANCE = 1.5  # standard deviations of an autocorrelation that is none


@dataclass(frozen=True)
class Spread:
    """Of a paired difference's noise, known before each interval: standard deviation of one (B, T),
    its autocorrelation at lag 1 (B, T), degrees of freedom (B, T), and from how many standard
    deviations on a reading counts no further (B,): heavy tails are cut where normal ones are not.
    """

    sd: Floats
    persistence: Floats
    freedom: Floats
    clip: Floats

    @property
    def long_run(self) -> Floats:
        """σ·√((1 + ρ)/(1 − ρ)): of a mean of many, times √n."""
        return np.asarray(self.sd * np.sqrt((1 + self.persistence) / (1 - self.persistence)))


def logs(values: Floats, level: Floats) -> Floats:
    """Log of readings (B, U, T), NaN where there is none; `level` (B, T) is the control's usual."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(np.maximum(values, FLOOR * level[:, None, :])))


def usual_level(control: Floats, past: Floats | None) -> Floats:
    """Mean size of the control's readings up to each interval, (B, T); never 0."""
    size = _filled(
        np.abs(control).mean(axis=1) if control.shape[1] == 1 else mean_of_units(np.abs(control))
    )
    there = ~np.isnan(mean_of_units(control))
    total, count = np.cumsum(size, axis=-1), np.cumsum(there, axis=-1).astype(np.float64)
    if past is not None:
        total = total + np.nansum(mean_of_units(np.abs(past)), axis=-1, keepdims=True)
        count = count + (~np.isnan(mean_of_units(past))).sum(axis=-1, keepdims=True)
    level = np.divide(total, count, out=np.ones_like(total), where=count > 0)
    return np.where(level > 0, level, 1.0)


def paired(control: Floats, canary: Floats, level: Floats) -> Floats:
    """d_t (B, T) from readings by unit (B, U, T); NaN where a cohort reports nothing."""
    means = [logs(mean_of_units(each)[:, None, :], level)[:, 0] for each in (canary, control)]
    return means[0] - means[1]


def spread(now: Floats, past: Floats | None) -> Spread:
    """Of d_t (B, T), from its past (B, T_h) and from what came before each interval."""
    moments = _moments(now)
    freedom = moments[0]
    square = moments[1]
    if past is None:
        ratio = _persistence(now)
        clip = np.full(now.shape[0], CLIP_HEAVY)
        variance = np.divide(square, freedom, out=np.full_like(square, np.nan), where=freedom > 0)
        variance = variance / (1.0 - np.minimum(ratio, MOST_PERSISTENCE))
        # Little is known: a variance from n differences may well be too small.
        safe = 1.0 + 6.0 / np.maximum(freedom, 1.0)
        known = freedom >= FEWEST
        return Spread(np.where(known, np.sqrt(variance * safe), np.nan), ratio, freedom, clip)
    centred, ratio0, clip = _of_the_past(past)
    n = (~np.isnan(centred)).sum(axis=-1, keepdims=True).astype(np.float64)
    total = np.nansum(centred**2, axis=-1, keepdims=True) + square / (1.0 - ratio0)
    variance = total / np.maximum(n - 1 + freedom, 1.0)
    ratio = np.broadcast_to(ratio0, now.shape)
    sd = np.where(n + freedom >= FEWEST, np.sqrt(variance), np.nan)
    return Spread(sd, ratio, n - 1 + freedom, clip)


def _of_the_past(past: Floats) -> tuple[Floats, Floats, Floats]:
    """(past differences around their median, cut at the clip; ρ (B, 1); clip (B,))."""
    centred = past - _median(past)
    scale = 1.4826 * _median(np.abs(centred))
    heavy = (np.abs(centred) > HEAVY * scale).any(axis=-1)
    clip = np.where(heavy, CLIP_HEAVY, CLIP)
    cut = np.clip(centred, -clip[:, None] * scale, clip[:, None] * scale)
    cut = cut - np.nanmean(cut, axis=-1, keepdims=True)
    n = (~np.isnan(cut)).sum(axis=-1, keepdims=True)
    product = np.nansum(cut[:, 1:] * cut[:, :-1], axis=-1, keepdims=True)
    square = np.nansum(cut**2, axis=-1, keepdims=True)
    ratio = np.divide(product, square, out=np.zeros_like(square), where=square > 0)
    seen = ratio > CHANCE / np.sqrt(np.maximum(n, 1))
    # Its bias (Kendall 1954), and one standard deviation: too little of it costs the promise.
    ratio = ratio + (1.0 + 3.0 * ratio) / np.maximum(n, 1)
    ratio = ratio + np.sqrt(np.maximum(1.0 - ratio**2, 0.0) / np.maximum(n, 1))
    return cut, np.clip(np.where(seen, ratio, 0.0), 0.0, MOST_PERSISTENCE), clip


def _moments(d: Floats) -> tuple[Floats, Floats]:
    """(number, Σ (d_t − d_{t−1})²/2) of neighbours before each interval (von Neumann 1941):
    a lasting difference between the cohorts does not count as noise.
    """
    step = np.zeros_like(d)
    step[:, 1:] = d[:, 1:] - d[:, :-1]
    step[:, 0] = np.nan
    there = ~np.isnan(step)
    squares = np.where(there, step, 0.0) ** 2 / 2.0
    return before(there.astype(np.float64)), before(squares)


def _persistence(d: Floats) -> Floats:
    """ρ before each interval from the rollout alone, with what a short series hides of it added."""
    filled = _filled(d)
    count = np.maximum(before((~np.isnan(d)).astype(np.float64)), 1.0)
    mean = before(filled) / count
    square = np.maximum(before(filled**2) / count - mean**2, 1e-300)
    product = np.zeros_like(filled)
    product[:, 1:] = filled[:, 1:] * filled[:, :-1]
    ratio = (before(product) / count - mean**2) / square
    biased = (1.0 + 3.0 * np.abs(ratio)) / count
    return np.asarray(np.clip(ratio + biased, 0.0, MOST_PERSISTENCE), dtype=np.float64)


def drift(past: Floats, long_run: Floats) -> Floats:
    """Variance (B,) of a cohort difference's slow wander: how much more the means of BLOCKS parts
    of the past differ than its noise explains.
    """
    length = past.shape[-1] // BLOCKS
    if length < FEWEST:
        return np.zeros(past.shape[0])
    parts = past[:, -length * BLOCKS :].reshape(past.shape[0], BLOCKS, length)
    means = mean_of_units(parts.transpose(0, 2, 1))
    noise = long_run**2 / length
    found = np.nanvar(means, axis=-1, ddof=1)
    most = noise * by_noise(np.array(BLOCKS - 1.0)) / (BLOCKS - 1.0)
    return np.asarray(np.where(found > most, found - noise, 0.0), dtype=np.float64)


def _filled(values: Floats) -> Floats:
    return np.where(np.isnan(values), 0.0, values)


def mean_of_units(values: Floats) -> Floats:
    """Over the units (axis 1) that report; NaN where none does."""
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.asarray(mean, dtype=np.float64)


def _median(values: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        empty = np.isnan(values).all(axis=-1, keepdims=True)
        return np.asarray(np.nanmedian(np.where(empty, 0.0, values), axis=-1, keepdims=True))
