"""Where the services of a call graph stand in a picture. PURE: the same calls, the same picture.

Left to right: who calls stands left of whom it calls, the service where it was noticed in between.
A column is the distance from there along the calls; within a column services stand near those that
call them, so that few lines cross. Of a large graph the part is shown that matters: the marked
services, with the calls that lead to them, and then the nearest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

MOST = 18
WIDE, HIGH = 200, 46
ACROSS, DOWN = 56, 18
BOW = 28
EDGE = 12

Calls = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Box:
    """One service; (x, y) is the corner at the top left."""

    name: str
    x: int
    y: int
    column: int

    @property
    def middle(self) -> int:
        return self.y + HIGH // 2


@dataclass(frozen=True)
class Arrow:
    """One call, as the path of an SVG."""

    caller: str
    callee: str
    path: str


@dataclass(frozen=True)
class Layout:
    boxes: list[Box]
    arrows: list[Arrow]
    width: int
    height: int
    # Services of the graph that are not shown.
    left_out: int


def lay_out(start: str, calls: Calls, marked: Sequence[str] = (), most: int = MOST) -> Layout:
    """`marked`: services that are to be seen, the most important first."""
    names = {start, *calls, *chain.from_iterable(calls.values())}
    shown = _shown(start, calls, [name for name in marked if name in names], most)
    inner = {name: tuple(sorted({*calls.get(name, ())} & shown - {name})) for name in sorted(shown)}
    columns = _arranged(_columns(start, inner), inner)
    tallest = max(len(column) for column in columns)
    boxes = [
        _box(name, place, row, tallest - len(column))
        for place, column in enumerate(columns)
        for row, name in enumerate(column)
    ]
    return Layout(
        boxes=boxes,
        arrows=_arrows(boxes, inner),
        # Room for a call that comes back to the last column.
        width=max(box.x for box in boxes) + WIDE + EDGE + BOW,
        height=2 * EDGE + tallest * (HIGH + DOWN) - DOWN,
        left_out=len(names) - len(shown),
    )


def _box(name: str, column: int, row: int, spare: int) -> Box:
    """A column that is shorter than the tallest stands in the middle."""
    y = EDGE + row * (HIGH + DOWN) + spare * (HIGH + DOWN) // 2
    return Box(name, EDGE + column * (WIDE + ACROSS), y, column)


# --- what is shown --------------------------------------------------------------------------------


def _shown(start: str, calls: Calls, marked: Sequence[str], most: int) -> set[str]:
    parents = _parents(start, calls)
    shown = {start}
    for name in marked:
        way = set(_way(name, parents))
        if len(shown | way) <= most:
            shown |= way
    for name in parents:  # the nearest first
        if len(shown) >= most:
            break
        shown.add(name)
    return shown


def _parents(start: str, calls: Calls) -> dict[str, str]:
    """Each service that is joined with `start`, nearest first, and the next one on the way there.

    First down the calls, then up: what is called may be to blame, who calls only suffers.
    """
    parents = {start: start}
    for joined in (calls, _callers(calls)):
        frontier = list(parents)
        while frontier:
            following = []
            for name in frontier:
                for other in sorted(set(joined.get(name, ())) - parents.keys()):
                    parents[other] = name
                    following.append(other)
            frontier = following
    return parents


def _callers(calls: Calls) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for caller, callees in calls.items():
        for callee in callees:
            found.setdefault(callee, []).append(caller)
    return found


def _way(name: str, parents: Mapping[str, str]) -> list[str]:
    """From the service to the start; one that is not joined with it stands alone."""
    way = [name]
    while parents.get(name, name) != name:
        name = parents[name]
        way.append(name)
    return way


# --- where it stands ------------------------------------------------------------------------------


def _columns(start: str, calls: Calls) -> dict[str, int]:
    """Distance down the calls; a caller stands one left of the first that it calls."""
    found = {start: 0}
    _spread(found, calls, 1)
    _spread(found, _callers(calls), -1)
    _spread(found, calls, 1)  # below those that call, but not below the start
    for name in calls:
        found.setdefault(name, 0)
    first = min(found.values())
    return {name: column - first for name, column in found.items()}


def _spread(found: dict[str, int], joined: Calls, step: int) -> None:
    frontier = sorted(found, key=lambda name: (step * found[name], name))
    while frontier:
        following = []
        for name in frontier:
            for other in joined.get(name, ()):
                if other not in found:
                    found[other] = found[name] + step
                    following.append(other)
        frontier = following


def _arranged(columns: Mapping[str, int], calls: Calls) -> list[list[str]]:
    """Services of each column from the top; twice, each near the mean place of its neighbours."""
    rows = [
        sorted(name for name in columns if columns[name] == place)
        for place in range(max(columns.values()) + 1)
    ]
    rows = [row for row in rows if row]
    callers = _callers(calls)
    for joined, order in ((callers, rows), (calls, rows[::-1])) * 2:
        place = _places(rows)
        for row in order:
            row.sort(key=lambda name: (_mean(joined.get(name, ()), place, place[name]), name))
            place |= _places([row])
    return rows


def _places(rows: Iterable[Sequence[str]]) -> dict[str, float]:
    """How far down each stands, 0 to 1."""
    return {name: (place + 0.5) / len(row) for row in rows for place, name in enumerate(row)}


def _mean(names: Sequence[str], place: Mapping[str, float], own: float) -> float:
    known = [place[name] for name in names if name in place]
    return sum(known) / len(known) if known else own


# --- the calls ------------------------------------------------------------------------------------


def _arrows(boxes: Sequence[Box], calls: Calls) -> list[Arrow]:
    by_name = {box.name: box for box in boxes}
    return [
        Arrow(caller, callee, _path(by_name[caller], by_name[callee]))
        for caller in by_name
        for callee in calls.get(caller, ())
    ]


def _path(caller: Box, callee: Box) -> str:
    """From the caller's side to the callee's; one that leads back lies below those that lead on,
    one within a column goes round on the right.
    """
    low = DOWN // 2
    if callee.column > caller.column:
        return _curve(caller.x + WIDE, caller.middle, callee.x, callee.middle, ACROSS // 2)
    if callee.column < caller.column:
        y0, y1 = caller.middle + low, callee.middle + low
        return _curve(caller.x, y0, callee.x + WIDE, y1, -ACROSS // 2)
    right, out = caller.x + WIDE, caller.x + WIDE + BOW
    y0, y1 = caller.middle + low, callee.middle
    return f"M{right} {y0} C{out} {y0} {out} {y1} {right} {y1}"


def _curve(x0: int, y0: int, x1: int, y1: int, bend: int) -> str:
    return f"M{x0} {y0} C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}"
