"""Settings by what they mean: `retention.ms`, `MessageRetentionPeriod` and `max_age` are one."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from controlplane.risk import documents
from controlplane.risk.documents import MOST_ENTRIES
from controlplane.risk.edits import ABSENT, Edit
from controlplane.risk.reading import MOST_CHARACTERS, UnreadableError
from controlplane.risk.shapes import boolean_of, number_of, quantity_of, text_of
from controlplane.risk.signals import (
    Reversibility,
    Severity,
    Signal,
    Source,
    no_before,
    rank,
    unparsed,
)

MOST_SIGNALS = 200
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
# Prefixes that say for whom a setting is: RabbitMQ's arguments, a broker's defaults.
_PREFIX = re.compile(r"^(?:(?:x|log|default|topic|num|spring|cache|redis)_)+(?=.)")
_UNIT = re.compile(r"_(ms|millis|milliseconds|s|sec|secs|seconds|minutes|hours|days)$")
_SECONDS = {"m": 1e-3, "s": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
_DIRECTIVE = re.compile(r"([a-z][a-z0-9-]{1,60})\s+(\S.{0,2000})")

Concepts = Mapping[str, frozenset[str]]  # by what it means, the names that it has


@dataclass(frozen=True, slots=True)
class Setting:
    pointer: str
    name: str
    value: Any

    @property
    def unit_s(self) -> float:
        """What one of a plain number is, by the name; RabbitMQ's TTL is in milliseconds."""
        unit = _UNIT.search(self.name)
        if self.name == "message_ttl":
            return 1e-3
        if unit is None:
            return 1.0
        return _SECONDS.get(unit[1]) or _SECONDS[unit[1][0]]

    @property
    def amount(self) -> float | None:
        """A plain number as it is, one with a unit in bytes (or seconds)."""
        return self._measured(minor=float(2**20))

    @property
    def seconds(self) -> float | None:
        """-1 and null are for ever."""
        number = number_of(self.value)
        if self.value is None or (number is not None and number < 0):
            return math.inf
        return self._measured(minor=60.0, plain=self.unit_s)

    def _measured(self, minor: float, plain: float = 1.0) -> float | None:
        """`minor`: what `m` alone is, by what is measured: a minute or a mebibyte."""
        quantity, number = quantity_of(self.value), number_of(self.value)
        if quantity and quantity.known:
            return quantity.value * (minor if quantity.unit == "m" else 1.0)
        return None if number is None else number * plain

    @property
    def switch(self) -> bool | None:
        number = None if isinstance(self.value, bool) else number_of(self.value)
        return number == 1 if number in (0.0, 1.0) else boolean_of(self.value)


@dataclass(frozen=True, slots=True)
class Step:
    """One setting that a change sets anew or takes out; added ones have nothing they replace."""

    concept: str
    old: Setting
    new: Setting | None

    def told(self, name: str, severity: Severity, summary: str, why: str, remedy: str) -> Signal:
        new = self.new.value if self.new else ABSENT
        pointer = self.new.pointer if self.new else self.old.pointer
        edit = Edit(pointer, self.old.value, new)
        return edit.signal(name, severity, f"{summary} ({edit.step})", why, remedy)


# By the thing that has it, what it means, and its name without the unit: `retention.ms` takes
# the place of `retention.hours`, but a cache's version not that of its prefix.
Settings = dict[tuple[str, str, str], Setting]
Rule = Callable[[Step, Mapping[str, Any]], Iterator[Signal]]


def lasting(signal: Signal, reversibility: Reversibility) -> Signal:
    return replace(signal, reversibility=reversibility)


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


def flat(document: Any, path: str, concepts: Concepts) -> dict[str, Any]:
    """Raises UnreadableError. Beside the usual formats directives, as Redis has them."""
    try:
        return documents.read(document, path)
    except UnreadableError:
        if not isinstance(document, str) or len(document) > MOST_CHARACTERS:
            raise
        found = _directives(document)
        # Two words are a sentence as well: something in it has to be known.
        if not path.endswith(".conf") and not settings_of(found, concepts):
            raise
        if not found:
            raise
        return found


def _directives(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for raw in text.removeprefix("\ufeff").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _DIRECTIVE.fullmatch(line)
        if match is None or len(found) > MOST_ENTRIES:
            return {}
        value = match[2].strip().strip("\"'")
        pointer = f"/{match[1]}"
        # Some may be given several times, such as when to save.
        found[pointer] = f"{found[pointer]} {value}" if pointer in found else value
    return found


def settings_of(values: Mapping[str, Any], concepts: Concepts) -> Settings:
    meaning = {name: concept for concept, names in concepts.items() for name in names}
    found: Settings = {}
    for pointer, value in values.items():
        parent, _, last = pointer.rpartition("/")
        name = _normal(last)
        stem = _UNIT.sub("", name)
        concept = meaning.get(name) or meaning.get(stem)
        if concept:
            found[parent, concept, stem] = Setting(pointer, name, value)
    return found


def _normal(key: str) -> str:
    last = "_".join(part.lower() for part in _SPLIT.split(key[-200:]) if part)
    return _PREFIX.sub("", last)


def steps(before: Settings, after: Settings) -> Iterator[Step]:
    for key in sorted(before):
        old, new = before[key], after.get(key)
        if new is None or type(old.value) is not type(new.value) or old.value != new.value:
            yield Step(key[1], old, new)


def compare(
    source: Source,
    concepts: Concepts,
    rules: Mapping[str, Rule],
    whole: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Signal]] | None = None,
) -> list[Signal]:
    try:
        after = flat(source.artefact, source.path, concepts)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    if source.before is None:
        return [_no_before()]
    try:
        before = flat(source.before, source.path, concepts)
    except UnreadableError as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    changed = steps(settings_of(before, concepts), settings_of(after, concepts))
    found = [signal for step in changed for signal in rules[step.concept](step, source.context)]
    gone = list(whole(before, after)) if whole else []
    # Of what is taken out as a whole nothing else is worth telling.
    inside = tuple(f"{signal.where}/" for signal in gone)
    found = gone + [signal for signal in found if not signal.where.startswith(inside)]
    return sorted(found, key=lambda signal: -rank(signal.severity))[:MOST_SIGNALS]


def weakened(step: Step, strength: Mapping[str, int]) -> bool | None:
    """None: one of the two is not on the scale."""
    old = strength.get(text_of(step.old.value).lower())
    new = strength.get(text_of(step.new.value).lower()) if step.new else None
    return None if old is None or new is None else new < old


def defaulted(step: Step) -> Signal:
    return step.told(
        "setting_defaulted",
        "medium",
        "is set no longer",
        "What the server takes then stands elsewhere, and may be another on each of them.",
        "Write down the value that is meant.",
    )


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said what the settings are now",
        why="What gets shorter, smaller or lost cannot be told, and there is no way back.",
        remedy="Send the present settings as `before` ({} when there are none yet).",
    )
