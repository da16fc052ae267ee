"""Segment F1 of anomalies against labelled segments.

Rule: an anomaly and a segment meet when they share a moment, both ends included. A segment that
meets an anomaly is one true positive however many anomalies it meets; one that meets none is a
false negative; an anomaly that meets no segment is a false positive. Counts are added up over all
series before F1 = 2·TP/(2·TP + FP + FN) is taken, so that a series without segments counts by its
false positives. How long an anomaly lasts earns nothing and costs nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Interval = tuple[float, float]
JOINED = 5  # flagged points at most so many apart are one anomaly: as long as `detect` waits


@dataclass(frozen=True)
class Counts:
    hits: int = 0
    missed: int = 0
    false: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.hits + other.hits, self.missed + other.missed, self.false + other.false)

    @property
    def precision(self) -> float:
        return self.hits / max(self.hits + self.false, 1)

    @property
    def recall(self) -> float:
        return self.hits / max(self.hits + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(2 * self.hits + self.false + self.missed, 1)


def meet(one: Interval, other: Interval) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def count(anomalies: Sequence[Interval], segments: Sequence[Interval]) -> Counts:
    hits = sum(any(meet(segment, each) for each in anomalies) for segment in segments)
    false = sum(not any(meet(each, segment) for segment in segments) for each in anomalies)
    return Counts(hits, len(segments) - hits, false)


def joined(flags: Iterable[bool], t: Sequence[float]) -> list[Interval]:
    """Flagged points as intervals of time."""
    spans: list[tuple[int, int]] = []
    for index, flagged in enumerate(flags):
        if flagged and spans and index - spans[-1][1] <= JOINED:
            spans[-1] = (spans[-1][0], index)
        elif flagged:
            spans.append((index, index))
    return [(t[first], t[last]) for first, last in spans]
