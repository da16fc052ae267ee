"""An artefact as lines to read, each with its place. PURE.

A text is shown as it is. A document is written out with its keys in order, so that two of them
differ only where they differ. Secrets are hidden first (`hidden`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attribution.pointers import pointer_step
from controlplane.risk.hidden import DEEPER, HIDDEN, revealed

LONGEST_LINE = 500
# Of a place. What is further in has the place of what is nearest around it.
LONGEST_POINTER = 2_000


@dataclass(frozen=True)
class Written:
    """One line, and where it is: a JSON pointer, or `line N` of a text."""

    text: str
    where: str


def written(document: Any) -> Iterator[Written]:
    seen = revealed(document)
    if seen is None:
        return
    if isinstance(seen, str):
        for number, line in enumerate(seen.splitlines(), start=1):
            yield Written(line[:LONGEST_LINE], f"line {number}")
        return
    yield from _document(seen, "", "", 0)


def _document(value: Any, where: str, name: str, depth: int) -> Iterator[Written]:
    indent = "  " * max(depth - 1, 0)
    label = f"{indent}{name} " if name else indent
    if not isinstance(value, Mapping | list) or not value:
        yield Written((label + _leaf(value))[:LONGEST_LINE], where)
        return
    if name:
        yield Written(label.rstrip()[:LONGEST_LINE], where)
    for key, label_of, inner in _parts(value):
        yield from _document(inner, _below(where, key), label_of, depth + 1)


def _below(where: str, key: str) -> str:
    longer = f"{where}/{pointer_step(key)}"
    return longer if len(longer) <= LONGEST_POINTER else where


def _parts(value: Mapping[str, Any] | list[Any]) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), f"{key}:", value[key]) for key in sorted(value, key=str))
    else:
        yield from ((str(place), "-", inner) for place, inner in enumerate(value))


def _leaf(value: Any) -> str:
    return value if value in (HIDDEN, DEEPER) else json.dumps(value, ensure_ascii=False)
