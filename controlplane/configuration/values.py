"""Single values of a body: as they are or refused, with a pointer. PURE."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from attribution.errors import CaseError
from attribution.fields import mapping
from attribution.moments import FIRST_YEAR, LAST_YEAR
from attribution.pointers import pointer_step

# Safe in an address, in a log line, in a metric's label and as a file's name.
NAME = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}"
_NAME = re.compile(NAME)


def is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def known_only(body: Mapping[str, Any], known: Collection[str], at: str) -> None:
    for key in body:
        if key not in known:
            raise CaseError(
                "Unknown field", f"Known: {', '.join(known)}.", f"{at}/{pointer_step(key)}"
            )


def told(value: Any, at: str, longest: int) -> str:
    """A text that is neither empty nor able to order a terminal about, without blanks around."""
    if not isinstance(value, str):
        raise CaseError("Not a text", "A text is wanted here.", at)
    if any(unicodedata.category(each) == "Cc" and each not in "\n\t" for each in value):
        raise CaseError("Not a text", "Control characters are not taken here.", at)
    found = value.strip()
    if not 0 < len(found) <= longest:
        raise CaseError("Not a text", f"A text of 1 to {longest} letters is wanted here.", at)
    return found


def told_in(
    body: Mapping[str, Any], key: str, at: str, longest: int, default: str | None = None
) -> str:
    """The text under `key`; without a default it has to be there."""
    if key not in body and default is not None:
        return default
    if key not in body:
        raise CaseError("Missing", f"{key!r} is required.", f"{at}/{key}")
    return told(body[key], f"{at}/{key}", longest)


def whole_in(body: Mapping[str, Any], key: str, at: str, default: int, high: int) -> int:
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        detail = f"A whole number from 0 to {high} is wanted here."
        raise CaseError("Not a whole number", detail, f"{at}/{key}")
    return value


def list_in(body: Mapping[str, Any], key: str, at: str, most: int) -> list[Any]:
    value = body.get(key, [])
    if not isinstance(value, list):
        raise CaseError("Not a list", "A list is wanted here.", f"{at}/{key}")
    if len(value) > most:
        raise CaseError("Too many", f"At most {most:,} are taken here.", f"{at}/{key}")
    return value


def different_texts(body: Mapping[str, Any], key: str, at: str, most: int) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for index, value in enumerate(list_in(body, key, at, most)):
        text = told(value, f"{at}/{key}/{index}", 200)
        if text in seen:
            raise CaseError("Twice", f"{text!r} stands here twice.", f"{at}/{key}/{index}")
        seen.add(text)
        found.append(text)
    return found


def moment_in(body: Mapping[str, Any], key: str, at: str) -> datetime | None:
    """ISO 8601; without an offset it is UTC. Absent or null: None."""
    value = body.get(key)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None:
            found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        detail = "A moment such as 2026-01-31T12:00:00Z is wanted here."
        raise CaseError("Not a moment", detail, f"{at}/{key}")
    if not FIRST_YEAR <= found.year < LAST_YEAR:
        detail = f"A moment from {FIRST_YEAR} to {LAST_YEAR - 1} is wanted here."
        raise CaseError("Not a moment", detail, f"{at}/{key}")
    return found


def mapping_in(body: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    """Absent: empty. Null is none."""
    return mapping(body.get(key, {}), f"{at}/{key}")
