"""localize_case(case): which services hurt of themselves, ranked. PURE.

Each series gets a robust shift around the detection (`level_shift`), each service the largest of
its own. Then callers are told apart from the callees that make them suffer:

- where the symptom is known: walk from it along anomalous callees; the last anomalous service on
  such a path comes first (a traversal as in Lin et al., Microscope, ICSOC'18);
- where it is not: a service's score less half of what its worst callee explains.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from attribution.attribute_case import Case, Series, read_case
from attribution.stats.lines import Floats
from attribution.stats.shifts import harmful, level_shift

MOST = 20.0
ANOMALOUS = 2.0
EXPLAINED = 0.5
REPORTED = 20
EITHER_WEIGHT = 0.5  # a metric that may move both ways says less of harm

Shifts = dict[str, tuple[float, str]]  # service -> its largest shift, the metric that showed it


def localize(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `localized` part of an attribute answer. Raises CaseError."""
    return localize_case(read_case(case))


def localize_case(case: Case) -> list[dict[str, Any]]:
    shifts: Shifts = {}
    for series in case.series:
        if series.peer is not None or series.cohort == "control" or not _of_symptom(case, series):
            continue
        moved = min(_shift(case, series), MOST)
        best = shifts.get(series.service, (0.0, ""))
        shifts[series.service] = max(best, (moved, series.metric))
    scores = _below_symptom(case, shifts) if case.symptom else _less_callees(case, shifts)
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        {"service": service, "metric": shifts[service][1], "score": round(score, 6)}
        for service, score in ranked[:REPORTED]
        if score > 0
    ]


def _of_symptom(case: Case, series: Series) -> bool:
    """Where it is known which metric hurts, only its own family is followed down the calls."""
    return case.symptom_metric is None or series.metric.startswith(case.symptom_metric)


def _shift(case: Case, series: Series) -> float:
    known = np.isfinite(series.v)
    t, v = series.t[known], series.v[known]
    if t.size < 3:
        return 0.0
    step = float(np.median(np.diff(t)))
    if case.symptom is None:
        return _straddling(t, v, case.detected_at, step, series.direction)
    return _following(t, v, case.detected_at, step, series.direction)


def _straddling(t: Floats, v: Floats, at: float, step: float, direction: str) -> float:
    """Around the detection against all the rest: when it began is not known."""
    near = (t >= at - 2 * step) & (t <= at + 2 * step)
    return max(harmful(level_shift(v[~near], v[near]), direction), 0.0)


def _following(t: Floats, v: Floats, at: float, step: float, direction: str) -> float:
    """After the detection, against long before and against just before: the smaller of the two."""
    after = (t > at) & (t <= at + 3 * step)
    if not after.any():  # asked at the very moment of detection
        after = (t > at - 2 * step) & (t <= at)
    if not after.any():  # silent since: no shift, whatever else that means
        return 0.0
    recent = ~after & (t <= at) & (t >= at - 2 * step)
    usual = level_shift(v[~after], v[after], floor=0.02)
    moved = [harmful(usual, direction)]
    if recent.any():
        ahead = float(np.median(v[after]))
        change = ahead - float(np.median(v[recent]))
        scale = ahead - float(np.median(v[~after]))
        moved.append(harmful(usual * change / scale if scale else 0.0, direction))
    weight = EITHER_WEIGHT if direction == "either" else 1.0
    return max(min(moved), 0.0) * weight


def _below_symptom(case: Case, shifts: Shifts) -> dict[str, float]:
    """+1 for services on an anomalous path from the symptom, +1 for the last one on it."""
    on_path = _anomalous_paths(case, shifts)
    scores = {}
    for service, (moved, _metric) in shifts.items():
        here = service in on_path and moved > ANOMALOUS
        callees = case.calls.get(service, ())
        last = here and not any(shifts.get(c, (0.0, ""))[0] > ANOMALOUS for c in callees)
        scores[service] = moved / MOST + here + last
    return scores


def _anomalous_paths(case: Case, shifts: Shifts) -> set[str]:
    seen = {case.symptom or ""}
    frontier = list(seen)
    while frontier:
        service = frontier.pop()
        for callee in case.calls.get(service, ()):
            if callee not in seen and shifts.get(callee, (0.0, ""))[0] > ANOMALOUS:
                seen.add(callee)
                frontier.append(callee)
    return seen


def _less_callees(case: Case, shifts: Shifts) -> dict[str, float]:
    scores = {}
    for service, (moved, _metric) in shifts.items():
        callees = case.calls.get(service, ())
        worst = max((shifts.get(callee, (0.0, ""))[0] for callee in callees), default=0.0)
        scores[service] = moved - EXPLAINED * min(moved, worst)
    return scores
