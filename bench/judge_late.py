"""Harm that begins late, and harm under differences between units.

    python bench/judge_late.py [runs] [seed]

Late: a rollout with a new stage (an epoch of the judge) every 60 intervals, 200 requests a minute
on the canary; errors ×3 or latency +50% begin after so many healthy intervals, at the start of a
stage or in its middle. "× at once" compares the delay from then on with that of the same harm from
the first interval on. Undecided: not failed within 240 intervals.

Under unit effects: share of cases with latency +30% that fail within 60 looks, where each unit is
5% off its fellows for good, three canary units, with 240 intervals of history of the same units or
of others.
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
from judge_delay import Cell, world_of
from judge_ours import verdicts
from judge_print import header, line, shown, times
from judge_scenarios import ALLOCATIONS, LOOKS, SCENARIOS
from judge_verdicts import Looks
from judge_worlds import Harm, Size, chunks, draw

RUNS = 400
STAGE = 60
WAITED = 240
LATE: tuple[tuple[str, float], ...] = (("ratio", 3.0), ("value", 1.5))
ONSETS = (0, 60, 90, 360, 390)
UNDER_UNIT_EFFECTS = 1.3
UNIT_EFFECT = ("latency, unit effect 5%", "latency, unit effect 5%, three control units")


@dataclass(frozen=True)
class Late:
    """Looks from the onset on, of the cases that had not failed before; WAITED + 1: never."""

    delays: Looks
    failed_before: float


def late(cell: Cell, onset: int, runs: int, seed: int) -> Late:
    world, rng = world_of(cell), np.random.default_rng(seed)
    looks = onset + WAITED
    failed = []
    for cases in chunks(runs, world, 1, looks):
        drawn = draw(rng, world, Size(cases, 1, looks), Harm(cell.factor, onset))
        failed.append(verdicts(drawn, 1, starts=range(0, looks, STAGE)).failed_at)
    found = np.concatenate(failed)
    in_time = found[found > onset] - onset
    return Late(in_time, float((found <= onset).mean()))


def late_rows(kind: str, factor: float, allocation: float, runs: int, seed: int) -> list[list[str]]:
    cell = Cell(kind, factor, 200.0, allocation)
    world = world_of(cell)
    found = {onset: late(cell, onset, runs, seed + onset) for onset in ONSETS}
    at_once = found[0].delays
    return [
        [
            f"errors ×{factor:g}" if kind == "ratio" else f"latency +{factor - 1:.0%}",
            f"{world.canary_requests:g} (3) : {world.control_requests:g} ({world.control_units})",
            f"{onset}",
            shown(each.delays, WAITED),
            times(each.delays, at_once, 0.5, WAITED),
            times(each.delays, at_once, 0.9, WAITED),
            f"{(each.delays > WAITED).mean():.3f}",
            f"{each.failed_before:.3f}",
        ]
        for onset, each in found.items()
    ]


LATE_COLUMNS = (
    "harm",
    "requests a minute, canary : control (units)",
    "healthy before",
    "delay, median (p90)",
    "× at once, median",
    "× at once, p90",
    "undecided",
    "failed before",
)


def found_share(name: str, *, same_units: bool, runs: int, seed: int) -> tuple[float, str]:
    """Share failed within the looks, and the allocation."""
    world = next(each for each in SCENARIOS if each.name == name)
    world, rng = replace(world, fresh=not same_units), np.random.default_rng(seed)
    failed = 0
    for cases in chunks(runs, world, 1):
        drawn = draw(rng, world, Size(cases, 1), Harm(UNDER_UNIT_EFFECTS))
        failed += int(verdicts(drawn, 1).failed.sum())
    traffic = f"{world.canary_requests:g} (3) : {world.control_requests:g} ({world.control_units})"
    return failed / runs, traffic


def table(runs: int, seed: int) -> None:
    began = time.monotonic()
    header(LATE_COLUMNS)
    for kind, factor in LATE:
        for allocation in ALLOCATIONS:
            for cells in late_rows(kind, factor, allocation, runs, seed):
                print(line(cells), flush=True)
    print()
    header(("requests a minute, canary : control (units)", "past of the canary", "found"))
    for name in UNIT_EFFECT:
        for same_units in (True, False):
            share, traffic = found_share(name, same_units=same_units, runs=runs, seed=seed)
            past = "the same units" if same_units else "other units"
            print(line([traffic, past, f"{share:.3f}"]), flush=True)
    size = f"latency +{UNDER_UNIT_EFFECTS - 1:.0%} within {LOOKS} looks"
    print(f"\n{size}; {runs} runs a line, seed {seed}, {time.monotonic() - began:.0f} s")


def main() -> None:
    reader = argparse.ArgumentParser(description="late harm, and harm under unit effects")
    reader.add_argument("runs", type=int, nargs="?", default=RUNS)
    reader.add_argument("seed", type=int, nargs="?", default=1)
    given = reader.parse_args()
    table(given.runs, given.seed)


if __name__ == "__main__":
    main()
