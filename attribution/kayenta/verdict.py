"""Kayenta's classifications and score as an answer of the judge contract. PURE.

Classification and score are Kayenta's. The verdict is held to the rules of this house:

- `fail` needs a metric that fails: High, Low, or missing where `mustHaveData` asks for it. A score
  that is low because nothing was reported, or nothing could be computed, is `inconclusive`.
- `pass` needs a score of Pass in which nothing counts as good that was not seen to be good: no
  Error; no group without a metric that was compared; no Pass of a metric of which a cohort
  reported nothing, or less than `min_samples`, or that only the tolerance of Kayenta's root search
  makes a Pass.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.kayenta.case import Metric, ScoreCase, read_case
from attribution.kayenta.classify import (
    ERROR,
    HIGH,
    LOW,
    NO_DATA,
    NO_DATA_FAILS,
    Classified,
    classify,
    cleaned,
)
from attribution.kayenta.score import FAILS, PASSES, Score, Scored, score
from attribution.stats.lines import Floats
from attribution.stats.mann_whitney import Shift

# What an inconclusive case is said to wait for, the most serious first.
REASONS = ("source_error", "not_computable", "no_data", "root_search", "low_samples")


@dataclass(frozen=True)
class MetricVerdict:
    metric: Metric
    control: Floats  # cleaned
    canary: Floats
    found: Classified
    verdict: str
    reason: str


def judge_by_score(case: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's answer, with Kayenta's classification, score and groups added.

    One look at the whole of the data: the error rate is that of one look, and a prefix may get
    another verdict. Raises CaseError.
    """
    read = read_case(case)
    results = [_metric_verdict(metric) for metric in read.metrics]
    counted = [result for result in results if not result.metric.options.muted]
    scored = [
        Scored(result.found.label, result.found.critical, result.metric.options.groups)
        for result in counted
    ]
    return _answer(read, results, counted, score(scored, read.score))


def _metric_verdict(metric: Metric) -> MetricVerdict:
    control, canary = (cleaned(side, metric.options) for side in (metric.control, metric.canary))
    if metric.failed:
        found = Classified(ERROR, critical=False)
    else:
        found = classify(control, canary, metric.options)
    verdict, reason = _held_to_the_rules(metric, canary, found)
    return MetricVerdict(metric, control, canary, found, verdict, reason)


def _held_to_the_rules(metric: Metric, canary: Floats, found: Classified) -> tuple[str, str]:
    if found.label in (HIGH, LOW):
        return "fail", "harm_shown"
    if found.label == NO_DATA_FAILS:
        return "fail", "no_data"
    reason = _why_not_passing(metric, canary, found)
    return ("inconclusive", reason) if reason else ("pass", "no_harm_shown")


def _why_not_passing(metric: Metric, canary: Floats, found: Classified) -> str:
    if found.label == ERROR:
        return "source_error" if metric.failed else "not_computable"
    silent = any(np.isnan(side).all() for side in (metric.control, metric.canary))
    if found.label == NO_DATA or silent:
        return "no_data"
    if found.exact_label in (HIGH, LOW):
        return "root_search"
    return "low_samples" if canary.size < metric.min_samples else ""


def _answer(
    case: ScoreCase, results: list[MetricVerdict], counted: list[MetricVerdict], scored: Score
) -> dict[str, Any]:
    verdict, reason = _overall(counted, scored)
    return {
        "id": case.id,
        "verdict": verdict,
        "reason": reason,
        "decided_at": max(case.intervals - 1, 0) if verdict == "fail" else None,
        "log_e": None,  # a test of one look has no evidence that adds up
        "log_e_max": None,
        "classification": scored.label,
        "score": scored.value,
        "thresholds": {"pass": case.score.passes, "marginal": case.score.marginal},
        "groups": [
            {"name": group.name, "score": group.score, "weight": group.weight}
            for group in scored.groups
        ],
        "metrics": [_metric_answer(result) for result in results],
    }


def _overall(counted: list[MetricVerdict], scored: Score) -> tuple[str, str]:
    failing = [result.reason for result in counted if result.verdict == "fail"]
    waiting = _waiting(counted, scored)
    if scored.label == FAILS and failing:
        return "fail", "harm_shown" if "harm_shown" in failing else "no_data"
    if scored.label == PASSES and not waiting:
        return "pass", "no_harm_shown"
    if waiting and (scored.label == PASSES or not failing):
        return "inconclusive", min(waiting, key=REASONS.index)
    return "inconclusive", "score_too_low"


def _waiting(counted: list[MetricVerdict], scored: Score) -> list[str]:
    """Reasons against passing. A Nodata beside metrics that were compared is none of them."""
    empty = {group.name for group in scored.groups if group.score is None}
    return [
        result.reason
        for result in counted
        if result.verdict == "inconclusive"
        and (
            result.found.label != NO_DATA
            or scored.label == FAILS
            or not empty.isdisjoint(result.metric.options.groups)
        )
    ]


def _metric_answer(result: MetricVerdict) -> dict[str, Any]:
    found, options = result.found, result.metric.options
    control = float(result.control.mean()) if result.control.size else math.nan
    canary = float(result.canary.mean()) if result.canary.size else math.nan
    return {
        "name": result.metric.name,
        "verdict": result.verdict,
        "reason": result.reason,
        "direction": _direction(found.shift),
        "effect": _ratio(canary - control, control),
        "interval": _relative(found.shift, control),
        "log_e": None,
        "samples": int(result.canary.size),
        "classification": found.label,
        "critical": found.critical,
        "groups": list(options.groups),
        "muted": options.muted,
        "effect_size": {"measure": options.measure, "value": _finite(found.effect_size)},
        "shift": _shown(found.shift),
        "exact": {"classification": found.exact_label or None, **(_shown(found.exact) or {})},
    }


def _direction(shift: Shift | None) -> str:
    if shift is None:
        return "none"
    return "high" if shift.lower > 0 else "low" if shift.upper < 0 else "none"


def _relative(shift: Shift | None, control: float) -> list[float] | None:
    """The interval of the shift as a share of the control's mean, None where that is zero."""
    if shift is None:
        return None
    ends = [_ratio(end, control) for end in (shift.lower, shift.upper)]
    known = [end for end in ends if end is not None]
    return sorted(known) if len(known) == len(ends) else None


def _ratio(part: float, whole: float) -> float | None:
    return _finite(part / whole) if whole else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shown(shift: Shift | None) -> dict[str, Any] | None:
    if shift is None:
        return None
    return {"estimate": shift.estimate, "interval": [shift.lower, shift.upper]}
