"""One named finding in an artefact, and what a reader hands back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Severity = Literal["low", "medium", "high", "critical"]
Level = Severity
Reversibility = Literal["reversible", "costly", "irreversible"]

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
REVERSIBILITIES: tuple[Reversibility, ...] = ("reversible", "costly", "irreversible")


def rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)


def worst(severities: Iterable[Severity]) -> Severity:
    return max(severities, key=rank, default="low")


def least_reversible(options: Iterable[Reversibility]) -> Reversibility:
    return max(options, key=REVERSIBILITIES.index, default="reversible")


@dataclass(frozen=True, slots=True)
class Signal:
    """`where` is a JSON pointer into the artefact or `line N` of a text."""

    id: str
    severity: Severity
    summary: str
    where: str
    why: str
    remedy: str
    aliases: tuple[str, ...] = ()
    reversibility: Reversibility = "reversible"

    def as_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.id}
        if self.aliases:
            shown["aliases"] = list(self.aliases)
        return shown | {
            "severity": self.severity,
            "summary": self.summary,
            "where": self.where[:300],
            "why": self.why,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """What a reader reads. `before` is None when nobody said what ran until now."""

    artefact: Any
    before: Any
    path: str
    context: Mapping[str, Any]


class Reader(Protocol):
    """Artefact → signals on what the change *brings in*. Raises nothing for bad artefacts:
    what it cannot parse it answers with `unparsed`.
    """

    def __call__(self, source: Source, /) -> list[Signal]: ...


def unparsed(reason: str, where: str = "") -> Signal:
    return Signal(
        id="unparsed",
        severity="high",
        summary=f"The artefact could not be read: {reason}",
        where=where,
        why="What cannot be read cannot be called safe.",
        remedy="Submit the artefact in a form that Graygate reads, or have a person review it.",
    )


def no_artefact() -> Signal:
    return Signal(
        id="no_artefact",
        severity="medium",
        summary="The change carries no artefact",
        where="/artefact",
        why="Only its title says what it does; nothing could be inspected.",
        remedy="Send what will be applied as `artefact`, and what it replaces as `before`.",
    )


def no_before(summary: str, why: str, remedy: str, severity: Severity = "medium") -> Signal:
    """Nobody said what is there now: each reader tells what it cannot tell then."""
    return Signal("no_before", severity, summary, "/before", why, remedy)


def many_findings(left_out: int) -> Signal:
    return Signal(
        id="many_findings",
        severity="medium",
        summary=f"{left_out} more findings are not listed",
        where="",
        why="A change this wide cannot be reviewed one by one.",
        remedy="Split the change.",
    )
