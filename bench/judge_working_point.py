"""Delay, time to pass and false failures of the judge at the demo's working point.

Control 60 and canary 20 requests a second, interval 1 s, margin 0.1, margin_abs 0.01, alpha 0.02,
beta 0.05. `python bench/judge_working_point.py [seed]`; two minutes on one core.
"""

import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.judge import judge

LOOKS = 300


def counts(rng: np.random.Generator, rate: float, share: float, looks: int) -> list[list[int]]:
    return [[int(rng.binomial(n, share)), int(n)] for n in rng.poisson(rate, looks)]


def case(
    rng: np.random.Generator, control: float, canary: float, absolute: float = 0.01
) -> dict[str, Any]:
    metric = {
        "name": "errors",
        "kind": "ratio",
        "direction": "increase",
        "margin": 0.1,
        "margin_abs": absolute,
        "pass_margin": 0.5,
        "control": counts(rng, 60, control, LOOKS),
        "canary": counts(rng, 20, canary, LOOKS),
    }
    return {"id": "sim", "interval_s": 1, "metrics": [metric]}


def prefix(whole: dict[str, Any], looks: int) -> dict[str, Any]:
    sides = {side: whole["metrics"][0][side][:looks] for side in ("control", "canary")}
    return {**whole, "metrics": [{**whole["metrics"][0], **sides}]}


def first_pass(whole: dict[str, Any]) -> float:
    looks = (n for n in range(1, LOOKS + 1) if judge(prefix(whole, n))["verdict"] == "pass")
    return next(looks, LOOKS + 1)


def delay(whole: dict[str, Any]) -> float:
    decided = judge(whole)["decided_at"]
    return LOOKS + 1 if decided is None else decided + 1


def spread(found: list[float]) -> str:
    return f"median {np.median(found):.0f} s, p90 {np.quantile(found, 0.9):.0f} s"


def spreads(rng: np.random.Generator) -> None:
    for base in (0.0, 0.001, 0.003):
        found = spread([delay(case(rng, base, 0.05)) for _ in range(400)])
        print(f"5% errors, base {base:.1%}: fails after {found}")
    for base in (0.0, 0.002):
        found = spread([first_pass(case(rng, base, base)) for _ in range(60)])
        print(f"healthy, base {base:.1%}: passes after {found}")


def false_failures(rng: np.random.Generator, runs: int = 2000) -> None:
    for absolute, base in product((0.01, 0.0), (0.0, 0.002, 0.01, 0.05)):
        worst = max(base * 1.1, base + absolute)
        for what, share in (("equal", base), ("worst harmless", worst)):
            verdicts = [judge(case(rng, base, share, absolute))["verdict"] for _ in range(runs)]
            failed = verdicts.count("fail") / runs
            print(f"margin_abs {absolute}, base {base:.1%}, {what}: ever failed {failed:.4f}")


def cost(rng: np.random.Generator, runs: int = 100) -> None:
    whole = case(rng, 0.002, 0.002)
    whole["metrics"].append({**whole["metrics"][0], "name": "second"})
    start = time.process_time()
    for _ in range(runs):
        judge(whole)
    spent = (time.process_time() - start) / runs * 1000
    print(f"2 metrics, {LOOKS} intervals: {spent:.1f} ms of CPU a verdict")


def main() -> None:
    rng = np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    spreads(rng)
    false_failures(rng)
    cost(rng)


if __name__ == "__main__":
    main()
