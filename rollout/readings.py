"""What one metric of a judge's case holds, by its kind. PURE.

A reading is [events, total] of a ratio, a number of a value, the counts of a distribution; None:
nothing was reported.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attribution.histograms import beyond, telling_place


def series_of(metric: Mapping[str, Any], cohort: str) -> Sequence[Any]:
    """The cohort's readings, in time order."""
    found = metric[cohort]
    counts: Sequence[Any] = found["counts"] if isinstance(found, Mapping) else found
    return counts


def with_series(metric: Mapping[str, Any], cohort: str, readings: Sequence[Any]) -> dict[str, Any]:
    found = metric[cohort]
    whole = {**found, "counts": readings} if isinstance(found, Mapping) else readings
    return {**metric, cohort: whole}


def merged(kind: str, readings: Sequence[Any]) -> Any:
    """Reads that fell into one slot, because reads are a little early or late: counts are added
    up, of levels the mean counts.
    """
    if not readings:
        return None
    if kind == "value":
        return sum(readings) / len(readings)
    return [sum(parts) for parts in zip(*readings, strict=True)]


def samples(kind: str, reading: Any) -> float:
    """How many observations it stands for; 0: it says nothing."""
    if reading is None:
        return 0.0
    if kind == "value":
        return 1.0
    return float(sum(reading) if kind == "distribution" else reading[1])


def place_of(metric: Mapping[str, Any]) -> int | None:
    """Which bound of a distribution is spoken of; None: of other kinds."""
    if metric["kind"] != "distribution":
        return None
    bound = (metric.get("params") or {}).get("bound")
    control = metric["control"]
    return telling_place(control["bounds"], control["counts"], direction_of(metric), bound)


def direction_of(metric: Mapping[str, Any]) -> str:
    return str(metric.get("direction") or "increase")


def level(
    kind: str, readings: Sequence[Any], direction: str, place: int | None = None
) -> float | None:
    """Share of events, mean, or share beyond a bound, of all the readings; None: nothing there."""
    told = [each for each in readings if samples(kind, each) > 0]
    if not told:
        return None
    if kind == "value":
        return float(sum(told) / len(told))
    total = sum(samples(kind, each) for each in told)
    if place is not None:
        return sum(beyond(each, place, direction) for each in told) / total
    return float(sum(each[0] for each in told) / total)


def sign_of(kind: str, direction: str) -> int:
    """1 where a larger `level` is worse. Beyond a bound is always the worse side."""
    return -1 if direction == "decrease" and kind != "distribution" else 1


def harm_of(metric: Mapping[str, Any]) -> Callable[[Any], float]:
    """How bad one reading is; where both ways harm, how far it is from the control."""
    kind, direction, place = metric["kind"], direction_of(metric), place_of(metric)
    sign = sign_of(kind, direction)
    usual = level(kind, series_of(metric, "control"), direction, place) or 0.0

    def harm(reading: Any) -> float:
        found = level(kind, [reading], direction, place) or 0.0
        return abs(found - usual) if direction == "either" else sign * found

    return harm
