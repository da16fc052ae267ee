"""Reads of one distribution, {"bounds": [b1, …], "counts": [c0, …, cn]} each, side by side. PURE.

counts[i] is how many observations were above bounds[i-1] and at most bounds[i]. Bounds may change
from read to read: a native histogram tells only the buckets that hold something, and a new version
may bring buckets of its own.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Histogram = Mapping[str, Any]
TAIL = 0.1  # of the control's observations: where slow ones are looked at, as in `effects`


def histogram_of(stored: Any) -> Histogram | None:
    """What a sample holds, if it is a histogram that can be read."""
    if not isinstance(stored, Mapping):
        return None
    bounds, counts = stored.get("bounds"), stored.get("counts")
    if not isinstance(bounds, list) or not isinstance(counts, list):
        return None
    ascending = all(low < high for low, high in pairwise(bounds))
    return stored if ascending and len(counts) == len(bounds) + 1 else None


def comparable(one: Histogram) -> bool:
    """It has bounds, or nothing to tell. Counts without any bound are on no side of anything."""
    return bool(one["bounds"]) or not any(one["counts"])


def common_bounds(reads: Iterable[Histogram]) -> list[float]:
    """The bounds on which it is known, of every read, how many observations are on either side.

    That is where a read has the bound itself, or nothing in the bucket around it.
    """
    layouts: dict[tuple[float, ...], list[float]] = {}
    for one in reads:
        key = tuple(one["bounds"])
        known = layouts.get(key)
        layouts[key] = list(one["counts"]) if known is None else added(known, one["counts"])
    found = sorted(set().union(*layouts))
    for bounds, counts in layouts.items():
        found = [bound for bound in found if _splits_nothing(bound, bounds, counts)]
    return found


def _splits_nothing(bound: float, bounds: Sequence[float], counts: Sequence[float]) -> bool:
    place = bisect_left(bounds, bound)
    return (place < len(bounds) and bounds[place] == bound) or not counts[place]


def counts_on(one: Histogram, bounds: Sequence[float]) -> list[float]:
    """The same observations on other bounds, none of which may split a bucket that holds some."""
    edges = [*one["bounds"], float("inf")]
    found = [0.0] * (len(bounds) + 1)
    for upper, count in zip(edges, one["counts"], strict=True):
        found[bisect_left(bounds, upper)] += count
    return found


def added(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a + b for a, b in zip(one, other, strict=True)]


def beyond(counts: Sequence[float], place: int, direction: str) -> float:
    """Observations above bound `place`; where a decrease harms, those at most there."""
    return float(sum(counts[: place + 1] if direction == "decrease" else counts[place + 1 :]))


def telling_place(
    bounds: Sequence[float],
    control: Iterable[Sequence[float] | None],
    direction: str,
    bound: float | None = None,
) -> int:
    """Which bound tells a person most: `bound`, else the nearest to the control's worst tenth."""
    if bound is not None:
        return min(range(len(bounds)), key=lambda place: abs(bounds[place] - bound))
    sums: dict[int, float] = defaultdict(float)
    for counts in control:
        for place, count in enumerate(counts or ()):
            sums[place] += count
    counts = [sums[place] for place in range(len(bounds) + 1)]
    total = max(sum(counts), 1.0)
    return min(
        range(len(bounds)),
        key=lambda place: abs(beyond(counts, place, direction) / total - TAIL),
    )
