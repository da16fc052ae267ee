"""What a configuration value looks like: told from the value alone, never from who uses it."""

import math
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

LONGEST = 2000  # characters of a value that are looked at; longer ones are text
TRUE_WORDS = frozenset({"true", "yes", "on", "enabled", "enable"})
FALSE_WORDS = frozenset({"false", "no", "off", "disabled", "disable"})

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:e[+-]?\d{1,3})?[fFdDlL]?")
_QUANTITY = re.compile(r"([+-]?\d{1,30}(?:\.\d{1,30})?)\s*([A-Za-zµ%]{1,20})")
_TEMPLATE = re.compile(r"\$\{|\$\(|\{\{|<%|%\(|^\$[A-Za-z_]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:/[^\s]*")
_PATH = re.compile(r"~?\.{0,2}/\S*|[A-Za-z]:\\\S*")
_CLASS = re.compile(r"[a-z_][\w$]*(?:\.[a-z_][\w$]*)*\.[A-Z][\w$]*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")

SECONDS = {
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), 1e-9),
    **dict.fromkeys(("us", "µs", "micros", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
BYTES = {
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **{
        prefix + suffix: 1024.0**power
        for power, prefix in enumerate("kmgtp", start=1)
        for suffix in ("", "b", "ib", "i")
    },
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in seconds, bytes or as a fraction where the unit is known, else as written.
    `m` alone is minutes or mebibytes; only two values with the same unit are compared then.
    """

    value: float
    unit: str
    known: bool


def text_of(value: Any) -> str:
    """Of a plain value; a list has no text, and no integer of thousands of digits is spelt out."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 1000:
        return "(a very large number)"
    return str(value).strip() if isinstance(value, str | int | float) else ""


def is_template(value: Any) -> bool:
    return isinstance(value, str) and _TEMPLATE.search(value[:LONGEST]) is not None


def is_empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def boolean_of(value: Any) -> bool | None:
    """None: not a boolean. 0 and 1 are numbers until the old value says otherwise."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def number_of(value: Any) -> float | None:
    """A finite number; None when it is not one. `1.2F` is one (Java writes them so)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        word = value.strip()[:100]
        if not _NUMBER.fullmatch(word):
            return None
        value = word.rstrip("fFdDlL")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[+-]?\d{1,40}[lL]?", value.strip()[:100]) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def quantity_of(value: Any) -> Quantity | None:
    """A number with a unit behind it, known or not."""
    match = _QUANTITY.fullmatch(value.strip()[:100]) if isinstance(value, str) else None
    if match is None:
        return None
    number, unit = float(match[1]), match[2].lower()
    if unit == "%":
        return Quantity(number / 100, unit, known=True)
    factor = SECONDS.get(unit) or BYTES.get(unit)
    if factor is None or unit == "m":
        return Quantity(number, unit, known=unit == "m")
    return Quantity(number * factor, unit, known=True)


def dimension(quantity: Quantity) -> str:
    if quantity.unit == "m":
        return "m"
    if quantity.unit in SECONDS:
        return "time"
    return "size" if quantity.unit in BYTES else quantity.unit


def is_url(value: Any) -> bool:
    return isinstance(value, str) and _URL.fullmatch(value.strip()[:LONGEST]) is not None


def is_path(value: Any) -> bool:
    return isinstance(value, str) and _PATH.fullmatch(value.strip()[:LONGEST]) is not None


def is_class_name(value: Any) -> bool:
    return isinstance(value, str) and _CLASS.fullmatch(value.strip()[:LONGEST]) is not None


def is_word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value.strip()[:100]) is not None


def is_ip(value: str) -> bool:
    try:
        ip_address(value.strip("[]"))
    except ValueError:
        return False
    return True


def split_port(value: str) -> tuple[str, str | None]:
    """`host:port` or `[v6]:port` → host, port; an IPv6 address alone keeps its colons."""
    if is_ip(value) or ":" not in value:
        return value, None
    host, _, port = value.rpartition(":")
    return host, port


def is_address(value: Any) -> bool:
    """IP address, with or without a port: the shapes that only an address has."""
    if not isinstance(value, str):
        return False
    host, port = split_port(value.strip()[:300])
    return is_ip(host) and (port is None or is_port(port))


def is_host(value: str) -> bool:
    """A name or address that could be resolved. A last label of digits only belongs to an IPv4
    address (RFC 3696, section 2), so `1.1.1.1.1.1` and `256.1.1.1` are no host names.
    """
    if value == "*" or is_ip(value):
        return True
    labels = value.rstrip(".").split(".")
    return all(_HOST_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def is_port(value: Any) -> bool:
    """0 lets the system choose; a text must be digits only."""
    word = text_of(value)[:10]
    return word.isascii() and word.isdigit() and int(word) <= 65535


def is_octal_mode(value: Any) -> bool:
    return re.fullmatch(r"0?o?[0-7]{3,4}", text_of(value)[:10]) is not None
