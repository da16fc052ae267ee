"""The judge's verdict on a rollout's case, with two more demands on a fail. PURE.

Beside a control it has to hold however the cohorts' scrapes lie to one another (`onsets`, ADR 11).

At 100% the canary is compared with control intervals of *before* (ADR 5). A machine, a network
or a whole site that is slow for a moment then looks like harm. So a fail that rests on such
intervals counts only when the harm persists: when it is still a fail after each interval was
replaced by the best one of the last PERSISTENCE. (A running minimum over intervals; compare the
3-5-minute means of |r|/s in change detection without control.)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attribution.judge import judge
from rollout.onsets import aligned
from rollout.readings import harm_of, samples, series_of, with_series

PERSISTENCE = 5
# Intervals in which trouble had begun before it was noticed, and went on after it had ended.
BEFORE, AFTER = 6, 3
# Of the evidence in one stage: each further one costs power.
MOST_BEGINNINGS = 4


def judge_rollout(case: Mapping[str, Any]) -> dict[str, Any]:
    """judge(case); `inconclusive` where a fail does not hold: `unconfirmed` beside a control,
    `unsteady` where the harm did not persist at 100%.
    """
    verdict = judge(case)
    if verdict["verdict"] != "fail":
        return verdict
    start = full_since(case)
    believed = aligned(case, start)
    verdict = _unless_fail(judge(believed), "unconfirmed")
    if verdict["verdict"] != "fail" or start is None:
        return verdict
    metrics = [steadied(metric, case["t"], start) for metric in believed["metrics"]]
    return _unless_fail(judge({**believed, "metrics": metrics}), "unsteady")


def _unless_fail(verdict: dict[str, Any], reason: str) -> dict[str, Any]:
    if verdict["verdict"] == "fail":
        return verdict
    return {**verdict, "verdict": "inconclusive", "reason": reason, "decided_at": None}


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
        with_series(
            metric,
            "control",
            [
                None if skip else reading
                for reading, skip in zip(series_of(metric, "control"), troubled, strict=True)
            ],
        )
        for metric in case["metrics"]
    ]
    return {**case, "metrics": metrics}


def anew_after(case: Mapping[str, Any], spans: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The case with evidence that begins anew when somebody else's trouble in the newest stage was
    over: what canary and control were like while both were hit excludes no harm of the change now.

    Of the harm shown before nothing is forgotten; the judge shares its alpha among the beginnings.
    """
    newest, step = case["stages"][-1], case["interval_s"]
    ends: list[float] = []
    for low, high in sorted(spans):
        if ends and low <= ends[-1]:
            ends[-1] = max(ends[-1], high + AFTER * step)
        else:
            ends.append(high + AFTER * step)
    last = case["t"][-1] if case["t"] else newest["start"]
    anew = [end for end in ends if newest["start"] < end <= last][:MOST_BEGINNINGS]
    return {**case, "stages": [*case["stages"], *({**newest, "start": end} for end in anew)]}


def full_since(case: Mapping[str, Any]) -> float | None:
    """When the stage without a control began; None: there is none."""
    return next((s["start"] for s in case["stages"] if s["share"] >= 1), None)


def steadied(metric: Mapping[str, Any], t: Sequence[float], start: float) -> dict[str, Any]:
    if metric.get("error"):
        return dict(metric)
    kind, canary = metric["kind"], series_of(metric, "canary")
    harm = harm_of(metric)
    best: list[Any] = []
    for i, reading in enumerate(canary):
        first = max(0, i - PERSISTENCE + 1)
        recent = [each for each in canary[first : i + 1] if samples(kind, each) > 0]
        within = t[i] > start and t[first] > start
        if reading is None or t[i] <= start:
            best.append(reading)
        else:
            # Until enough intervals were seen at 100% nothing is known to persist.
            best.append(min(recent, key=harm) if within and recent else None)
    return with_series(metric, "canary", best)
