"""Where it hurts and since when: the anomalous series of a case. PURE."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from attribution.attribute_case import Case, Series
from attribution.stats.lines import Floats
from attribution.stats.shifts import change_point, change_points, harmful, mean_shift

THRESHOLD = 4.5  # of a maximum over all splits, so well above 2
WINDOW_S = 1800.0
FEW = 12
SMOOTH = 5


Known = tuple[Series, Floats, Floats]  # t and v of it without gaps


@dataclass(frozen=True)
class Symptom:
    """Since `onset` the metric is worse by z standard errors; `peer` is the callee, if any."""

    service: str
    metric: str
    peer: str | None
    onset: float
    z: float
    step: float  # usual time between two points
    series: Series


def symptoms(case: Case) -> list[Symptom]:
    """The strongest first. A cohort's series counts only where nobody reports the whole."""
    whole = {(s.service, s.metric, s.peer) for s in case.series if s.cohort == "all"}
    chosen = [
        s for s in case.series if s.cohort == "all" or (s.service, s.metric, s.peer) not in whole
    ]
    found = [each for group in _by_length(chosen, case) for each in _symptoms(group, case)]
    return sorted(found, key=lambda each: (-each.z, each.service, each.metric, each.peer or ""))


def began_before(symptom: Symptom, moment: float) -> bool:
    """Was it already worse before `moment`, beyond what a wrong guess of the onset explains?"""
    tolerance = max(3 * symptom.step, 10.0)
    if symptom.onset > moment - tolerance:
        return False
    t, v = symptom.series.t, symptom.series.v
    early = v[(t >= symptom.onset) & (t < moment)]
    if np.isfinite(early).sum() < 3:
        return False
    return harmful(mean_shift(v[t < symptom.onset], early), symptom.series.direction) >= 3.0


def _by_length(series: Iterable[Series], case: Case) -> list[list[Known]]:
    """What of each is looked at; of one length together, so that thousands take milliseconds."""
    groups: dict[int, list[Known]] = defaultdict(list)
    for each in series:
        keep = np.isfinite(each.v)
        recent = keep & (each.t >= case.detected_at - WINDOW_S)
        keep = recent if recent.sum() >= FEW else keep
        groups[int(keep.sum())].append((each, each.t[keep], each.v[keep]))
    return [group for length, group in sorted(groups.items()) if length]


def _symptoms(group: list[Known], case: Case) -> Iterable[Symptom]:
    places, moved = change_points(np.stack([v for _, _, v in group]))
    for (series, t, v), place, z in zip(group, places.tolist(), moved.tolist(), strict=True):
        worse = harmful(z, series.direction)
        if worse >= THRESHOLD and place < v.size:
            yield _symptom(series, (t, v), place, worse, case.detected_at)


def _symptom(
    series: Series, known: tuple[Floats, Floats], place: int, z: float, detected_at: float
) -> Symptom:
    t, v = known
    step = float(np.median(np.diff(t)))
    # What came later, by a larger share it may be much worse, hides where it began.
    early = _onset(v[t <= detected_at + step], series.direction)
    found = latest_run(v, place, series.direction) if early is None else early
    return Symptom(series.service, series.metric, series.peer, float(t[found]), z, step, series)


def _onset(v: Floats, direction: str) -> int | None:
    place, moved = change_point(v)
    if harmful(moved, direction) < THRESHOLD or place >= v.size:
        return None
    return latest_run(v, place, direction)


def latest_run(v: Floats, place: int, direction: str) -> int:
    """Where the trouble that is there at the end began; an earlier one that passed is another.

    `place` is where the mean moved. From the end back, as long as the means of SMOOTH points lie
    beyond the middle between the level before and the worst level after.
    """
    if direction == "either" or place < 1:
        return place
    sign = -1.0 if direction == "decrease" else 1.0
    smooth = np.convolve(sign * v, np.ones(SMOOTH) / SMOOTH, mode="valid")
    if smooth.size == 0:
        return place
    before = float(np.median(sign * v[:place]))
    middle = (before + float(np.quantile(smooth, 0.9))) / 2
    calm = np.flatnonzero(smooth < middle)
    if calm.size == 0 or calm[-1] == smooth.size - 1:
        return place
    return max(place, min(int(calm[-1]) + SMOOTH, v.size - 1))
