"""Time to fail and to pass: foretold by attribution.stats.planning, and measured on the judge.

Requests arrive as Poisson counts around their mean, events are binomial; alpha 0.02, beta 0.05,
margin 0.1. "Healthy before": intervals of the same stage without a difference. The value rows run
the e-process of a paired log difference whose σ is known, since only its arithmetic is foretold.
`python bench/judge_planning.py [seed [runs]]`; some minutes on one core.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.forecast import of_case
from attribution.judge import judge
from attribution.stats.planning import (
    HARM_MIXTURE,
    Noise,
    Rule,
    Traffic,
    intervals_to_fail,
    intervals_to_pass,
    value_to_fail,
    value_to_pass,
)

PASS_STEP = 1.04  # looks for a pass are so far apart, as a factor: each is a verdict of its own
INDIFFERENT = 1.0 / 3.0  # prior standard deviation of the value's effect, in logs


@dataclass(frozen=True)
class Point:
    """One row of the table: rates of errors, requests an interval, `rate` of the bad canary."""

    base: float
    control: float
    canary: float
    absolute: float
    rate: float
    healthy: int = 0
    stage: int = 1

    @property
    def rule(self) -> Rule:
        return Rule(margin_abs=self.absolute, stage=self.stage)

    @property
    def traffic(self) -> Traffic:
        return Traffic(self.base, self.control, self.canary)


GRID = (
    Point(0.0, 60, 20, 0.01, 0.05),
    Point(0.002, 60, 20, 0.01, 0.05),
    Point(0.003, 60, 20, 0.01, 0.03),
    Point(0.005, 1800, 200, 0.0, 0.01),
    Point(0.005, 1800, 200, 0.0, 0.015),
    Point(0.005, 200, 200, 0.0, 0.015),
    Point(0.01, 380, 20, 0.0, 0.03),
    Point(0.01, 20, 20, 0.0, 0.1),
    Point(0.02, 950, 50, 0.0, 0.06),
    Point(0.02, 100, 100, 0.005, 0.06),
    Point(0.05, 190, 10, 0.0, 0.15),
    Point(0.05, 1900, 100, 0.0, 0.1),
    Point(0.002, 4750, 250, 0.002, 0.006),
    Point(0.002, 4750, 250, 0.002, 0.006, healthy=60),
    Point(0.01, 900, 100, 0.0, 0.03, healthy=120),
    Point(0.01, 900, 100, 0.0, 0.03, stage=3),
)


def counts(rng: np.random.Generator, mean: float, rates: np.ndarray) -> list[list[int]]:
    totals = rng.poisson(mean, rates.size)
    return [[int(e), int(n)] for e, n in zip(rng.binomial(totals, rates), totals, strict=True)]


def case(rng: np.random.Generator, point: Point, rate: float, looks: int) -> dict[str, Any]:
    """Stages before the last are two intervals long: they spend alpha and bring no evidence."""
    before = 2 * (point.stage - 1)
    length = before + point.healthy + looks
    bad = np.full(length, point.base)
    bad[before + point.healthy :] = rate
    metric = {
        "name": "errors",
        "kind": "ratio",
        "margin_abs": point.absolute,
        "control": counts(rng, point.control, np.full(length, point.base)),
        "canary": counts(rng, point.canary, bad),
    }
    stages = [{"start": 2 * place, "share": 0.1} for place in range(point.stage)]
    return {"interval_s": 1, "metrics": [metric], "stages": stages, "t": list(range(length))}


def first_fail(rng: np.random.Generator, point: Point, looks: int) -> float:
    decided = judge(case(rng, point, point.rate, looks))["decided_at"]
    before = 2 * (point.stage - 1) + point.healthy
    return math.inf if decided is None else decided + 1 - before


def first_pass(rng: np.random.Generator, point: Point, looks: int) -> float:
    healthy = Point(point.base, point.control, point.canary, point.absolute, point.base)
    whole = case(rng, healthy, point.base, looks)
    return next((n for n in sizes(looks) if judge(until(whole, n))["verdict"] == "pass"), math.inf)


def until(whole: dict[str, Any], n: int) -> dict[str, Any]:
    sides = {side: whole["metrics"][0][side][:n] for side in ("control", "canary")}
    return {**whole, "metrics": [{**whole["metrics"][0], **sides}], "t": whole["t"][:n]}


def sizes(most: int) -> Iterator[int]:
    n = 1
    while n <= most:
        yield n
        n = max(n + 1, round(n * PASS_STEP))


Found = tuple[float, list[float]]  # what was foretold, and the intervals that it took


def failing(rng: np.random.Generator, point: Point, runs: int) -> Found:
    told = intervals_to_fail(point.traffic, point.rule, point.rate, point.healthy)
    looks = math.ceil(4 * told) + 5
    return told, [first_fail(rng, point, looks) for _ in range(runs)]


def passing(rng: np.random.Generator, point: Point, runs: int) -> Found:
    told = intervals_to_pass(point.traffic, point.rule)
    looks = math.ceil(3 * told) + 5
    return told, [first_pass(rng, point, looks) for _ in range(runs)]


def halfway(rng: np.random.Generator, point: Point) -> float | None:
    """Intervals left at half of the time, over what is foretold then; None: it has passed."""
    half = max(2, round(intervals_to_pass(point.traffic, point.rule) / 2))
    healthy = Point(point.base, point.control, point.canary, point.absolute, point.base)
    whole = case(rng, healthy, point.base, 8 * half) | {"stages": [{"start": -1, "share": 0.1}]}
    seen = until(whole, half)
    answer = judge(seen)
    told = of_case(seen, answer)[0].pass_in_s
    if answer["verdict"] == "pass":
        return None
    passed = (n for n in range(half, 8 * half, max(1, half // 20)) if _passes(whole, n))
    return (next(passed, math.inf) - half) / told if told else math.inf


def _passes(whole: dict[str, Any], n: int) -> bool:
    return judge(until(whole, n))["verdict"] == "pass"


# --- values ----------------------------------------------------------------------------------


def value_log_e(d: np.ndarray, sd: float) -> np.ndarray:
    """Robbins' one-sided mixture over N⁺(0, ρ²) of the effect, for known σ; shape of `d`."""
    t = np.arange(1, d.size + 1)
    summed, wide = np.cumsum(d), sd**2 + t * INDIFFERENT**2
    z = summed * INDIFFERENT / (sd * np.sqrt(wide))
    phi = np.array([math.log(max(0.5 * math.erfc(-each / math.sqrt(2)), 1e-300)) for each in z])
    root = math.log(2) - 0.5 * np.log(wide / sd**2)
    return root + (summed * INDIFFERENT) ** 2 / (2 * sd**2 * wide) + phi


def value_first(rng: np.random.Generator, sd: float, theta: float, nats: float) -> float:
    crossed = np.flatnonzero(value_log_e(rng.normal(theta, sd, 4000), sd) >= nats)
    return float(crossed[0] + 1) if crossed.size else math.inf


Row = tuple[str, float, list[float]]


def value_rows(rng: np.random.Generator, runs: int) -> Iterator[Row]:
    for sd, ratio in ((0.1, 1.2), (0.1, 1.5), (0.3, 1.5), (0.3, 2.0)):
        rule, theta = Rule(), math.log(ratio / 1.1)
        nats = rule.nats_to_fail - HARM_MIXTURE
        found = [value_first(rng, sd, theta, nats) for _ in range(runs)]
        yield f"sd {sd:g}, ×{ratio:g} to fail", value_to_fail(Noise(sd), rule, ratio), found
    for sd in (0.1, 0.3, 1.0):
        found = [value_first(rng, sd, math.log(1.5), math.log(20)) for _ in range(runs)]
        yield f"sd {sd:g}, equal to pass", value_to_pass(Noise(sd), Rule()), found


def fail_rows(rng: np.random.Generator, runs: int) -> Iterator[Row]:
    for point in GRID:
        after = f"{point.healthy} healthy, then " if point.healthy else ""
        what = f"{traffic_of(point)} | {after}{point.rate:.1%}, stage {point.stage}"
        yield what, *failing(rng, point, runs)


def pass_rows(rng: np.random.Generator, runs: int) -> Iterator[Row]:
    known = {(p.base, p.control, p.canary, p.absolute): p for p in GRID}
    for point in known.values():
        yield f"{traffic_of(point)} | equal", *passing(rng, point, runs)


def print_halfway(rng: np.random.Generator, runs: int) -> None:
    print("| base | control, canary | margin_abs | left/told: p10 | median | p90 |")
    print("|" + " --- |" * 6)
    for point in (GRID[1], GRID[3], GRID[6], GRID[9], GRID[11]):
        found = [each for _ in range(runs) if (each := halfway(rng, point)) is not None]
        shown = " | ".join(f"{q:.2f}" for q in np.quantile(found, [0.1, 0.5, 0.9], method="lower"))
        print(f"| {traffic_of(point)} | {shown} |", flush=True)


def traffic_of(point: Point) -> str:
    sizes_of = f"{point.control:g}, {point.canary:g}"
    return f"{point.base:.1%} | {sizes_of} | {point.absolute:g}"


def print_table(head: str, rows: Iterator[Row]) -> None:
    print(f"| {head} | told | median | median/told | p90 |")
    print("|" + " --- |" * (head.count("|") + 5))
    ratios = []
    for what, told, found in rows:
        middle, late = np.quantile(found, [0.5, 0.9], method="lower")
        ratios.append(middle / told)
        print(f"| {what} | {told:.1f} | {middle:.0f} | {ratios[-1]:.2f} | {late:.0f} |", flush=True)
    print(f"\n{len(ratios)} points, median/told from {min(ratios):.2f} to {max(ratios):.2f}\n")


def main() -> None:
    given = [int(each) for each in sys.argv[1:]]
    seed, runs = [*given, *(1, 200)[len(given) :]]
    rng = np.random.default_rng(seed)
    head = "base | control, canary | margin_abs | canary"
    print_table(head, fail_rows(rng, runs))
    print_table(head, pass_rows(rng, max(20, runs // 2)))
    print_table("value", value_rows(rng, runs))
    print_halfway(np.random.default_rng(seed), max(20, runs // 3))


if __name__ == "__main__":
    main()
