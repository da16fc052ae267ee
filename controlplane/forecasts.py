"""Why a stage is still baking, and what a plan is able to see: forecasts for the API and the pages.

Nothing is decided by them. What is foretold is a median at the traffic of now.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.errors import CaseError
from attribution.forecast import Forecast, of_case
from rollout.evidence import Gathered, judged
from rollout.judging import PERSISTENCE
from rollout.machine import Phase, StageState
from rollout.models import Rollout, Stage
from rollout.telling import canary_samples


@dataclass(frozen=True)
class Bake:
    """The stage under way. `pass_in_s`: until all that it waits for is there; None: not known."""

    least_left_s: float
    most_left_s: float
    samples_left: int
    pass_in_s: float | None
    metrics: list[Forecast]
    # Its bake does not end while the metric source cannot be believed.
    source_lost: bool = False
    held: bool = False


def bake_of(rollout: Rollout, now: datetime, found: Gathered) -> Bake | None:
    """`found`: the judge's newest case and answer. None: nothing bakes, or it has failed."""
    stage, case, answer = baking(rollout), found.case, found.answer
    if stage is None or stage.baking_since is None or not case or not case["t"] or not answer:
        return None
    if answer["verdict"] == "fail":
        return None
    planned = rollout.spec["stages"][stage.index]
    baked = (now - stage.baking_since).total_seconds()
    metrics = of_case(case, answer, persistence(stage.share))
    missing = max(
        0, int(planned["min_samples"] - canary_samples(case, case["stages"][-1]["start"]))
    )
    least = max(0.0, planned["min_s"] - baked)
    return Bake(
        least_left_s=least,
        most_left_s=max(0.0, planned["max_s"] - baked),
        samples_left=missing,
        pass_in_s=all_of([least, _samples_in(missing, metrics), *(m.pass_in_s for m in metrics)]),
        metrics=metrics,
        source_lost=bool(found.evidence.source_lost),
        held=any(hold.released_at is None for hold in rollout.holds.all()),
    )


def baking(rollout: Rollout) -> Stage | None:
    if rollout.phase != Phase.RUNNING:
        return None
    return next((s for s in rollout.stages.all() if s.state == StageState.BAKING), None)


def persistence(share: float) -> int:
    """At 100% there is no control at the same time, and harm has to last."""
    return PERSISTENCE if share >= 1 else 1


def _samples_in(missing: int, metrics: list[Forecast]) -> float | None:
    slowest = min((m.requests_per_s for m in metrics if m.requests_per_s > 0), default=0.0)
    if not missing:
        return 0.0
    return missing / slowest if slowest > 0 else None


def all_of(times: list[float | None]) -> float | None:
    known = [each for each in times if each is not None]
    return max(known) if len(known) == len(times) else None


def expected_now(rollout: Rollout, now: datetime) -> dict[str, Any] | None:
    """`expected` of the current stage, by the code that the loop judges with."""
    if baking(rollout) is None:
        return None
    try:
        gathered = judged(rollout, now)
    except CaseError:  # the loop holds and says why; the rest of the answer is still wanted
        return None
    bake = bake_of(rollout, now, gathered)
    return bake_json(bake) if bake else None


def bake_json(bake: Bake) -> dict[str, Any]:
    return {
        "pass_in_s": rounded(bake.pass_in_s),
        "min_s_left": rounded(bake.least_left_s),
        "max_s_left": rounded(bake.most_left_s),
        "samples_left": bake.samples_left,
        **metrics_json(bake.metrics),
    }


def metrics_json(metrics: list[Forecast]) -> dict[str, Any]:
    return {
        "metrics": [
            {
                "metric": each.metric,
                "pass_in_s": rounded(each.pass_in_s),
                "why": each.why,
                "base": significant(each.base),
                "requests_per_s": significant(each.requests_per_s),
                "excludes": significant(each.excludes),
            }
            for each in metrics
        ],
        "detects": [
            {
                "metric": each.metric,
                "factor": significant(each.factor),
                "share": significant(each.sees),
                "within_s": rounded(each.seen_in_s),
            }
            for each in metrics
            if each.sees is not None
        ],
    }


def significant(value: float | None) -> float | None:
    """Four digits of a share or a rate: a forecast bears no more."""
    return None if value is None else float(f"{value:.4g}")


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
