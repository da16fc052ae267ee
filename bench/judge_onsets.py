"""An outage below both cohorts, read of each at an offset of its own: how often is the harmless
canary failed? `python bench/judge_onsets.py [runs] [seed]`.

60 visitors a second, a third of them on the canary, read every 5 s; base 0.2%; at a moment of the
second to fifth interval a third of all requests begins to fail, and stops ten intervals later.
Printed for the judge alone and for a rollout's verdict; then the delay of a canary that is really
dead, or fails 5%, from the moment on, in intervals.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.judge import judge
from rollout.judging import judge_rollout

STEP, LOOKS, VISITORS, SHARE, BASE, OUTAGE = 5.0, 20, 300.0, 0.33, 0.002, 1 / 3
METRIC = {"name": "errors", "kind": "ratio", "margin": 0.1, "pass_margin": 0.5, "margin_abs": 0.01}
Judge = Callable[[Mapping[str, Any]], dict[str, Any]]
JUDGES: dict[str, Judge] = {"judge": judge, "rollout": judge_rollout}


def series(
    rng: np.random.Generator, share: float, offset: float, trouble: tuple[float, float, float]
) -> list[list[int]]:
    """[events, total] an interval, read `offset` intervals late; trouble: from, to, error share."""
    begins = np.arange(LOOKS) - offset
    low, high, worst = trouble
    within = np.clip(np.minimum(begins + 1, high) - np.maximum(begins, low), 0.0, 1.0)
    total = rng.poisson(VISITORS * share, LOOKS)
    events = rng.binomial(total, BASE + within * worst)
    return [[int(x), int(n)] for x, n in zip(events, total, strict=True)]


def case(rng: np.random.Generator, *, shared: bool, worst: float) -> tuple[dict[str, Any], float]:
    onset = rng.uniform(1.0, 5.0)
    trouble = onset, onset + 10 if shared else float(LOOKS + 1), worst
    offsets = rng.uniform(0.0, 1.0, 2)
    return {
        "interval_s": STEP,
        "t": [STEP * (i + 1) for i in range(LOOKS)],
        "stages": [{"start": 0.0, "share": SHARE}],
        "metrics": [
            {
                **METRIC,
                "canary": series(rng, SHARE, offsets[0], trouble),
                "control": series(
                    rng, 1 - SHARE, offsets[1], trouble if shared else (onset, onset, 0.0)
                ),
            }
        ],
    }, onset


def first_fail(judged: Judge, whole: Mapping[str, Any]) -> int | None:
    """After how many intervals, looked at after each as a rollout does."""
    (metric,) = whole["metrics"]
    for looks in range(1, LOOKS + 1):
        shown = {side: metric[side][:looks] for side in ("canary", "control")}
        seen = {**whole, "t": whole["t"][:looks], "metrics": [{**metric, **shown}]}
        if judged(seen)["verdict"] == "fail":
            return looks
    return None


def main() -> None:
    runs, seed = (int(each) for each in (*sys.argv[1:], "300", "1")[:2])
    for name, judged in JUDGES.items():
        rng = np.random.default_rng(seed)
        cases = [case(rng, shared=True, worst=OUTAGE)[0] for _ in range(runs)]
        failed = sum(first_fail(judged, each) is not None for each in cases)
        print(f"{name}: {failed} of {runs} harmless canaries failed in a shared outage")
        for what, worst in (("dead by a third", OUTAGE), ("5% errors", 0.05)):
            harmed = [case(rng, shared=False, worst=worst) for _ in range(runs)]
            found = [(first_fail(judged, each), onset) for each, onset in harmed]
            late = [looks - onset for looks, onset in found if looks is not None]
            missed = runs - len(late)
            print(f"  {what}: median {np.median(late):.2f} intervals, {missed} not found")


if __name__ == "__main__":
    main()
