"""Who calls whom: what lies below, how far, and who lies above. PURE."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

Calls = Mapping[str, tuple[str, ...]]


def downwards(calls: Calls, starts: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The starts, at 0, and all below with the number of calls; nearest first, then by name."""
    seen = set(starts)
    frontier, steps = sorted(seen), 0
    while frontier:
        for each in frontier:
            yield each, steps
        found = {callee for each in frontier for callee in calls.get(each, ())} - seen
        seen |= found
        frontier, steps = sorted(found), steps + 1


def called_by(calls: Calls) -> dict[str, tuple[str, ...]]:
    """Who calls each, in the order of their names."""
    found: dict[str, list[str]] = defaultdict(list)
    for caller, callees in sorted(calls.items()):
        for callee in callees:
            found[callee].append(caller)
    return {callee: tuple(callers) for callee, callers in found.items()}
