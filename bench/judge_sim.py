"""How often the judge ever fails a harmless change: `python bench/judge_sim.py [runs] [seed]`.

Every scenario of judge_scenarios.py, 60 looks × 8 metrics: without any difference, and with true
harm equal to the margin. Prints a line a scenario: allocation, share ever failed with its 95%
interval (Clopper & Pearson by bisection), share passed at the last look.
"""

import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
from judge_cases import case  # noqa: E402 - found by the path above
from judge_scenarios import MARGIN, RUNS, SCENARIOS, Scenario  # noqa: E402 - likewise
from judge_worlds import Harm  # noqa: E402 - likewise

from attribution.judge import judge  # noqa: E402 - likewise


def verdicts(job: tuple[Scenario, float, int, int]) -> tuple[int, int]:
    """(ever failed, passed at the end) of `runs` cases."""
    world, factor, runs, seed = job
    rng = np.random.default_rng(seed)
    found = [judge(case(rng, world, Harm(factor)))["verdict"] for _ in range(runs)]
    return found.count("fail"), found.count("pass")


def upper(failed: int, runs: int) -> float:
    """Upper end of the 95% interval of Clopper & Pearson (1934): P(X ≤ failed | p) = 0.025."""
    low, high = failed / runs, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(failed, runs, middle) > 0.025 else (low, middle)
    return high


def _at_most(failed: int, runs: int, rate: float) -> float:
    if rate in (0.0, 1.0):
        return 1.0 - rate
    logs = [
        math.lgamma(runs + 1)
        - math.lgamma(k + 1)
        - math.lgamma(runs - k + 1)
        + k * math.log(rate)
        + (runs - k) * math.log1p(-rate)
        for k in range(failed + 1)
    ]
    return float(np.exp(np.logaddexp.reduce(logs)))


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print("| scenario | canary : control a minute | true harm | ever failed | ≤ (95%) | passed |")
    print("| --- | --- | --- | --- | --- | --- |")
    worlds = [(world, factor) for world in SCENARIOS for factor in (1.0, 1.0 + MARGIN)]
    jobs = [(world, factor, runs, seed + place) for place, (world, factor) in enumerate(worlds)]
    began = time.monotonic()
    with ProcessPoolExecutor() as pool:
        for (world, factor, *_), (failed, passed) in zip(
            jobs, pool.map(verdicts, jobs), strict=True
        ):
            traffic = f"{world.canary_requests:g} : {world.control_requests:g}"
            shown = f"{failed / runs:.4f} | {upper(failed, runs):.4f} | {passed / runs:.3f}"
            print(f"| {world.name} | {traffic} | {factor - 1:.0%} | {shown} |", flush=True)
    print(f"\n{runs} runs each, seed {seed}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
