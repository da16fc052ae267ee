"""Histograms' buckets as one distribution: {"bounds": [b1, …], "counts": [c0, …, cn]}. PURE.

counts[i] is how many observations were above bounds[i-1] and at most bounds[i]; the last one how
many were above all bounds.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from attribution.sources.answers import BUCKET, Found

Increments = Sequence[tuple[Found, float]]


def distribution(increments: Increments) -> dict[str, Any] | None:
    """None: there are no buckets, or what they say cannot be."""
    native = [(one, increase) for one, increase in increments if one.label(BUCKET)]
    return _of_native(native) if native else _of_classic(increments)


def _of_classic(increments: Increments) -> dict[str, Any] | None:
    """Cumulative buckets; of histograms with other bounds those that all of them have."""
    histograms: dict[object, dict[float, float]] = defaultdict(dict)
    for one, increase in increments:
        bound = _number(one.label("le"))
        if bound is None:
            return None
        rest = tuple(pair for pair in one.labels if pair[0] != "le")
        histograms[rest][bound] = histograms[rest].get(bound, 0.0) + increase
    if not histograms:
        return None
    common = sorted(set.intersection(*(set(buckets) for buckets in histograms.values())))
    if not common or common[-1] != math.inf:
        return None
    sums = [sum(buckets[bound] for buckets in histograms.values()) for bound in common]
    return _checked(common[:-1], [b - a for a, b in zip([0.0, *sums], sums, strict=False)])


def _of_native(increments: Increments) -> dict[str, Any] | None:
    """Where resolutions differ, the bounds that no bucket spans."""
    buckets = [(*_edges(one), increase) for one, increase in increments]
    edges = {edge for lower, upper, _ in buckets if lower < upper for edge in (lower, upper)}
    spans = [(lower, upper) for lower, upper, _ in buckets]
    bounds = sorted(edge for edge in edges if math.isfinite(edge) and not _within(edge, spans))
    counts = [0.0] * (len(bounds) + 1)
    for _lower, upper, increase in buckets:
        counts[bisect_left(bounds, upper)] += increase
    return _checked(bounds, counts)


def _within(edge: float, spans: Iterable[tuple[float, float]]) -> bool:
    return any(lower < edge < upper for lower, upper in spans)


def _edges(one: Found) -> tuple[float, float]:
    lower, _, upper = one.label(BUCKET).partition("|")
    return float(lower), float(upper)


def _checked(bounds: list[float], counts: list[float]) -> dict[str, Any] | None:
    if not all(math.isfinite(count) and count >= 0 for count in counts):
        return None
    return {"bounds": bounds, "counts": counts}


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return None if math.isnan(found) else found
