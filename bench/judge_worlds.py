"""Draws judge cases of a scenario: 8 metrics, canary and control by unit, with their history.

Shapes: M metrics, U units of a cohort, T intervals (history first, then the looks).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from judge_scenarios import (
    ALPHA,
    BETA,
    BOUNDS,
    INTERVAL_S,
    LOOKS,
    MARGIN,
    METRICS,
    PASS_MARGIN,
    Scenario,
)

Floats = npt.NDArray[np.float64]
DAY = 1440.0
# Series of a cohort that the contract takes: one list a unit.
Series = list[list[Any]]


@dataclass(frozen=True)
class Harm:
    """Errors or latency of the canary times `factor`, from look `onset` on; 1: none."""

    factor: float = 1.0
    onset: int = 0


def case(
    rng: np.random.Generator, world: Scenario, harm: Harm | None = None, metrics: int = METRICS
) -> dict[str, Any]:
    """One case of the contract; the harm hits every metric."""
    common = _shared(rng, world)
    sides = {
        side: _cohort(rng, world, side, common, harm or Harm(), metrics)
        for side in ("control", "canary")
    }
    return {
        "id": world.name,
        "interval_s": INTERVAL_S,
        "alpha": ALPHA,
        "beta": BETA,
        "metrics": [_metric(world, sides, place) for place in range(metrics)],
    }


def _metric(world: Scenario, sides: dict[str, list[Series]], place: int) -> dict[str, Any]:
    cut = world.history
    now = {side: [unit[cut:] for unit in series[place]] for side, series in sides.items()}
    past = {side: [unit[:cut] for unit in series[place]] for side, series in sides.items()}
    found: dict[str, Any] = {
        "name": f"m{place}",
        "kind": world.kind,
        "direction": "increase",
        "margin": MARGIN,
        "pass_margin": PASS_MARGIN,
        "settle_s": world.settle_s,
    }
    if world.kind == "distribution":
        now, past = ({s: _buckets(units) for s, units in each.items()} for each in (now, past))
    return found | now | ({"history": past} if cut else {})


def _buckets(units: Series) -> list[dict[str, Any]]:
    return [{"bounds": list(BOUNDS), "counts": unit} for unit in units]


def _shared(rng: np.random.Generator, world: Scenario) -> Floats:
    """What every unit and every metric has in common: log factors an interval, shape (2, T):
    of the traffic (the season) and of the metric (season and shocks).
    """
    intervals = world.history + LOOKS
    minute = rng.uniform(0.0, DAY) + np.arange(intervals)
    season = world.season * np.sin(2 * np.pi * minute / DAY)
    hits = rng.random(intervals) < world.shock_rate
    sizes = np.where(hits, np.abs(rng.normal(0.0, world.shock_sd, intervals)), 0.0)
    kept = np.convolve(sizes, np.ones(world.shock_intervals))[:intervals]
    return np.vstack((season, season + kept))


def _cohort(
    rng: np.random.Generator,
    world: Scenario,
    side: str,
    common: Floats,
    harm: Harm,
    metrics: int,
) -> list[Series]:
    units = world.canary_units if side == "canary" else world.control_units
    total = world.canary_requests if side == "canary" else world.control_requests
    level = np.broadcast_to(common[1], (metrics, units, common.shape[1])).copy()
    level += _unit_effects(rng, world, side, level.shape)
    level += _noise(rng, world, level.shape)
    if side == "canary":
        level += _of_the_canary(world, harm)
    # Requests of a unit are the same for all its metrics.
    traffic = total / units * np.exp(common[0])
    requests = rng.poisson(np.broadcast_to(traffic, (units, traffic.size)))
    return READERS[world.kind](rng, world, level, requests)


def _unit_effects(
    rng: np.random.Generator, world: Scenario, side: str, shape: tuple[int, ...]
) -> Floats:
    """Log factor of each unit, shape (M, U, T): the same all along, unless the canary is new."""
    drawn = rng.normal(0.0, 1.0, (*shape[:2], 2)) * world.unit_sd
    second = 1 if world.fresh and side == "canary" else 0
    now = np.arange(shape[2]) >= world.history
    return np.where(now, drawn[..., second, None], drawn[..., 0, None])


def _of_the_canary(world: Scenario, harm: Harm) -> Floats:
    """Log factor an interval, shape (T,): nothing before the rollout."""
    look = np.arange(world.history + LOOKS) - world.history
    found = np.where(look >= harm.onset, np.log(harm.factor), 0.0)
    cold = np.log(world.cold_factor) * 0.5 ** (np.maximum(look, 0) / world.cold_half_life)
    return np.asarray(np.where(look >= 0, found + cold, 0.0), dtype=np.float64)


def _noise(rng: np.random.Generator, world: Scenario, shape: tuple[int, ...]) -> Floats:
    """AR(1) along the last axis, stationary from its first value on."""
    if not world.noise_sd:
        return np.zeros(shape)
    drawn = rng.standard_t(world.tail, shape) if world.tail else rng.normal(0.0, 1.0, shape)
    drawn *= world.noise_sd
    keep = world.noise_ar
    for t in range(1, shape[-1]):
        drawn[..., t] = keep * drawn[..., t - 1] + np.sqrt(1 - keep**2) * drawn[..., t]
    return np.asarray(drawn, dtype=np.float64)


def _errors(
    rng: np.random.Generator, world: Scenario, level: Floats, requests: npt.NDArray[np.int64]
) -> list[Series]:
    """[errors, requests]; negative binomial counts where the world is over-dispersed."""
    expected = np.minimum(world.base_errors * np.exp(level), 1.0) * requests
    if world.dispersion > 1:
        extra = world.dispersion - 1.0
        expected = rng.gamma(np.maximum(expected, 1e-12) / extra, extra)
    errors = np.minimum(rng.poisson(expected), requests)
    return [
        [[[int(x), int(n)] if n else None for x, n in zip(*unit, strict=True)] for unit in units]
        for units in (list(zip(metric, requests, strict=True)) for metric in errors)
    ]


def _means(
    rng: np.random.Generator, world: Scenario, level: Floats, requests: npt.NDArray[np.int64]
) -> list[Series]:
    """Mean latency of the interval's requests: the central limit of log-normal requests."""
    spread = np.sqrt(np.expm1(world.request_sd**2))
    noise = rng.normal(0.0, 1.0, level.shape) * spread / np.sqrt(np.maximum(requests, 1))
    values = world.latency_s * np.exp(level) * np.maximum(1.0 + noise, 0.05)
    return [
        [
            [float(v) if n else None for v, n in zip(unit, count, strict=True)]
            for unit, count in zip(metric, requests, strict=True)
        ]
        for metric in values
    ]


def _histograms(
    rng: np.random.Generator, world: Scenario, level: Floats, requests: npt.NDArray[np.int64]
) -> list[Series]:
    """Counts a bucket of each unit and interval: multinomial of the latency's distribution."""
    shares = (1.0 - world.slow_share) * _within(world, level, 1.0)
    shares += world.slow_share * _within(world, level, world.slow_factor)
    counts = rng.multinomial(np.broadcast_to(requests, level.shape), shares)
    return [
        [
            [list(map(int, row)) if n else None for row, n in zip(unit, count, strict=True)]
            for unit, count in zip(metric, requests, strict=True)
        ]
        for metric in counts
    ]


def _within(world: Scenario, level: Floats, factor: float) -> Floats:
    """Share of requests in each bucket, the open one included: shape (M, U, T, B + 1)."""
    middle = np.log(world.latency_s * factor) + level[..., None]
    below = _normal_cdf((np.log(BOUNDS) - middle) / world.request_sd)
    ends = np.concatenate((np.zeros_like(middle), below, np.ones_like(middle)), axis=-1)
    return np.diff(ends, axis=-1)


def _normal_cdf(z: Floats) -> Floats:
    """Abramowitz & Stegun 26.2.17, to 7.5e-8."""
    t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
    powers = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
    tail = sum(each * t ** (place + 1) for place, each in enumerate(powers))
    tail = tail * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return np.asarray(np.where(z > 0, 1.0 - tail, tail), dtype=np.float64)


Reader = Callable[[np.random.Generator, Scenario, Floats, npt.NDArray[np.int64]], list[Series]]
READERS: dict[str, Reader] = {"ratio": _errors, "value": _means, "distribution": _histograms}
