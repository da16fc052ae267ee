"""When a canary will pass, and what would be seen until then: of a bake, and of a plan. PURE.

Shares are the metric's own (where harm is a decrease, of good events); times are seconds. The
arithmetic is in `attribution/stats/planning.py`; what is foretold is a median.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from attribution.stats.planning import (
    Rule,
    Traffic,
    bound,
    intervals_to_fail,
    intervals_to_pass,
    smallest_rate,
)

REGRESSION = 3.0
# Newest intervals of a bake that say how much traffic there is.
RECENT = 60
# The current stage's control tells the base rate when it has had so many bad events.
FEW_EVENTS = 10.0
# As if the canary had had so many events that are expected at the edge of harm, and was healthy.
PRIOR_EVENTS = 10.0
# What is missing or wrong now has no date.
DATELESS = ("source_error", "no_data", "silent_canary", "harm_suspected")


@dataclass(frozen=True)
class Forecast:
    """Of one metric; None: never, or not known, or (`factor`) nothing to multiply.

    excludes: the share from which on harm has to be excluded to pass. sees: a regression of
    `factor` times the bad events of the control. smallest: what is seen within the time given.
    why: why there is no `pass_in_s`: a reason of the judge's, `no_base` (no bad event to compare
    with and no absolute margin), `too_bad` (the canary is near or beyond what is to be excluded).
    """

    metric: str
    direction: str
    why: str = ""
    base: float | None = None
    canary: float | None = None
    requests_per_s: float = 0.0
    excludes: float | None = None
    pass_in_s: float | None = None
    sees: float | None = None
    factor: float | None = None
    seen_in_s: float | None = None
    smallest: float | None = None


@dataclass(frozen=True)
class Looks:
    """Every `interval_s`; harm counts when it was there at each of `persistence` looks."""

    interval_s: float
    persistence: int = 1

    def seconds(self, intervals: float) -> float | None:
        return intervals * self.interval_s if math.isfinite(intervals) else None


@dataclass(frozen=True)
class Counted:
    """What a bake has counted: the canary's bad events and requests, over so many intervals."""

    traffic: Traffic
    events: float
    requests: float
    elapsed: int

    def rate(self, edge: float) -> float:
        """The canary's, drawn to the control's while it has had few requests; never below it."""
        weight = PRIOR_EVENTS / max(edge, 1e-9)
        found = (self.events + weight * self.traffic.base) / (self.requests + weight)
        return max(found, self.traffic.base)


def rules(
    metrics: Sequence[Mapping[str, Any]], stage: int, alpha: float, beta: float
) -> list[Rule]:
    """`metrics`: guardrails, or the metrics of a judge's case; `stage` counts from 1."""
    weights = [float(metric.get("weight", 1.0)) for metric in metrics]
    total = sum(weights) or 1.0
    return [
        Rule(
            direction=metric.get("direction", "increase"),
            margin=metric.get("margin", 0.1),
            pass_margin=metric.get("pass_margin", 0.5),
            margin_abs=metric.get("margin_abs", 0.0),
            alpha=alpha,
            beta=beta,
            stage=stage,
            weight=weight / total,
        )
        for metric, weight in zip(metrics, weights, strict=True)
    ]


# --- a plan ----------------------------------------------------------------------------------


def of_plan(
    guardrail: Mapping[str, Any], rule: Rule, traffic: Traffic, looks: Looks, max_s: float
) -> Forecast:
    """One metric in a stage that may bake for `max_s`."""
    if guardrail.get("kind", "ratio") != "ratio":
        return Forecast(guardrail["name"], rule.direction, "not_foretold")
    if traffic.canary <= 0 or traffic.control <= 0:
        return Forecast(guardrail["name"], rule.direction, "no_data")
    wait = looks.seconds(intervals_to_pass(traffic, rule))
    samples = guardrail.get("min_samples", 0.0) / traffic.canary * looks.interval_s
    settle = guardrail.get("settle_s", 0.0)
    within = (max_s - settle) / looks.interval_s
    smallest = smallest_rate(
        traffic,
        rule,
        within - looks.persistence + 1,
        lambda rate: steadied(rate, traffic.canary, looks.persistence),
    )
    why = _no_pass(rule, traffic, wait)
    return Forecast(
        metric=guardrail["name"],
        why=why,
        pass_in_s=None if why or wait is None else settle + max(wait, samples),
        smallest=None if smallest is None else _own(rule, smallest),
        **_outlook(rule, traffic, looks, healthy=0.0),
    )


# --- a bake ----------------------------------------------------------------------------------


def of_case(
    case: Mapping[str, Any], answer: Mapping[str, Any], persistence: int = 1
) -> list[Forecast]:
    """Each metric of a case that the judge has answered, at its last interval."""
    looks = Looks(case["interval_s"], persistence)
    first = sum(at <= case["stages"][-1]["start"] for at in case["t"])
    found = rules(
        case["metrics"], len(case["stages"]), case.get("alpha", 0.02), case.get("beta", 0.05)
    )
    return [
        _under_way(metric, told, rule, looks, first)
        for metric, told, rule in zip(case["metrics"], answer["metrics"], found, strict=True)
    ]


def _under_way(
    metric: Mapping[str, Any], told: Mapping[str, Any], rule: Rule, looks: Looks, first: int
) -> Forecast:
    if metric["kind"] != "ratio":
        return _not_foretold(metric, told, rule)
    counted = counted_in(metric, first)
    if counted is None:
        why = told["reason"] if told["reason"] in DATELESS else "no_data"
        return Forecast(metric["name"], rule.direction, why)
    rate = counted.rate(bound(counted.traffic.base, rule, rule.pass_margin))
    pass_in = _pass_in(metric, told, rule, looks, (counted, rate))
    why = told["reason"] if told["reason"] in DATELESS else ""
    if told["verdict"] == "pass":
        pass_in = 0.0
    elif not why:
        why = _no_pass(rule, counted.traffic, pass_in)
    return Forecast(
        metric=metric["name"],
        why=why,
        canary=_own(rule, counted.events / counted.requests) if counted.requests else None,
        pass_in_s=None if why else pass_in,
        **_outlook(rule, counted.traffic, looks, healthy=counted.elapsed),
    )


def _not_foretold(metric: Mapping[str, Any], told: Mapping[str, Any], rule: Rule) -> Forecast:
    if told["verdict"] == "pass":
        return Forecast(metric["name"], rule.direction, pass_in_s=0.0)
    why = told["reason"] if told["reason"] in DATELESS else "not_foretold"
    return Forecast(metric["name"], rule.direction, why)


def _pass_in(
    metric: Mapping[str, Any],
    told: Mapping[str, Any],
    rule: Rule,
    looks: Looks,
    seen: tuple[Counted, float],
) -> float | None:
    counted, rate = seen
    reached = float(told.get("log_e_pass") or 0.0)
    wait = looks.seconds(intervals_to_pass(counted.traffic, rule, rate, reached=reached))
    if wait is None:
        return None
    missing = float(metric.get("min_samples", 0.0)) - counted.requests
    samples = missing / counted.traffic.canary * looks.interval_s
    settling = float(metric.get("settle_s", 0.0)) - counted.elapsed * looks.interval_s
    return max(wait, samples, settling, 0.0)


def counted_in(metric: Mapping[str, Any], first: int) -> Counted | None:
    """Of a ratio, from interval `first` on; None while one cohort has reported nothing there."""
    fall = metric.get("direction") == "decrease"
    control, canary = (_bad(metric[side], fall=fall) for side in ("control", "canary"))
    read = [i for i, both in enumerate(zip(control, canary, strict=True)) if any(both)]
    end = read[-1] + 1 if read else 0
    begin = max(first, end - RECENT)
    requests = [sum(n for _, n in filter(None, side[begin:end])) for side in (control, canary)]
    if min(requests) <= 0:
        return None
    here = [pair for pair in control[first:end] if pair]
    few = sum(events for events, _ in here) < FEW_EVENTS
    known = [pair for pair in control[:end] if pair] if few else here
    base = sum(events for events, _ in known) / sum(n for _, n in known)
    of_control, of_canary = (total / (end - begin) for total in requests)
    mine = [pair for pair in canary[first:end] if pair]
    return Counted(
        traffic=Traffic(base, of_control, of_canary),
        events=sum(events for events, _ in mine),
        requests=sum(total for _, total in mine),
        elapsed=end - first,
    )


def _bad(pairs: Sequence[Any], *, fall: bool) -> list[tuple[float, float] | None]:
    told = [pair if pair and pair[1] else None for pair in pairs]
    return [p and ((p[1] - p[0] if fall else p[0]), p[1]) for p in told]


# --- both ------------------------------------------------------------------------------------


def _no_pass(rule: Rule, traffic: Traffic, wait: float | None) -> str:
    if rule.direction == "either":
        return "not_foretold"
    if wait is not None:
        return ""
    return "no_base" if traffic.base <= 0 and rule.margin_abs <= 0 else "too_bad"


def _outlook(rule: Rule, traffic: Traffic, looks: Looks, healthy: float) -> dict[str, Any]:
    size = regression(rule, traffic.base)
    steady = steadied(size, traffic.canary, looks.persistence)
    seen = intervals_to_fail(traffic, rule, steady, healthy) + looks.persistence - 1
    return {
        "direction": rule.direction,
        "base": _own(rule, traffic.base),
        "requests_per_s": traffic.canary / looks.interval_s,
        "excludes": _own(rule, bound(traffic.base, rule, rule.pass_margin)),
        "sees": _own(rule, size),
        "factor": size / traffic.base if traffic.base > 0 else None,
        "seen_in_s": looks.seconds(seen),
    }


def regression(rule: Rule, base: float) -> float:
    """Three times the bad events; where the margins allow as much, three times what they allow."""
    size = max(base, bound(base, rule, rule.margin) - base)
    # Of common events there are no three times as many: then a third of the good ones is left.
    return min(REGRESSION * size, 1.0 - (1.0 - size) / REGRESSION)


def steadied(rate: float, requests: float, persistence: int) -> float:
    """The expected least of so many intervals' rates: what counts where harm has to persist.

    A normal order statistic by Blom (1958): E[min of n] = μ − σ·Φ⁻¹((n − 0.375)/(n + 0.25)).
    """
    if persistence <= 1:
        return rate
    depth = NormalDist().inv_cdf((persistence - 0.375) / (persistence + 0.25))
    return max(0.0, rate - depth * math.sqrt(rate * (1.0 - rate) / requests))


def _own(rule: Rule, bad: float) -> float:
    return 1.0 - bad if rule.direction == "decrease" else bad
