"""The judge's verdict on a rollout's case, with one more demand where there is no control. PURE.

At 100% the canary is compared with control intervals of *before* (ADR 5). A machine, a network
or a whole site that is slow for a moment then looks like harm. So a fail that rests on such
intervals counts only when the harm persists: when it is still a fail after each interval was
replaced by the best one of the last PERSISTENCE. (A running minimum over intervals; compare the
3-5-minute means of |r|/s in change detection without control.)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attribution.judge import judge

PERSISTENCE = 5
# Intervals in which trouble had begun before it was noticed, and went on after it had ended.
BEFORE, AFTER = 6, 3


def judge_rollout(case: Mapping[str, Any]) -> dict[str, Any]:
    """judge(case); `inconclusive` with reason `unsteady` where the harm did not persist."""
    verdict = judge(case)
    start = full_since(case)
    if verdict["verdict"] != "fail" or start is None:
        return verdict
    steady = judge({**case, "metrics": [steadied(m, case["t"], start) for m in case["metrics"]]})
    if steady["verdict"] == "fail":
        return steady
    return {**steady, "verdict": "inconclusive", "reason": "unsteady", "decided_at": None}


def without_troubles(
    case: Mapping[str, Any], spans: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    """The case with nothing to compare at 100% while somebody else's trouble lasted: the control of
    before knew no such trouble. What is not compared is no evidence, for the change or against it.
    """
    start, step = full_since(case), case["interval_s"]
    troubled = [
        start is not None
        and at > start
        and any(low - BEFORE * step <= at <= high + AFTER * step for low, high in spans)
        for at in case["t"]
    ]
    metrics = [
        {
            **metric,
            "control": [
                None if skip else pair
                for pair, skip in zip(metric["control"], troubled, strict=True)
            ],
        }
        for metric in case["metrics"]
    ]
    return {**case, "metrics": metrics}


def full_since(case: Mapping[str, Any]) -> float | None:
    """When the stage without a control began; None: there is none."""
    return next((s["start"] for s in case["stages"] if s["share"] >= 1), None)


def steadied(metric: Mapping[str, Any], t: Sequence[float], start: float) -> dict[str, Any]:
    canary = list(metric["canary"])
    sign = -1 if metric["direction"] == "decrease" else 1

    def harm(pair: Sequence[float]) -> float:
        return sign * pair[0] / pair[1] if pair[1] else 0.0

    best: list[Any] = []
    for i, pair in enumerate(canary):
        recent = [p for p in canary[max(0, i - PERSISTENCE + 1) : i + 1] if p and p[1]]
        within = t[i] > start and t[max(0, i - PERSISTENCE + 1)] > start
        if pair is None or t[i] <= start:
            best.append(pair)
        else:
            # Until enough intervals were seen at 100% nothing is known to persist.
            best.append(min(recent, key=harm) if within and recent else None)
    return {**metric, "canary": best}
