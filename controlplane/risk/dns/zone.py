"""A zone: names, relative to it, and the record sets that they have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attribution.pointers import pointer_step
from controlplane.risk.documents import flatten, parse
from controlplane.risk.reading import UnreadableError

ROOT = ""
DEFAULT_TTL_S = 3600
MOST_RECORDS = 20_000
# Of a record set beside its values: settings of octoDNS and of its providers.
_VALUES = ("values", "value")


@dataclass(frozen=True, slots=True)
class RecordSet:
    name: str
    type: str
    ttl_s: int
    # Each value as text, in order.
    values: tuple[str, ...]

    @property
    def shown(self) -> str:
        return f"{self.name or '(the zone itself)'} {self.type}"[:120]

    @property
    def where(self) -> str:
        return "/" + pointer_step(self.name)


Zone = dict[tuple[str, str], RecordSet]  # by name and type


def zone_of(document: Any, path: str) -> Zone:
    """Raises UnreadableError."""
    parsed = parse(document, path) if isinstance(document, str) else document
    if not isinstance(parsed, Mapping):
        raise UnreadableError("a zone is an object of names, each with its record or records")
    flatten(parsed)  # within the limits of depth and size
    zone: Zone = {}
    for record in _records(parsed):
        zone[record.name, record.type] = record
        if len(zone) > MOST_RECORDS:
            raise UnreadableError(f"more than {MOST_RECORDS:,} record sets")
    return zone


def _records(parsed: Mapping[Any, Any]) -> Iterator[RecordSet]:
    for name, given in parsed.items():
        for one in given if isinstance(given, list) else [given]:
            if not isinstance(one, Mapping) or not isinstance(one.get("type"), str):
                raise UnreadableError("a record is an object with `type` and `value` or `values`")
            relative = ROOT if name in ("", "@", None) else str(name).lower()
            yield RecordSet(relative, one["type"].upper(), _ttl(one.get("ttl")), _values(one))


def _ttl(given: Any) -> int:
    if given is None:
        return DEFAULT_TTL_S
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise UnreadableError("`ttl` is a whole number of seconds")
    return given


def _values(record: Mapping[str, Any]) -> tuple[str, ...]:
    given: Any = next((record[key] for key in _VALUES if key in record), [])
    many = given if isinstance(given, list) else [given]
    return tuple(sorted(_text(value) for value in many))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={value[key]}" for key in sorted(value, key=str))
    return str(value)
