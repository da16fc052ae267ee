"""How many intervals until harm is found and until a healthy canary passes, beside the oracle's.

    python bench/judge_delay.py [runs] [seed] [--only errors|latency]

One metric a case; HARMS × TRAFFIC × ALLOCATIONS of judge_scenarios.py on its independent worlds,
with their history. The oracle (judge_oracle.py) knows the size of the effect and has the same
alpha for its first epoch. Cases that are not decided within the looks count as later than all
others; a quantile that falls among them is printed as "> looks".
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import judge_oracle
import numpy as np
from judge_ours import verdicts
from judge_print import header, line, shown, times
from judge_scenarios import ALLOCATIONS, HARMS, SCENARIOS, TRAFFIC, Scenario
from judge_verdicts import Looks
from judge_worlds import Harm, Size, chunks, draw

RUNS = 400
WORLDS = {"ratio": "independent errors", "value": "independent latency"}
NAMES = {"ratio": "errors", "value": "latency"}
# By requests a minute on the canary: few of them make slow answers.
LOOKS = {"ratio": {20.0: 1500, 200.0: 600, 2000.0: 300}, "value": dict.fromkeys(TRAFFIC, 300)}
COLUMNS = (
    "requests a minute, canary : control (units)",
    "ours, median (p90)",
    "oracle, median (p90)",
    "× median",
    "× p90",
    "undecided, ours : oracle",
)


@dataclass(frozen=True)
class Cell:
    """A line of the table: what is done to the canary, and with which traffic."""

    kind: str
    factor: float
    traffic: float
    allocation: float

    @property
    def looks(self) -> int:
        return LOOKS[self.kind][self.traffic]


def world_of(cell: Cell) -> Scenario:
    return replace(
        next(world for world in SCENARIOS if world.name == WORLDS[cell.kind]),
        canary_requests=cell.traffic,
        control_requests=cell.traffic * cell.allocation,
        control_units=3 if cell.allocation == 1 else 20,
    )


def delays(cell: Cell, runs: int, seed: int) -> tuple[Looks, Looks]:
    """Looks until our verdict and until the oracle's, (runs,) each: of harm, or of health."""
    world, rng = world_of(cell), np.random.default_rng(seed)
    asked = judge_oracle.HEALTH if cell.factor == 1.0 else judge_oracle.harm(cell.factor)
    ours, theirs = [], []
    for cases in chunks(runs, world, 1, cell.looks):
        drawn = draw(rng, world, Size(cases, 1, cell.looks), Harm(cell.factor))
        found = verdicts(drawn, 1)
        ours.append(found.passed_at if cell.factor == 1.0 else found.failed_at)
        theirs.append(judge_oracle.decided_at(drawn, asked))
    return np.concatenate(ours), np.concatenate(theirs)


def row(cell: Cell, ours: Looks, theirs: Looks) -> list[str]:
    world, looks = world_of(cell), cell.looks
    undecided = (f"{(found > looks).mean():.3f}" for found in (ours, theirs))
    return [
        f"{world.canary_requests:g} (3) : {world.control_requests:g} ({world.control_units})",
        shown(ours, looks),
        shown(theirs, looks),
        times(ours, theirs, 0.5, looks),
        times(ours, theirs, 0.9, looks),
        " : ".join(undecided),
    ]


def cells(only: str) -> Iterator[Cell]:
    healthy = [(kind, 1.0) for kind in WORLDS]
    for kind, factor in [*HARMS, *healthy]:
        for traffic in TRAFFIC if only in NAMES[kind] else ():
            for allocation in ALLOCATIONS:
                yield Cell(kind, factor, traffic, allocation)


def change(cell: Cell) -> str:
    if cell.factor == 1.0:
        return f"{NAMES[cell.kind]}, healthy: passes"
    size = f"×{cell.factor:g}" if cell.kind == "ratio" else f"+{cell.factor - 1:.0%}"
    return f"{NAMES[cell.kind]} {size}: fails"


def table(runs: int, seed: int, only: str = "") -> None:
    began = time.monotonic()
    header(("change", *COLUMNS))
    for cell in cells(only):
        print(line([change(cell), *row(cell, *delays(cell, runs, seed))]), flush=True)
    print(f"\n{runs} runs a line, seed {seed}, {time.monotonic() - began:.0f} s")


def main() -> None:
    reader = argparse.ArgumentParser(description="delay of the judge beside an oracle's")
    reader.add_argument("runs", type=int, nargs="?", default=RUNS)
    reader.add_argument("seed", type=int, nargs="?", default=1)
    reader.add_argument("--only", default="", choices=("", *NAMES.values()))
    given = reader.parse_args()
    table(given.runs, given.seed, given.only)


if __name__ == "__main__":
    main()
