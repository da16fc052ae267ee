"""Kubernetes' quantities, percentages and durations of time as numbers."""

import math
import re
from typing import Any

_QUANTITY = re.compile(r"([+-]?\d{1,18}(?:\.\d{0,9})?)(?:[eE]([+-]?\d{1,2}))?([A-Za-z]{0,2})")
_UNITS = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "E": 1e18, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
    "Ei": 2.0**60,
}  # fmt: skip


def quantity(value: Any) -> float | None:
    """`500m` → 0.5, `128Mi` → bytes; None for what is no quantity."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e24 else None
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[3] not in _UNITS:
        return None
    return float(match[1]) * 10.0 ** int(match[2] or 0) * _UNITS[match[3]]


def share_of(value: Any, whole: int) -> int | None:
    """`50%` of `whole`, rounded up as the disruption controller does; a number is itself."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    percent = percentage(value)
    return None if percent is None else math.ceil(percent * whole / 100)


def percentage(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,6}%", value.strip()):
        return float(value.strip()[:-1])
    return None
