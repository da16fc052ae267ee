"""How shares, times and amounts are written for people. PURE: `now` is passed in."""

import math
from datetime import datetime, timedelta

# From here on the next unit is used for a time that is foretold.
_LARGEST = {"s": 90, "min": 90, "h": 48}
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def percent(share: float | None) -> str:
    """0.052 -> "5.2%". Two significant digits below 1%, none wasted on whole numbers."""
    if share is None:
        return "–"
    value = share * 100
    if 0 < abs(value) < 0.01:
        return "<0.01%"
    if abs(value) < 1:
        return f"{value:.2g}%"
    return f"{value:.1f}%".replace(".0%", "%")


def chance(probability: float | None) -> str:
    """Whole percents: attribution's figures do not bear more."""
    if probability is None:
        return "–"
    if 0 < probability < 0.01:
        return "<1%"
    return ">99%" if 0.99 < probability < 1 else f"{probability:.0%}"


def signed_percent(value: float | None) -> str:
    """An effect (canary/control - 1): from ×3 on a factor reads better than a percentage."""
    if value is None:
        return "–"
    if abs(value) < 0.0005:
        return "±0%"
    if value >= 2:
        return f"×{value + 1:.3g}"
    return ("+" if value > 0 else "−") + percent(abs(value))


def duration(span: timedelta | float | None) -> str:
    """The two largest units: "2 h 5 min", "14 s"."""
    if span is None:
        return "–"
    left = int(span.total_seconds() if isinstance(span, timedelta) else span)
    if left < 1:
        return "0 s"
    parts = []
    for size, name in _UNITS:
        if left >= size:
            parts.append(f"{left // size} {name}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2])


def about(seconds: float) -> str:
    """A time that is foretold, rounded up to what it bears: "40 s", "3 min", "2 h"."""
    if seconds > 30 * 86400:
        return "more than a month"
    for size, name, step in ((1, "s", 5), (60, "min", 1), (3600, "h", 1), (86400, "d", 1)):
        amount = math.ceil(seconds / size / step) * step
        if amount <= _LARGEST.get(name, math.inf):
            return f"{amount} {name}"
    return "–"


def rate(per_second: float, noun: str) -> str:
    """0.2 requests a second read better as 12 a minute."""
    if per_second >= 1:
        return f"{per_second:,.0f} {noun} a second"
    return f"{per_second * 60:.2g} {noun} a minute"


def times(factor: float) -> str:
    """A multiple, with two digits at the most that mean something: "3", "3.3", "26"."""
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.1f}".removesuffix(".0")


def ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "–"
    span = (now - at).total_seconds()
    if span < 0:
        return f"in {duration(-span)}"
    return "just now" if span < 2 else f"{duration(span)} ago"


def clock(at: datetime | None) -> str:
    """UTC, as everywhere in Graygate: the page says so once in its footer."""
    return "–" if at is None else at.strftime("%H:%M:%S")


def count(amount: float) -> str:
    return f"{amount:,.0f}"


def plural(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"
