"""When trouble begins, one cohort may be read a little before the other. PURE.

A source reads each instance at an offset of its own (Prometheus spreads its scrapes over the
interval), so what hits both cohorts at one moment can be in this interval of the canary and in the
next of the control, or the other way round. For that interval the canary looks harmed. Alignment
is not to be had: the counts between two scrapes are not told. So harm is believed only if it is
still harm when the control's trouble is counted an interval earlier and later as well, and when
what the canary has only just begun to show is left out until the control has had its turn.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from attribution.stats.shifts import MAD, two_shares
from rollout.readings import (
    direction_of,
    harm_of,
    level,
    place_of,
    samples,
    series_of,
    with_series,
)

# Standard errors between two intervals that tell a beginning from noise. Below it an interval is
# its own best witness; above it, so is its neighbour.
SIGNIFICANT = 3.0

Worse = Callable[[Any, Any], bool]


def aligned(case: Mapping[str, Any], until: float | None) -> dict[str, Any]:
    """The case with each interval's control as bad as its neighbours show it, and nothing compared
    where the canary turned bad and the control's next interval is not known. Up to `until`, from
    when on there is no control.
    """
    beside = sum(until is None or at <= until for at in case["t"])
    return {**case, "metrics": [_aligned(metric, beside) for metric in case["metrics"]]}


def _aligned(metric: Mapping[str, Any], beside: int) -> dict[str, Any]:
    if metric.get("error"):
        return dict(metric)
    worse = significantly_worse(metric)
    given, shown = list(series_of(metric, "control")), list(series_of(metric, "canary"))
    control, canary = list(given), list(shown)
    for i in range(beside):
        control[i] = _worst(given[max(0, i - 1) : min(i + 2, beside)], given[i], metric, worse)
        witnessed = i + 1 < beside and _told(metric, given[i + 1])
        before = shown[i - 1] if i and _told(metric, shown[i - 1]) else control[i]
        if not witnessed and worse(shown[i], before):
            control[i] = canary[i] = None
    return with_series(with_series(metric, "control", control), "canary", canary)


def _told(metric: Mapping[str, Any], reading: Any) -> bool:
    return samples(metric["kind"], reading) > 0


def _worst(around: Sequence[Any], own: Any, metric: Mapping[str, Any], worse: Worse) -> Any:
    beyond = [each for each in around if worse(each, own)]
    return max(beyond, key=harm_of(metric), default=own)


def significantly_worse(metric: Mapping[str, Any]) -> Worse:
    """Of two readings: is the first worse than the second by more than their noise? Of counts by
    the likelihood ratio of two shares; of levels by how far neighbours usually lie apart.
    """
    kind, harm = metric["kind"], harm_of(metric)
    noise = _steps(metric) if kind == "value" else 0.0

    def worse(one: Any, other: Any) -> bool:
        sizes = samples(kind, one), samples(kind, other)
        if min(sizes) <= 0:
            return False
        excess = harm(one) - harm(other)
        if kind == "value" or excess <= 0:
            return excess > SIGNIFICANT * noise
        events = [
            _share(metric, each) * size for each, size in zip((one, other), sizes, strict=True)
        ]
        return abs(two_shares((events[0], events[1]), sizes)) > SIGNIFICANT

    return worse


def _share(metric: Mapping[str, Any], reading: Any) -> float:
    return level(metric["kind"], [reading], direction_of(metric), place_of(metric)) or 0.0


def _steps(metric: Mapping[str, Any]) -> float:
    """How far neighbours of one series lie apart: a robust standard deviation; 0: not known, so
    that any step may be a beginning.
    """
    steps = [
        abs(after - before)
        for side in ("control", "canary")
        for before, after in pairwise(series_of(metric, side))
        if before is not None and after is not None
    ]
    return MAD * median(steps) if steps else 0.0
