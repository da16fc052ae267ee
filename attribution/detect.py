"""detect(case): where does this series leave its own past? PURE.

1. **Deviation** r: from the median of the LEVEL points before, and likewise after taking away what
   the series did at the same time of up to seven earlier days, or of its own shorter cycles where
   it has such; the smallest of these counts. What any of the explanations covers is no anomaly.
2. **Statistic** m: the largest of the means of r/s over 1, 3 and 5 points (`stats/running_max.py`).
3. **Threshold**: FACTOR times the median of the running maxima of m over past windows, at least
   FLOOR.
4. **Score**: m/threshold below 1. From 1 on (an anomaly): 1 + m over the largest m of the last
   RECORD points, so that what was never seen ranks above what comes every night.

Each score uses points up to its own only: a prefix gives the same scores. An anomaly opens at a
score of 1 and closes after QUIET known points below LOW; a mean of 5 may keep it for 4 points too
long. A new level becomes normal when half of the LEVEL points lie on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.fields import choice, items, mapping, number, readings
from attribution.stats.lines import Floats
from attribution.stats.running_max import (
    WINDOW,
    largest_before,
    largest_short_mean,
    scale,
    standardised,
    trailing_median,
    usual_maximum,
)
from attribution.stats.season import DAY, own_cycle, same_time

FACTOR = 2.0
FLOOR = 4.0  # scales
OPENS = 1.0
LOW = 0.5
QUIET = 5  # points
LARGEST, LATEST = 1e150, 1e15  # values, seconds: their sums and squares stay finite
DIRECTIONS = ("increase", "decrease", "either")


@dataclass(frozen=True)
class Span:
    """Indices of the first point and of the last one not yet quiet; open: it had not closed."""

    first: int
    last: int
    open: bool


def detect(case: Mapping[str, Any]) -> dict[str, Any]:
    """{"id", "anomalies": [{"start", "end", "score", "outcome"}], "scores": one a point}.

    `outcome`: `recovered` (it went by itself), `new_level` (it stayed and has become normal) or
    `open` (under way at the last point). Raises CaseError. Times in seconds; points are taken in
    the order given: real series repeat an hour when clocks go back.
    """
    source = mapping(case, "")
    direction = choice(source, "direction", "", DIRECTIONS, "either")
    t, values = points(source)
    level = trailing_median(values)
    found = scores(np.asarray(t), values, level, direction)
    return {
        "id": source.get("id"),
        "anomalies": [
            {
                "start": t[span.first],
                "end": t[span.last],
                "score": round(float(found[span.first : span.last + 1].max()), 6),
                "outcome": outcome(values, level, span),
            }
            for span in spans(found, np.isfinite(values))
        ],
        "scores": [round(float(score), 6) for score in found],
    }


def points(source: Mapping[str, Any]) -> tuple[list[float], Floats]:
    """Times and values of a case, within what can be added up. Raises CaseError."""
    t = [
        number(at, f"/t/{place}", -LATEST, LATEST)
        for place, at in enumerate(items(source, "t", ""))
    ]
    v = readings(items(source, "v", ""), "/v")
    if len(t) != len(v):
        raise CaseError("unequal lengths", f"{len(t)} times, {len(v)} values", "/v")
    values = np.asarray(v, dtype=np.float64)
    beyond = np.flatnonzero(np.abs(values) > LARGEST)
    if beyond.size:
        raise CaseError("out of range", f"at most {LARGEST:g} either way", f"/v/{beyond[0]}")
    return t, values


def scores(t: Floats, values: Floats, level: Floats, direction: str) -> Floats:
    """Shape (T,), ≥ 0; 0 where nothing is known. `level`: the trailing median of the values."""
    if values.size == 0:
        return values
    deviation = unexplained(t, values, level)
    statistic = largest_short_mean(standardised(deviation, scale(deviation, level)), direction)
    threshold = np.maximum(FACTOR * usual_maximum(statistic), FLOOR)
    share = statistic / threshold
    rank = statistic / np.maximum(largest_before(statistic), FLOOR)
    return np.where(share >= OPENS, OPENS + rank, share)


def unexplained(t: Floats, values: Floats, level: Floats) -> Floats:
    """The smallest deviation of all explanations, with its sign; NaN while there is none."""
    deviation = values - level
    for period in (np.full(t.size, DAY), own_cycle(t, values)):
        rest = values - same_time(t, values, period)
        if np.isfinite(rest).any():
            other = rest - trailing_median(rest)
            deviation = np.where(np.abs(other) < np.abs(deviation), other, deviation)
    return deviation


def spans(found: Floats, known: np.typing.NDArray[np.bool_]) -> list[Span]:
    """Anomalies in order; unknown points are neither quiet nor loud."""
    result: list[Span] = []
    first, last, quiet = -1, -1, 0
    for index in np.flatnonzero(known):
        if found[index] >= OPENS and first < 0:
            first = int(index)
        if first < 0:
            continue
        if found[index] >= LOW:
            last, quiet = int(index), 0
            continue
        quiet += 1
        if quiet >= QUIET:
            result.append(Span(first, last, open=False))
            first, quiet = -1, 0
    return result if first < 0 else [*result, Span(first, last, open=True)]


def outcome(values: Floats, level: Floats, span: Span) -> str:
    """`new_level` if the QUIET values after it keep half of the way from the level before it.

    What lasts less than a window of the null cannot have become normal.
    """
    if span.open:
        return "open"
    old = level[span.first]
    away = np.nanmedian(values[span.first : span.last + 1]) - old
    after = values[span.last + 1 :]
    kept = np.median(after[np.isfinite(after)][:QUIET]) - old
    lasted = span.last - span.first + 1 >= WINDOW
    return "new_level" if lasted and kept * away > 0 and abs(kept) >= abs(away) / 2 else "recovered"
