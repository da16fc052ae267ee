"""How large the difference is, with an interval that is valid whenever one looks. PURE."""

import math

import numpy as np

from attribution.evidence import Readings
from attribution.stats import buckets, values
from attribution.stats.dispersion import Group, Groups, noise
from attribution.stats.effects import (
    common_interval,
    mean_interval,
    rare_interval,
    relative_effect,
    widened,
)
from attribution.stats.lines import Counts
from attribution.stats.unit_effects import student_tail

COMMON = 0.3  # a rate above it is no rare event
TAIL = 0.1  # of the control's requests: where a distribution's slow ones are looked at

QUANTILES = np.linspace(0.0, 100.0, 2001)

Effect = tuple[float | None, tuple[float, float | None] | None]


def effect_of(readings: Readings, direction: str, start: int, alpha: float) -> Effect:
    """canary/control − 1 of one metric from `start` on, and its interval at 1 − alpha.

    Of a distribution: of the share of requests beyond `slo`, or beyond the bound nearest to the
    control's slowest tenth.
    """
    if readings.kind == "value":
        return _of_values(readings, start, alpha)
    return _of_counts(_groups(readings, direction), direction, start, alpha)


def _groups(readings: Readings, direction: str) -> Groups:
    if readings.kind == "ratio":
        control, canary = (
            Group(each[..., 0], each[..., 1]) for each in (readings.control, readings.canary)
        )
        return control, canary
    place = _bound(readings, direction)
    control, canary = (
        Group(buckets.beyond(each, place, direction), each.sum(axis=-1))
        for each in (readings.control, readings.canary)
    )
    return control, canary


def _bound(readings: Readings, direction: str) -> int:
    bounds = np.asarray(readings.bounds)
    if readings.slo is not None:
        return int(np.flatnonzero(np.isclose(bounds, readings.slo))[0])
    counts = readings.control.sum(axis=(0, 1, 2))
    tails = [buckets.beyond(counts, place, direction) for place in range(bounds.size)]
    return int(np.argmin(np.abs(np.array(tails) / max(counts.sum(), 1.0) - TAIL)))


def _of_counts(groups: Groups, direction: str, start: int, alpha: float) -> Effect:
    control, canary = groups
    counts = Counts(
        *(each.sum(axis=1)[0, start:] for each in (control.events, control.total)),
        *(each.sum(axis=1)[0, start:] for each in (canary.events, canary.total)),
    )
    if not counts.compared.any():
        return None, None
    found = noise(groups, None, (start,))
    common = counts.control_events.sum() > COMMON * counts.control_total.sum()
    if common or direction == "decrease":
        interval = common_interval(counts, alpha)
    else:
        interval = rare_interval(counts, alpha, float(found.dispersion[0, -1]))
    own = float(found.unit_sd[0, -1]) * _quantile(float(found.freedom[0]), alpha)
    return relative_effect(counts), widened(interval, math.exp(min(own, 50.0)))


def _of_values(readings: Readings, start: int, alpha: float) -> Effect:
    given = values.Readings(
        readings.control,
        readings.canary,
        readings.past_control,
        readings.past_canary,
        readings.same_units,
    )
    found = values.pair(given)
    d = found.difference[0, start:]
    d = d[~np.isnan(d)]
    if d.size == 0:
        return None, None
    sd = float(found.noise.long_run[0, -1])
    if not found.known[0] or not math.isfinite(sd):
        return math.expm1(float(d.mean())), None
    low, high = mean_interval(d, sd, alpha)
    own = float(found.unit_sd[0, -1]) * _quantile(float(found.freedom[0]), alpha)
    own += math.sqrt(float(found.unknown[0])) * _quantile(math.inf, alpha)
    return math.expm1(float(d.mean())), (math.expm1(low - own), math.expm1(min(high + own, 50.0)))


def _quantile(freedom: float, alpha: float) -> float:
    """The smallest z of a grid that Student's t exceeds with probability ≤ alpha/2."""
    tail = student_tail(QUANTILES, np.array(freedom))
    return float(QUANTILES[int(np.argmax(tail <= alpha / 2))])
