"""Everything that docs/judging.md says about how good the judge is, as markdown.

    python bench/judge_table.py [runs] [seed] [--real PATH]

`runs` is of the false failures, a line each; delays take a fifth of it. PATH: folder of the
labelled real series (judge_real.py).
"""

import argparse

import judge_delay
import judge_late
import judge_real
import judge_sim
from judge_scenarios import ALPHA, LOOKS, METRICS, RUNS


def main() -> None:
    reader = argparse.ArgumentParser(description="all tables of the judge")
    reader.add_argument("runs", type=int, nargs="?", default=RUNS)
    reader.add_argument("seed", type=int, nargs="?", default=1)
    reader.add_argument("--real", default="", metavar="PATH")
    given = reader.parse_args()
    fewer = max(1, given.runs // 5)
    print(
        f"### Harmless changes that were ever failed ({LOOKS} looks × {METRICS}, alpha {ALPHA})\n"
    )
    judge_sim.table(given.runs, given.seed)
    print("\n### Delay beside an oracle that knows the size of the effect\n")
    judge_delay.table(fewer, given.seed)
    print("\n### Late harm, and harm under unit effects\n")
    judge_late.table(fewer, given.seed)
    if given.real:
        print("\n### Real series, split into two cohorts\n")
        judge_real.table(judge_real.folder(given.real))


if __name__ == "__main__":
    main()
