"""Draws many judge cases of a scenario at once, as arrays; `judge_cases` writes them as JSON.

Shapes: C cases, M metrics, U units of a cohort, T intervals (history first, then the looks),
K buckets. What a judge reads has the cases' metrics one after the other: B = C·M rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from judge_scenarios import BOUNDS, LOOKS, METRICS, Scenario

Floats = npt.NDArray[np.float64]
DAY = 1440.0
# Numbers drawn at once: 24 MB, so that memory is used again and again; a judge may need several
# times as much.
MOST_NUMBERS = 3_000_000
MOST_CASES = 100
LEVEL_STEP = 1e-4


@dataclass(frozen=True)
class Harm:
    """Errors or latency of the canary times `factor`, from look `onset` on; 1: none."""

    factor: float = 1.0
    onset: int = 0


@dataclass(frozen=True)
class Size:
    """How many cases, metrics of each, and looks."""

    cases: int
    metrics: int = METRICS
    looks: int = LOOKS


@dataclass(frozen=True)
class Drawn:
    """B = C·M metrics. ratio: (B, U, T, 2), events and total, 0 of 0 where nothing was asked;
    value: (B, U, T), NaN where nothing was reported; distribution: (B, U, T, K), increments.
    """

    kind: str
    control: Floats
    canary: Floats
    past_control: Floats | None
    past_canary: Floats | None
    bounds: Floats | None
    same_units: bool


def chunks(runs: int, world: Scenario, metrics: int = METRICS, looks: int = LOOKS) -> Iterator[int]:
    """Numbers of cases to draw at once, adding up to `runs`, so that memory is bounded."""
    width = {"ratio": 2, "value": 1, "distribution": len(BOUNDS) + 1}[world.kind]
    units = world.canary_units + world.control_units
    each = metrics * units * (world.history + looks) * width
    most = max(1, min(MOST_CASES, MOST_NUMBERS // each))
    for begun in range(0, runs, most):
        yield min(most, runs - begun)


def draw(rng: np.random.Generator, world: Scenario, size: Size, harm: Harm | None = None) -> Drawn:
    """The harm hits every metric of every case."""
    common = _shared(rng, world, size)
    whole = {
        side: _cohort(rng, world, side, common, harm or Harm(), size)
        for side in ("control", "canary")
    }
    cut = world.history
    return Drawn(
        kind=world.kind,
        control=whole["control"][:, :, cut:],
        canary=whole["canary"][:, :, cut:],
        past_control=whole["control"][:, :, :cut] if cut else None,
        past_canary=whole["canary"][:, :, :cut] if cut else None,
        bounds=np.array(BOUNDS) if world.kind == "distribution" else None,
        same_units=bool(cut) and not world.fresh,
    )


def _shared(rng: np.random.Generator, world: Scenario, size: Size) -> Floats:
    """What every unit and every metric has in common: log factors an interval, shape (2, C, T):
    of the traffic (the season) and of the metric (season and shocks).
    """
    intervals = world.history + size.looks
    shape = (size.cases, intervals)
    minute = rng.uniform(0.0, DAY, (size.cases, 1)) + np.arange(intervals)
    season = world.season * np.sin(2 * np.pi * minute / DAY)
    hits = rng.random(shape) < world.shock_rate
    sizes = np.where(hits, np.abs(rng.normal(0.0, world.shock_sd, shape)), 0.0)
    kept = sizes.copy()
    for later in range(1, world.shock_intervals):
        kept[:, later:] += sizes[:, :-later]
    return np.stack((season, season + kept))


def _cohort(
    rng: np.random.Generator,
    world: Scenario,
    side: str,
    common: Floats,
    harm: Harm,
    size: Size,
) -> Floats:
    """Shape (B, U, T) and what the kind adds to it."""
    units = world.canary_units if side == "canary" else world.control_units
    total = world.canary_requests if side == "canary" else world.control_requests
    shape = (size.cases, size.metrics, units, common.shape[-1])
    # Axes that nothing varies along have length 1 until the very draw.
    level = common[1][:, None, None, :]
    if side == "canary":
        level = level + _of_the_canary(world, harm, size.looks)
    if world.unit_sd:
        level = level + _unit_effects(rng, world, side, shape)
    if world.noise_sd:
        level = level + _noise(rng, world, shape)
    traffic = total / units * np.exp(common[0])[:, None, None, :]
    drawn = READERS[world.kind](rng, world, level, traffic, shape)
    return drawn.reshape(size.cases * size.metrics, *drawn.shape[2:])


Shape = tuple[int, int, int, int]


def _unit_effects(rng: np.random.Generator, world: Scenario, side: str, shape: Shape) -> Floats:
    """Log factor of each unit, shape (C, M, U, T): the same all along, unless the canary is new."""
    drawn = rng.normal(0.0, world.unit_sd, (2, *shape[:3], 1))
    if not (world.fresh and side == "canary"):
        return np.asarray(drawn[0], dtype=np.float64)
    now = np.arange(shape[3]) >= world.history
    return np.where(now, drawn[1], drawn[0])


def _of_the_canary(world: Scenario, harm: Harm, looks: int) -> Floats:
    """Log factor an interval, shape (T,): nothing before the rollout."""
    look = np.arange(world.history + looks) - world.history
    found = np.where(look >= harm.onset, np.log(harm.factor), 0.0)
    cold = np.log(world.cold_factor) * 0.5 ** (np.maximum(look, 0) / world.cold_half_life)
    return np.asarray(np.where(look >= 0, found + cold, 0.0), dtype=np.float64)


def _noise(rng: np.random.Generator, world: Scenario, shape: Shape) -> Floats:
    """AR(1) along the intervals, stationary from its first value on; shape (C, M, U, T)."""
    first = (shape[3], *shape[:3])  # intervals first: each step of the recursion is contiguous
    drawn = rng.standard_t(world.tail, first) if world.tail else rng.standard_normal(first)
    drawn *= world.noise_sd
    keep = world.noise_ar
    if keep:
        drawn[1:] *= np.sqrt(1 - keep**2)
        for t in range(1, shape[3]):
            drawn[t] += keep * drawn[t - 1]
    return np.asarray(np.moveaxis(drawn, 0, -1), dtype=np.float64)


def _requests(rng: np.random.Generator, traffic: Floats, shape: Shape) -> npt.NDArray[np.int64]:
    """Shape (C, 1, U, T): requests of a unit are the same for all its metrics."""
    return rng.poisson(traffic, (shape[0], 1, *shape[2:]))


def _errors(
    rng: np.random.Generator, world: Scenario, level: Floats, traffic: Floats, shape: Shape
) -> Floats:
    """Events and total; negative binomial events where the world is over-dispersed."""
    requests = _requests(rng, traffic, shape)
    expected = np.minimum(world.base_errors * np.exp(level), 1.0) * requests
    if world.dispersion > 1:
        extra = world.dispersion - 1.0
        expected = rng.gamma(np.maximum(expected, 1e-12) / extra, extra, shape)
    drawn = np.empty((*shape, 2))
    drawn[..., 1] = requests
    np.minimum(rng.poisson(expected, shape), requests, out=drawn[..., 0], casting="unsafe")
    return drawn


def _means(
    rng: np.random.Generator, world: Scenario, level: Floats, traffic: Floats, shape: Shape
) -> Floats:
    """Mean latency of the interval's requests: the central limit of log-normal requests."""
    requests = _requests(rng, traffic, shape)
    spread = np.sqrt(np.expm1(world.request_sd**2))
    values = rng.standard_normal(shape)
    values *= spread / np.sqrt(np.maximum(requests, 1))
    values += 1.0
    np.maximum(values, 0.05, out=values)
    values *= world.latency_s * np.exp(level)
    values *= np.where(requests > 0, 1.0, np.nan)
    return values


def _histograms(
    rng: np.random.Generator, world: Scenario, level: Floats, traffic: Floats, shape: Shape
) -> Floats:
    """Counts a bucket, each Poisson by itself: that is a multinomial split of Poisson requests.

    Unlike the other kinds' the requests of a unit differ between metrics. Levels are rounded to
    LEVEL_STEP, to look the shares up.
    """
    steps = np.rint(level / LEVEL_STEP).astype(np.int64)
    lowest = int(steps.min())
    table = _within(world, np.arange(lowest, int(steps.max()) + 1) * LEVEL_STEP)
    expected = table[steps - lowest]
    expected *= traffic[..., None]
    return rng.poisson(expected, (*shape, expected.shape[-1])).astype(np.float64)


def _within(world: Scenario, level: Floats) -> Floats:
    """Share of requests in each bucket, the open one last: shape (levels, K)."""
    fast = _bucket_shares(world, level)
    slow = _bucket_shares(world, level + np.log(world.slow_factor))
    return (1.0 - world.slow_share) * fast + world.slow_share * slow


def _bucket_shares(world: Scenario, level: Floats) -> Floats:
    middle = np.log(world.latency_s) + level[:, None]
    below = _normal_cdf((np.log(BOUNDS) - middle) / world.request_sd)
    ends = np.concatenate((np.zeros_like(middle), below, np.ones_like(middle)), axis=-1)
    return np.maximum(np.diff(ends, axis=-1), 0.0)


def _normal_cdf(z: Floats) -> Floats:
    """Abramowitz & Stegun 26.2.17, to 7.5e-8."""
    t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
    powers = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
    tail = sum(each * t ** (place + 1) for place, each in enumerate(powers))
    tail = tail * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return np.asarray(np.where(z > 0, 1.0 - tail, tail), dtype=np.float64)


Reader = Callable[[np.random.Generator, Scenario, Floats, Floats, Shape], Floats]
READERS: dict[str, Reader] = {"ratio": _errors, "value": _means, "distribution": _histograms}
