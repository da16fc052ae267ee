"""One key of a configuration that a change adds, removes or sets anew."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from controlplane.risk import names
from controlplane.risk.shapes import text_of
from controlplane.risk.signals import Severity, Signal


class Missing(Enum):
    """Unlike None, which a document may hold."""

    ABSENT = "absent"


ABSENT = Missing.ABSENT
_PERHAPS_SECRET = {"key", "cert", "certificate", "dsn", "pass", "pin", "passcode", "otp", "salt"}


@dataclass(frozen=True, slots=True)
class Edit:
    pointer: str
    old: Any
    new: Any

    @property
    def key(self) -> str:
        return self.pointer.lstrip("/").replace("~1", "/").replace("~0", "~")[-200:]

    @property
    def named(self) -> frozenset[str]:
        return names.words(self.pointer)

    @property
    def tail(self) -> frozenset[str]:
        return names.last_words(self.pointer)

    @property
    def added(self) -> bool:
        return self.old is ABSENT

    @property
    def removed(self) -> bool:
        return self.new is ABSENT

    @property
    def step(self) -> str:
        """`old → new` for a sentence; never of a key that could hold a secret."""
        if self.named & (names.SECRET | _PERHAPS_SECRET):
            return "(values hidden)"
        return f"{_shown(self.old)} → {_shown(self.new)}"

    def signal(self, name: str, severity: Severity, summary: str, why: str, remedy: str) -> Signal:
        return Signal(
            id=name,
            severity=severity,
            summary=f"{self.key}: {summary}",
            where=self.pointer,
            why=why,
            remedy=remedy,
        )


Rule = Callable[[Edit], Signal | None]


def _shown(value: Any) -> str:
    """A value that carries a login or a key is a secret whatever its key is called."""
    if value is ABSENT:
        return "(absent)"
    if names.holds_secret(value):
        return "(hidden)"
    text = str(value) if isinstance(value, list | dict) or value is None else text_of(value)
    return text if len(text) <= 60 else text[:57] + "…"


def edits(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Edit]:
    """Only what differs; 1, 1.0 and True are three different values here."""
    for pointer in sorted(before.keys() | after.keys()):
        old, new = before.get(pointer, ABSENT), after.get(pointer, ABSENT)
        if type(old) is not type(new) or old != new:
            yield Edit(pointer, old, new)
