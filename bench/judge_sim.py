"""How often a harmless change is ever failed, by our judge and by others.

    python bench/judge_sim.py [runs] [seed] [--only NAME]

Every scenario of judge_scenarios.py, 60 looks × 8 metrics: without any difference, and with true
harm equal to the margin. A line each: allocation, share ever failed with the upper end of its 95%
interval (Clopper & Pearson), share passed at the last look, share that each rival ever failed.
NAME: scenarios whose name contains it. With glibc, MALLOC_MMAP_THRESHOLD_=2000000000
MALLOC_TRIM_THRESHOLD_=4000000000 before the command halves the time: large arrays are used again.
"""

import argparse
import math
import time
from collections import Counter

import numpy as np
from judge_ours import verdicts
from judge_print import header, line, upper
from judge_rivals import RIVALS, ever_failed
from judge_scenarios import INTERVAL_S, MARGIN, METRICS, RUNS, SCENARIOS, Scenario
from judge_worlds import Harm, Size, chunks, draw

COLUMNS = (
    "scenario",
    "canary : control, requests a minute (units)",
    "true harm",
    "ever failed",
    "≤ (95%)",
    "passed",
    *RIVALS,
)


def counted(world: Scenario, factor: float, runs: int, seed: int) -> Counter[str]:
    """How many of `runs` cases were ever failed, and passed at the end; rivals by their names."""
    rng = np.random.default_rng(seed)
    settle = math.ceil(world.settle_s / INTERVAL_S)
    found: Counter[str] = Counter()
    for cases in chunks(runs, world):
        drawn = draw(rng, world, Size(cases), Harm(factor))
        ours = verdicts(drawn, METRICS, settle=settle)
        found["failed"] += int(ours.failed.sum())
        found["passed"] += int(ours.passing.sum())
        for name, failed in ever_failed(drawn, METRICS, settle).items():
            found[name] += int(failed.sum())
    return found


def row(world: Scenario, factor: float, runs: int, found: Counter[str]) -> list[str]:
    sides = (
        f"{requests:g} ({units})"
        for requests, units in (
            (world.canary_requests, world.canary_units),
            (world.control_requests, world.control_units),
        )
    )
    return [
        world.name,
        " : ".join(sides),
        f"{factor - 1:.0%}",
        f"{found['failed'] / runs:.4f}",
        f"{upper(found['failed'], runs):.4f}",
        f"{found['passed'] / runs:.3f}",
        *(f"{found[name] / runs:.4f}" for name in RIVALS),
    ]


def table(runs: int, seed: int, only: str = "") -> None:
    began = time.monotonic()
    header(COLUMNS)
    for place, world in enumerate(SCENARIOS):
        if only not in world.name:
            continue
        for factor in (1.0, 1.0 + MARGIN):
            # A row draws the same cases whichever other rows are asked for.
            found = counted(world, factor, runs, seed * 1000 + 2 * place + (factor > 1))
            print(line(row(world, factor, runs, found)), flush=True)
    print(f"\n{runs} runs a line, seed {seed}, {time.monotonic() - began:.0f} s")


def main() -> None:
    reader = argparse.ArgumentParser(description="share of harmless changes ever failed")
    reader.add_argument("runs", type=int, nargs="?", default=RUNS)
    reader.add_argument("seed", type=int, nargs="?", default=1)
    reader.add_argument("--only", default="", metavar="NAME")
    given = reader.parse_args()
    table(given.runs, given.seed, given.only)


if __name__ == "__main__":
    main()
