"""Reading one value out of a case, or saying which one is wrong (CaseError with its pointer)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.stats.lines import Floats

PLAIN: frozenset[type] = frozenset({int, float})
_MISSING = object()
INF = math.inf


def number(value: Any, pointer: str, low: float = -INF, high: float = INF) -> float:
    """A finite number within [low, high]; booleans and numeric strings are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CaseError("not a number", f"expected a number, got {_shown(value)}", pointer)
    try:
        found = float(value)
    except OverflowError:
        raise CaseError("out of range", "the number is too large", pointer) from None
    if not math.isfinite(found):
        raise CaseError("not a finite number", f"got {_shown(value)}", pointer)
    if not low <= found <= high:
        raise CaseError(
            "out of range", f"expected a number in [{low:g}, {high:g}], got {found:g}", pointer
        )
    return found


def optional_number(
    source: Mapping[str, Any],
    key: str,
    at: str,
    default: float,
    low: float = -INF,
    high: float = INF,
) -> float:
    value = source.get(key)
    return default if value is None else number(value, f"{at}/{key}", low, high)


def text(source: Mapping[str, Any], key: str, at: str) -> str:
    value = source.get(key)
    if not isinstance(value, str) or not value:
        raise CaseError("text missing", f"'{key}' must be a non-empty text", f"{at}/{key}")
    return value


def choice(
    source: Mapping[str, Any], key: str, at: str, allowed: tuple[str, ...], default: str | None
) -> str:
    value = source.get(key, default)
    if value not in allowed:
        detail = f"'{key}' must be one of {', '.join(allowed)}; got {_shown(value)}"
        raise CaseError("unknown choice", detail, f"{at}/{key}")
    return str(value)


def items(source: Mapping[str, Any], key: str, at: str, default: Any = _MISSING) -> list[Any]:
    """A JSON array; absent gives `default` when there is one, else an error."""
    value = source.get(key)
    if value is None and default is not _MISSING:
        return list(default)
    if not isinstance(value, list | tuple):
        raise CaseError("list missing", f"'{key}' must be a list", f"{at}/{key}")
    return list(value)


def mapping(value: Any, pointer: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CaseError("not an object", f"expected an object, got {_shown(value)}", pointer)
    return value


def times(values: list[Any], at: str) -> Floats:
    """Finite times that never fall (equal ones happen: clocks are set back, exporters repeat)."""
    found = _numbers(values, at, PLAIN)
    falls = np.flatnonzero(np.diff(found) < 0)
    if falls.size:
        raise CaseError(
            "times fall", "none may be earlier than the one before", f"{at}/{int(falls[0]) + 1}"
        )
    return found


def readings(values: list[Any], at: str) -> Floats:
    """Finite numbers or null; null becomes NaN."""
    return _numbers(values, at, PLAIN | {type(None)})


def _numbers(values: list[Any], at: str, allowed: frozenset[type]) -> Floats:
    """All at once where all are what they look like; one by one to say which one is not."""
    if set(map(type, values)) <= allowed:
        try:
            found = np.array(values, dtype=np.float64)
        except OverflowError:
            found = np.array([math.inf])
        if int(np.isfinite(found).sum()) == len(values) - values.count(None):
            return found
    null = type(None) in allowed
    return np.array(
        [
            math.nan if null and value is None else number(value, f"{at}/{index}")
            for index, value in enumerate(values)
        ],
        dtype=np.float64,
    )


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
