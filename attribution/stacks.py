"""Series on one time axis as rows of one matrix, so that thousands are looked at at once. PURE."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from attribution.attribute_case import Series
from attribution.stats.lines import Flags, Floats


@dataclass(frozen=True)
class Stack:
    """t (T,); v (S,T) with NaN where nothing was reported; n (S,T) or None, as all of them have."""

    series: tuple[Series, ...]
    t: Floats
    v: Floats
    n: Floats | None

    @property
    def step(self) -> float:
        """Usual time between two points; 0 with fewer than two."""
        return float(np.median(np.diff(self.t))) if self.t.size > 1 else 0.0

    def rows(self, chosen: Flags) -> "Stack":
        """Those of `chosen` (S,)."""
        series = tuple(each for each, kept in zip(self.series, chosen, strict=True) if kept)
        return Stack(series, self.t, self.v[chosen], None if self.n is None else self.n[chosen])

    def each(self) -> Iterator["Stack"]:
        """One row at a time, without its gaps."""
        for row, series in enumerate(self.series):
            there = np.isfinite(self.v[row : row + 1])
            if self.n is not None:
                there &= self.n[row : row + 1] > 0
            n = None if self.n is None else self.n[row : row + 1, there[0]]
            yield Stack((series,), self.t[there[0]], self.v[row : row + 1, there[0]], n)


def stacks(series: Iterable[Series]) -> list[Stack]:
    groups: dict[tuple[bytes, bool], list[Series]] = defaultdict(list)
    for each in series:
        groups[each.t.tobytes(), each.n is None].append(each)
    return [_stack(tuple(group)) for group in groups.values()]


def _stack(group: tuple[Series, ...]) -> Stack:
    counts = [each.n for each in group if each.n is not None]
    v = np.stack([each.v for each in group])
    return Stack(group, group[0].t, v, np.stack(counts) if counts else None)
