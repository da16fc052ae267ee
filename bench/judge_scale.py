"""What one look costs: `python bench/judge_scale.py`. Milliseconds of processor time, the median.

By metrics (errors of a canary at 20 requests an interval, control at 60) and by intervals in the
case: the whole case is computed again at every look, so that a verdict can be recomputed from what
is stored and from nothing else.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from judge_print import header, line

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.judge import judge

METRICS, INTERVALS = (1, 3, 10, 100), (60, 600, 3600)
LOOKS = 5


def case(metrics: int, intervals: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "id": "scale",
        "interval_s": 1,
        "metrics": [
            {
                "name": f"m{place}",
                "kind": "ratio",
                "direction": "increase",
                "margin_abs": 0.01,
                "control": drawn(rng, intervals, 60),
                "canary": drawn(rng, intervals, 20),
            }
            for place in range(metrics)
        ],
    }


def drawn(rng: np.random.Generator, intervals: int, rate: float) -> list[list[int]]:
    totals = rng.poisson(rate, intervals)
    return [[int(rng.binomial(n, 0.002)), int(n)] for n in totals]


def cost_ms(given: dict[str, Any]) -> float:
    spent = []
    for _ in range(LOOKS):
        began = time.process_time()
        judge(given)
        spent.append(time.process_time() - began)
    return float(np.median(spent)) * 1e3


def main() -> None:
    header(("metrics", *(f"{count} intervals" for count in INTERVALS)))
    for metrics in METRICS:
        costs = [f"{cost_ms(case(metrics, intervals)):.1f} ms" for intervals in INTERVALS]
        print(line([f"{metrics}", *costs]), flush=True)


if __name__ == "__main__":
    main()
