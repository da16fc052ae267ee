"""An artefact beside what it replaces, line by line, with what was found at its lines. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from controlplane.risk.written import Written, written

MOST_LINES = 3_000  # of either side; comparing takes more than twice as long for twice as many
CONTEXT = 3


@dataclass(frozen=True)
class Line:
    """`sign`: + brought in, - taken out, blank as before. `found`: places in the list of signals.

    With `left_out` it stands for so many lines that are as before.
    """

    sign: str
    text: str
    old: int | None = None
    new: int | None = None
    found: tuple[int, ...] = ()
    left_out: int = 0


@dataclass(frozen=True)
class Shown:
    lines: list[Line]
    # Signals that are of no line that is shown.
    elsewhere: tuple[int, ...]
    # Only the beginning was looked at.
    cut: bool


def shown(before: Any, after: Any, wheres: Sequence[str]) -> Shown:
    """`wheres`: of each signal, as its reader told it. Without `before` nothing is called new."""
    old, new = (list(islice(written(each), MOST_LINES + 1)) for each in (before, after))
    cut = max(len(old), len(new)) > MOST_LINES
    old, new = old[:MOST_LINES], new[:MOST_LINES]
    at_new, at_old, elsewhere = _placed(wheres, old, new)
    if before is None:
        lines = [Line(" ", w.text, None, i + 1, at_new.get(i, ())) for i, w in enumerate(new)]
    else:
        lines = _folded(list(_compared(old, new, at_old, at_new)))
    return Shown(lines, elsewhere, cut)


# --- signals at their lines -----------------------------------------------------------------------


def _placed(
    wheres: Sequence[str], old: Sequence[Written], new: Sequence[Written]
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]], tuple[int, ...]]:
    """By line of the new and of the old, and what is of neither."""
    places = [{line.where: i for i, line in reversed(list(enumerate(side)))} for side in (new, old)]
    found: tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]] = ({}, {})
    elsewhere = []
    for signal, where in enumerate(wheres):
        side, line = _line_of(where, places)
        if line is None:
            elsewhere.append(signal)
        else:
            found[side][line] = (*found[side].get(line, ()), signal)
    return *found, tuple(elsewhere)


def _line_of(where: str, places: Sequence[Mapping[str, int]]) -> tuple[int, int | None]:
    """(0 the new or 1 the old, its line): the place itself, or the nearest around it."""
    pointer = where
    while pointer:
        for side, known in enumerate(places):
            if pointer in known:
                return side, known[pointer]
        pointer = pointer.rpartition("/")[0] if pointer.startswith("/") else ""
    return 0, None


# --- comparing ------------------------------------------------------------------------------------


def _compared(
    old: Sequence[Written],
    new: Sequence[Written],
    at_old: Mapping[int, tuple[int, ...]],
    at_new: Mapping[int, tuple[int, ...]],
) -> Iterator[Line]:
    matcher = SequenceMatcher(None, [w.text for w in old], [w.text for w in new])
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            for a, b in zip(range(i, j), range(k, m), strict=True):
                found = (*at_old.get(a, ()), *at_new.get(b, ()))
                yield Line(" ", new[b].text, a + 1, b + 1, found)
            continue
        for a in range(i, j):
            yield Line("-", old[a].text, a + 1, None, at_old.get(a, ()))
        for b in range(k, m):
            yield Line("+", new[b].text, None, b + 1, at_new.get(b, ()))


def _folded(lines: Sequence[Line]) -> list[Line]:
    """What is far from anything new or found is left out, and its length is told."""
    telling = [i for i, line in enumerate(lines) if line.sign != " " or line.found]
    near = {i for each in telling for i in range(each - CONTEXT, each + CONTEXT + 1)}
    kept: list[Line] = []
    for i, line in enumerate(lines):
        if i in near:
            kept.append(line)
        elif kept and kept[-1].left_out:
            kept[-1] = Line(" ", "", left_out=kept[-1].left_out + 1)
        else:
            kept.append(Line(" ", "", left_out=1))
    return kept
