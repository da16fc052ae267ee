"""A moment that somebody else tells, kept only where PostgreSQL and Python both can hold it."""

from datetime import UTC, datetime
from typing import Any

from attribution.errors import CaseError

# With its offset, a moment at the edge of the calendar would be stored as a year that cannot be
# read back, and the row would break every list that it is on.
FIRST_YEAR, LAST_YEAR = 1970, 9999


def moment(value: Any, pointer: str) -> datetime:
    """ISO 8601 with its offset, in UTC. Raises CaseError."""
    try:
        told = datetime.fromisoformat(value) if isinstance(value, str) else None
        found = told.astimezone(UTC) if told is not None and told.tzinfo is not None else None
    except (ValueError, OverflowError):
        found = None
    if found is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        detail = (
            "expected a moment with its offset, such as 2026-01-31T12:00:00Z, "
            f"from {FIRST_YEAR} to {LAST_YEAR - 1}"
        )
        raise CaseError("not a moment", detail, pointer)
    return found
