"""What an import has found, and what it could not carry over. PURE."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attribution.errors import CaseError
from attribution.guardrails import LONGEST_NAME, parse_guardrail
from attribution.pointers import pointer_step
from controlplane.configuration.texts import Tree
from controlplane.importing.ratios import Query

_BLANKS = re.compile(r"\s+")
_LEVEL = (
    "a level: where the canary is there only since the rollout it stays inconclusive, and the "
    "rollout never passes; then take it out, or give it as a histogram or as counts"
)


@dataclass(frozen=True)
class Note:
    place: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.why}"


@dataclass(frozen=True)
class Asked:
    """What the operator says besides the files."""

    service: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Found:
    guardrails: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    # How many metrics there were, and how many of them became guardrails.
    metrics: int = 0


@dataclass(frozen=True)
class Place:
    """One object of a document: where notes on it point to."""

    file: str
    tree: Tree
    pointer: str
    found: Found

    @property
    def value(self) -> Any:
        value = self.tree.value
        for step in self.pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list):
                within = key.isdecimal() and int(key) < len(value)
                value = value[int(key)] if within else None
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def at(self, pointer: str) -> "Place":
        return Place(self.file, self.tree, f"{self.pointer}{pointer}", self.found)

    def mapping(self, pointer: str = "") -> Mapping[str, Any]:
        """Empty where it is none; that is told."""
        place = self.at(pointer)
        if isinstance(place.value, Mapping):
            return place.value
        if place.value is not None:
            place.note("", "an object is wanted here")
        return {}

    def items(self, pointer: str = "") -> list["Place"]:
        place = self.at(pointer)
        if not isinstance(place.value, list):
            if place.value is not None:
                place.note("", "a list is wanted here")
            return []
        return [place.at(f"/{index}") for index in range(len(place.value))]

    def text(self, pointer: str) -> str:
        value = self.at(pointer).value
        return value if isinstance(value, str) else ""

    def note(self, pointer: str, why: str) -> None:
        at = f"{self.pointer}{pointer}"
        what = at.lstrip("/").replace("/", ".") or "document"
        self.found.notes.append(Note(f"{self.file}:{self.tree.line(at)}", what, why))

    def rest(self, carried: set[str], why: Mapping[str, str]) -> None:
        """Notes on every member that is not carried over; an unknown one, too."""
        for key in self.mapping():
            if key not in carried:
                self.note(
                    f"/{pointer_step(key)}",
                    why.get(key, "not known to this import: not carried over"),
                )


def add(place: Place, name: str, service: str, query: Query, more: Mapping[str, Any]) -> None:
    """One guardrail, as apply takes it; or a note why not."""
    if not service:
        place.note("", "not carried over: it does not say which service it is of; name it")
        return
    spec: dict[str, Any] = {
        "source": "prometheus",
        "kind": query.kind,
        "direction": query.direction,
    }
    spec |= query.queries
    if query.params:
        spec["params"] = dict(query.params)
    spec |= {key: value for key, value in more.items() if value is not None}
    # Else people read of a success rate of 30% what is one of failures.
    told = f"{name} (failures)" if query.turned else name
    spec["name"] = _free(_named(told), service, place.found)
    try:
        parse_guardrail(spec, "")
    except CaseError as problem:
        place.note("", f"not carried over: {problem}")
        return
    for remark in (*query.remarks, *_of_a_level(query.kind)):
        place.note("", remark)
    place.found.guardrails.append({"service": service, **spec})


def _of_a_level(kind: str) -> tuple[str, ...]:
    """A canary that a rollout makes has no past to compare a level with."""
    if kind != "value":
        return ()
    return (_LEVEL,)


def _named(name: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in name)
    return _BLANKS.sub(" ", printable).strip()[:LONGEST_NAME].strip() or "unnamed"


def _free(name: str, service: str, found: Found) -> str:
    taken = {each["name"] for each in found.guardrails if each["service"] == service}
    number, free = 2, name
    while free in taken:
        free = f"{name[: LONGEST_NAME - 8]} {number}"
        number += 1
    return free
