"""YAML text → plain values, each with the line that it stands on; in bounded time and memory. PURE.

Read as JSON is: `no` and `2026-01-31` are texts, only `true` and `false` are booleans. What could
make a small file large (aliases) or mean two things (a key twice, a tag) is an error with its line.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from attribution.pointers import pointer_step

MOST_CHARACTERS = 5_000_000
MOST_VALUES = 1_000_000
MOST_LEVELS = 30
LONGEST_INTEGER = 18
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


class TextError(ValueError):
    def __init__(self, line: int, detail: str) -> None:
        super().__init__(detail)
        self.line, self.detail = line, detail


@dataclass(frozen=True)
class Tree:
    """One document. `lines`: JSON pointer → line, from 1; of a member the line of its key."""

    value: Any
    lines: Mapping[str, int]

    def line(self, pointer: str) -> int:
        """Of the value, else of what is nearest around it."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    value: Any
    pointer: str
    key: str | None = None


@dataclass
class _Builder:
    lines: dict[str, int] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    root: Any = None

    def add(self, value: Any, line: int) -> str:
        """Puts it where it belongs and answers with its pointer."""
        if not self.stack:
            self.root, pointer = value, ""
        else:
            pointer = self._place(self.stack[-1], value)
        self.lines.setdefault(pointer, line)
        return pointer

    def _place(self, top: _Open, value: Any) -> str:
        if isinstance(top.value, list):
            top.value.append(value)
            return f"{top.pointer}/{len(top.value) - 1}"
        key, top.key = str(top.key), None
        top.value[key] = value
        return f"{top.pointer}/{pointer_step(key)}"

    @property
    def wants_key(self) -> bool:
        top = self.stack[-1] if self.stack else None
        return top is not None and isinstance(top.value, dict) and top.key is None

    def take_key(self, key: str, line: int) -> None:
        top = self.stack[-1]
        pointer = f"{top.pointer}/{pointer_step(key)}"
        if key in top.value:
            first = self.lines[pointer]
            raise TextError(line, f"The key {key[:80]!r} stands twice; first on line {first}.")
        top.key, self.lines[pointer] = key, line

    def open(self, value: Any, line: int) -> None:
        if self.wants_key:
            raise TextError(line, "A key is a text, not a list or an object.")
        pointer = self.add(value, line)
        self.stack.append(_Open(value, pointer))
        if len(self.stack) > MOST_LEVELS:
            raise TextError(line, f"Nested more than {MOST_LEVELS} levels deep.")


def read_text(text: str) -> Iterator[Tree]:
    """The documents that hold something. Raises TextError."""
    if len(text) > MOST_CHARACTERS:
        raise TextError(1, f"A file has at most {MOST_CHARACTERS:,} characters.")
    builder, seen = _Builder(), 0
    for event in _events(text):
        line, seen = _line(event), seen + 1
        if seen > MOST_VALUES:
            raise TextError(line, f"A file has at most {MOST_VALUES:,} values.")
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder()
        elif isinstance(event, yaml.DocumentEndEvent):
            if builder.root is not None:
                yield Tree(builder.root, builder.lines)
        else:
            _take(builder, event, line)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[yaml.Event]:
    """One by one: nothing recurses, so that no depth of brackets ends the process."""
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        detail = f"Not YAML: {problem.problem or problem.context}."
        raise TextError(mark.line + 1 if mark else 1, detail) from None
    except (yaml.YAMLError, ValueError) as problem:
        raise TextError(1, f"Not YAML: {str(problem)[:200]}") from None


def _take(builder: _Builder, event: yaml.Event, line: int) -> None:
    match event:
        case yaml.AliasEvent():
            raise TextError(line, "Aliases (*name) are not taken: write it out.")
        case yaml.MappingStartEvent() | yaml.SequenceStartEvent() if event.tag not in (None, "!"):
            raise TextError(line, f"Tags such as {event.tag[:80]} are not taken.")
        case yaml.MappingStartEvent():
            builder.open({}, line)
        case yaml.SequenceStartEvent():
            builder.open([], line)
        case yaml.ScalarEvent() if builder.wants_key:
            builder.take_key(_text(event, line), line)
        case yaml.ScalarEvent():
            builder.add(_scalar(event, line), line)
        case _ if isinstance(event, _ENDS):
            builder.stack.pop()


def _text(event: yaml.ScalarEvent, line: int) -> str:
    text: str = event.value
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise TextError(line, "A text holds a NUL or half a surrogate pair.")
    return text


def _scalar(event: yaml.ScalarEvent, line: int) -> Any:
    text = _text(event, line)
    if event.tag not in _TEXT_TAGS:
        raise TextError(line, f"Tags such as {event.tag[:80]} are not taken.")
    if not event.implicit[0] or event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return _number(text, line) if NUMBER.fullmatch(text) else text


def _number(text: str, line: int) -> int | float:
    if INTEGER.fullmatch(text):
        if len(text) > LONGEST_INTEGER:
            raise TextError(line, f"The number {text[:40]} is too large.")
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise TextError(line, f"The number {text[:40]} is too large.")
    return number
