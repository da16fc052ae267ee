"""JSON that PostgreSQL is able to keep: bounded depth, no NUL, no half of a surrogate pair."""

import math
from collections.abc import Mapping
from typing import Any

from attribution.errors import CaseError
from attribution.pointers import below

MOST_LEVELS = 100
MOST_VALUES = 200_000


def check_storable(value: Any) -> None:
    """Raises CaseError with the pointer of what cannot be kept. Iterative: depth is hostile."""
    todo: list[tuple[str, Any, int]] = [("", value, 0)]
    seen = 0
    while todo:
        pointer, one, level = todo.pop()
        seen += 1
        if level > MOST_LEVELS or seen > MOST_VALUES:
            limit = f"at most {MOST_LEVELS} levels and {MOST_VALUES:,} values"
            raise CaseError("too large", limit, pointer)
        if isinstance(one, Mapping):
            for key, inner in one.items():
                _check_text(str(key), pointer)
                todo.append((below(pointer, key), inner, level + 1))
        elif isinstance(one, list):
            todo += [(below(pointer, index), inner, level + 1) for index, inner in enumerate(one)]
        elif isinstance(one, str):
            _check_text(one, pointer)
        elif isinstance(one, float) and not math.isfinite(one):
            raise CaseError("not a finite number", "JSON has no NaN and no infinity", pointer)


def no_constant(name: str) -> float:
    """For `parse_constant` of json.loads: NaN and Infinity."""
    raise ValueError(f"{name} is not a JSON value")


def finite(text: str) -> float:
    """For `parse_float` of json.loads: 1e400."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_text(text: str, pointer: str) -> None:
    if not is_storable(text):
        raise CaseError("not a text", "it holds a NUL or half a character", pointer)
