"""How long a verdict takes, and what can be seen in a given time. PURE; scalars only.

Evidence is a random walk of log likelihood ratios: it climbs by its drift D an interval and decides
at a height L, so it takes L/D intervals on average (Wald, "Sequential tests of statistical
hypotheses", 1945, section 4.3, without the overshoot). D is a Kullback-Leibler divergence (Lindon &
Malek, "Anytime-valid inference for multinomial count data", 2022), here the Poisson one from the
nearest point of the bound, N_k·d(b‖b*) + N_c·d(p‖p*), d(u‖v) = v − u + u·log(u/v); for a bound
through zero that *is* the divergence of the conditional binomial.

    to fail   L = log(1/alpha) + log(j(j+1)) + log(1/w) + log(1/HARM_SHARE) + HARM_MIXTURE
    to pass   L = log(1/beta) + log(number of bounds) + HEALTH_MIXTURE

of a metric with the share w of the weight in stage j. The time of crossing is inverse Gaussian with
mean L/D and shape L²/2D (the variance of a log likelihood ratio is 2D), and its median, which is
what is answered, about L/D·exp(−1/L); half an interval passes until it is seen.

Rates are fractions of *bad* events, traffic is requests an interval, times are intervals; inf:
never. bench/judge_planning.py holds all this against the judge.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attribution.stats.epochs import late_cost

# What it costs not to know the size of the harm beforehand, nor the base rate. Nats, measured.
HARM_MIXTURE = 2.0
HEALTH_MIXTURE = 1.0
HARM_SHARE = 0.8  # of a metric's alpha; the rest is for a silent canary
# Sizes of harm that a mixture looks for, as multiples of the bound.
LOOKED_FOR = tuple(1.1 * 1.35**step for step in range(20))
NEVER = math.inf


class Line(NamedTuple):
    """p = c0 + c1·b of plain numbers: a bound of harm (`lines.Line` is about arrays)."""

    c0: float
    c1: float


@dataclass(frozen=True)
class Rule:
    """What the judge was told of one metric; `stage` counts from 1, `weight` is a share of all."""

    direction: str = "increase"
    margin: float = 0.1
    pass_margin: float = 0.5
    margin_abs: float = 0.0
    alpha: float = 0.02
    beta: float = 0.05
    stage: int = 1
    weight: float = 1.0

    @property
    def nats_to_fail(self) -> float:
        spent = self.alpha * self.weight * HARM_SHARE / (self.stage * (self.stage + 1))
        either = math.log(2.0) if self.direction == "either" else 0.0
        return math.log(1.0 / spent) + either + HARM_MIXTURE if spent > 0 else NEVER

    @property
    def nats_to_pass(self) -> float:
        return math.log(1.0 / self.beta) + HEALTH_MIXTURE

    def bounds(self, margin: float) -> list[Line]:
        """Of the rate of bad events, from the relative and from the absolute margin."""
        fall = self.direction == "decrease"
        relative = (
            Line(min(margin, 0.999), 1.0 - min(margin, 0.999)) if fall else Line(0, 1 + margin)
        )
        return [relative, Line(self.margin_abs, 1.0)] if self.margin_abs > 0 else [relative]


@dataclass(frozen=True)
class Units:
    """`effect`: standard deviation of the log rate (or value) between units that are alike."""

    effect: float = 0.0
    canary: int = 0
    control: int = 0

    @property
    def variance(self) -> float:
        """Of the log ratio of the two cohorts; it does not shrink with time."""
        if self.effect <= 0:
            return 0.0
        return self.effect**2 * (1.0 / max(self.canary, 1) + 1.0 / max(self.control, 1))


@dataclass(frozen=True)
class Traffic:
    """Of one interval: the control's rate, requests, and Var/mean of the counts (1: Poisson)."""

    base: float
    control: float
    canary: float
    dispersion: float = 1.0
    units: Units = Units()


@dataclass(frozen=True)
class Noise:
    """Standard deviation of an interval's log canary − log control; with AR(1) of coefficient r
    times √((1 + r)/(1 − r)).
    """

    sd: float
    units: Units = Units()


# --- ratios ----------------------------------------------------------------------------------


def bound(base: float, rule: Rule, margin: float) -> float:
    """The highest rate that `margin` and the absolute margin allow together."""
    return min(1.0, max(each.c0 + each.c1 * base for each in rule.bounds(margin)))


def intervals_to_fail(traffic: Traffic, rule: Rule, rate: float, healthy: float = 0.0) -> float:
    """Until the canary fails that has this rate from now on, after `healthy` intervals of the
    current stage in which it did not differ: that costs time (`_to_cross`).

    Both margins have to be exceeded, and the smaller evidence decides.
    """
    if traffic.canary <= 0 or traffic.control <= 0:
        return NEVER
    return max(
        _to_cross(traffic, rule.nats_to_fail, rate, line, healthy)
        for line in rule.bounds(rule.margin)
    )


def intervals_to_pass(
    traffic: Traffic,
    rule: Rule,
    rate: float | None = None,
    *,
    reached: float = 0.0,
) -> float:
    """Until harm of `pass_margin` is excluded, if the canary has this rate (None: the control's).

    One of the margins suffices. `reached`: log E against harm so far; 0 when it is enough already.
    """
    lines = rule.bounds(rule.pass_margin)
    cost = HEALTH_MIXTURE + math.log(len(lines))
    goal = math.log(1.0 / rule.beta)
    if reached >= goal:
        return 0.0
    # The mixture's cost is paid while the evidence rises.
    nats = goal - reached + cost * min(1.0, 1.0 - reached / goal)
    return min(_crossing(nats, *_health(traffic, line, rate), traffic.units) for line in lines)


def smallest_rate(
    traffic: Traffic, rule: Rule, within: float, counts: Callable[[float], float] = float
) -> float | None:
    """The lowest rate of bad events that is failed within so many intervals; None: not even 1.
    `counts`: as how much a rate counts.
    """
    low = max(bound(traffic.base, rule, rule.margin), 1e-9)
    return _first(low, 1.0, lambda rate: intervals_to_fail(traffic, rule, counts(rate)) <= within)


def _first(near: float, far: float, seen: Callable[[float], bool]) -> float | None:
    """Bisection in logs between a size that is not seen and one that is; None: neither is."""
    if not seen(far):
        return None
    for _ in range(40):
        middle = math.sqrt(near * far)
        near, far = (near, middle) if seen(middle) else (middle, far)
    return far


def _to_cross(traffic: Traffic, nats: float, rate: float, line: Line, healthy: float) -> float:
    """The fastest of the sizes looked for; with `healthy` 0 that is the true one (Gibbs).

    What a healthy time costs is the smaller of the evidence that sank in it and the price of
    betting on a later beginning (`epochs`), of which those within a third of the delay take part.
    """
    base, edge = traffic.base, line.c0 + line.c1 * traffic.base
    if rate <= edge:
        return NEVER
    sizes = [rate, *(edge * each for each in LOOKED_FOR if edge * each < 1.0)]
    times = []
    for size in sizes:
        sunk = max(0.0, -_gain(traffic, base, size, line)) * healthy
        climb = _gain(traffic, rate, size, line)
        several = math.log(max(1.0, nats / climb / 3.0)) if climb > 0 else 0.0
        late = max(0.0, late_cost(healthy) - several)
        lost = nats + min(sunk, late)
        times.append(_crossing(lost, climb, _distance(rate, edge), traffic.units))
    return min(times)


def _health(traffic: Traffic, line: Line, rate: float | None) -> tuple[float, float]:
    """Drift against the line from its harmless side, and the distance from it in logs."""
    rate = traffic.base if rate is None else rate
    edge = line.c0 + line.c1 * traffic.base
    if rate >= edge:
        return 0.0, 0.0
    return _gain(traffic, rate, rate, line), _distance(edge, rate)


def _distance(above: float, below: float) -> float:
    return math.log(above / below) if below > 0 else NEVER


def _gain(traffic: Traffic, rate: float, size: float, line: Line) -> float:
    """E[log e] of an interval under (base, rate), of the likelihood ratio that looks for `size`."""
    base = traffic.base
    near = _nearest(traffic, size, line)
    edge = line.c0 + line.c1 * near
    gain = traffic.control * (near - base + _product(base, base, near))
    gain += traffic.canary * (edge - size + _product(rate, size, edge))
    return gain / traffic.dispersion


def _product(weight: float, above: float, below: float) -> float:
    return weight * math.log(above / below) if weight > 0 and above > 0 and below > 0 else 0.0


def _nearest(traffic: Traffic, size: float, line: Line) -> float:
    """b*: the base on the line that is nearest to (base, size); root of lines.nearest_base."""
    n_k, n_c = traffic.control, traffic.canary
    square = line.c1 * (n_k + line.c1 * n_c)
    linear = n_k * (line.c0 - line.c1 * traffic.base) + line.c1 * n_c * (line.c0 - size)
    constant = n_k * traffic.base * line.c0
    root = math.sqrt(linear * linear + 4.0 * square * constant)
    if linear > 0:
        return 2.0 * constant / (linear + root)
    return (root - linear) / (2.0 * square) if square > 0 else traffic.base


# --- values ----------------------------------------------------------------------------------


def value_to_fail(noise: Noise, rule: Rule, ratio: float) -> float:
    """Intervals until a canary is failed whose values are `ratio` times the control's."""
    return max(_value_crossing(noise, rule.nats_to_fail, each) for each in _beyond(rule, ratio))


def value_to_pass(noise: Noise, rule: Rule, ratio: float = 1.0) -> float:
    """Intervals until harm of `pass_margin` is excluded."""
    inside = [-each for each in _beyond(rule, ratio, rule.pass_margin, every=True)]
    return max(_value_crossing(noise, rule.nats_to_pass, each) for each in inside)


def smallest_ratio(noise: Noise, rule: Rule, within: float) -> float | None:
    """The canary/control nearest to 1 that is failed within so many intervals; None: none is."""
    fall = rule.direction == "decrease"
    near, far = (1.0 - min(rule.margin, 0.999), 1e-6) if fall else (1.0 + rule.margin, 1e6)
    return _first(near, far, lambda ratio: value_to_fail(noise, rule, ratio) <= within)


def _beyond(
    rule: Rule, ratio: float, margin: float | None = None, *, every: bool = False
) -> Sequence[float]:
    """How far in logs the ratio lies beyond the margin: on the harmful side, or on each."""
    margin = rule.margin if margin is None else margin
    up = math.log(ratio / (1.0 + margin))
    down = math.log((1.0 - min(margin, 0.999)) / ratio)
    if rule.direction == "either":
        return (up, down) if every else (max(up, down),)
    return (down,) if rule.direction == "decrease" else (up,)


def _value_crossing(noise: Noise, nats: float, theta: float) -> float:
    if theta <= 0:
        return NEVER
    drift = theta**2 / (2.0 * noise.sd**2) if noise.sd > 0 else NEVER
    return _crossing(nats, drift, theta, noise.units)


def _crossing(nats: float, drift: float, distance: float, units: Units) -> float:
    """Solves t·D/(1 + t·2Dτ²/θ²) = L for t, at least 1.

    With a unit effect the variance of the sum is tσ² + t²τ², so evidence stops short of θ²/(2τ²),
    however long one waits.
    """
    if drift <= 0 or distance <= 0 or nats == NEVER:
        return NEVER
    left = 1.0 - 2.0 * nats * units.variance / distance**2
    if left <= 0:
        return NEVER
    return max(1.0, nats * math.exp(-1.0 / nats) / (drift * left) + 0.5) if nats > 0 else 1.0
