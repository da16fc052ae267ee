"""YAML text → its documents, each mapping and list knowing the lines of its entries.

Built from the parser's events with a stack of its own: the library's composer recurses, expands
merge keys without bound, and forgets the lines. Depth and size are counted as if every alias
were written out, so that no later walk over the result meets more than that.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from attribution.pointers import pointer_step
from controlplane.risk.reading import MOST_CHARACTERS, MOST_LEVELS, PARSE_ERRORS, UnreadableError

MOST_VALUES = 200_000
MERGE = "<<"
# Of lists and mappings: any other gives them a meaning that nothing here knows.
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Lines(dict[str, Any]):
    """A mapping; `lines` has the line of each key, `line` its own, both counted from 1."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


class Rows(list[Any]):
    """A list; `lines[i]` is where its item i begins."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


class _Open:
    """A collection that is not closed yet. `size` and `depth` count what it holds."""

    def __init__(self, value: Lines | Rows, anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: Any = None
        self.has_key = False
        self.size = 1
        self.depth = 1


def documents(text: str) -> tuple[list[Any], str]:
    """All documents up to the first that cannot be read, and why that one could not ("": none).

    Raises UnreadableError for what is too large or too deep as a whole.
    """
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"more than {MOST_CHARACTERS:,} characters")
    found: list[Any] = []
    try:
        found.extend(_Builder(text.removeprefix("\ufeff")).documents())
    except UnreadableError:
        raise
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        return found, f"line {mark.line + 1} is not YAML" if mark else "it is not YAML"
    except PARSE_ERRORS:
        return found, "it is not YAML"
    return found, ""


class _Builder:
    def __init__(self, text: str) -> None:
        self._loader = _LOADER(text)
        self._scalars: Any = yaml.SafeLoader("")
        self._plain: dict[str, Any] = {}
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._stack: list[_Open] = []
        self._root: list[Any] = []
        self._total = 0

    def documents(self) -> Iterator[Any]:
        """Raises yaml.YAMLError and PARSE_ERRORS."""
        try:
            while True:
                event = self._loader.get_event()
                if event is None or isinstance(event, yaml.StreamEndEvent):
                    return
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors, self._root = {}, []
                elif isinstance(event, yaml.DocumentEndEvent):
                    yield self._root[0] if self._root else None
                else:
                    self._take(event)
        finally:
            self._loader.dispose()

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1, 0)
            self._put(value, 1, 0, event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise ValueError("an alias without an anchor, or one within itself")
            self._put(*self._anchors[event.anchor], event)
        elif isinstance(event, yaml.CollectionStartEvent):
            if event.tag not in _PLAIN_TAGS:
                mark: Any = event.start_mark
                raise yaml.MarkedYAMLError(problem="a tag", problem_mark=mark)
            line = _line(None, event)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._stack.append(_Open(Lines(line) if mapping else Rows(line), event.anchor))
            if len(self._stack) > MOST_LEVELS:
                raise UnreadableError(f"nested more than {MOST_LEVELS} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)

    def _close(self, event: Any) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.size, done.depth)
        self._put(done.value, done.size, done.depth, event)

    def _put(self, value: Any, size: int, depth: int, event: Any) -> None:
        if not self._stack:
            self._total += size
            self._check(self._total, depth)
            self._root.append(value)
            return
        top = self._stack[-1]
        top.size += size
        top.depth = max(top.depth, depth + 1)
        self._check(self._total + top.size, top.depth + len(self._stack) - 1)
        if isinstance(top.value, Rows):
            top.value.append(value)
            top.value.lines.append(_line(value, event))
        elif not top.has_key:
            top.key, top.has_key = _key(value), True
            top.value.lines.setdefault(top.key, event.start_mark.line + 1)
        else:
            top.has_key = False
            self._set(top, value)

    def _set(self, top: _Open, value: Any) -> None:
        """A merge gives only what the mapping does not say itself, whichever comes first."""
        target: Any = top.value
        if top.key != MERGE:
            target[top.key] = value
            return
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                for key, inner in part.items():
                    target.setdefault(key, inner)

    def _check(self, size: int, depth: int) -> None:
        if size > MOST_VALUES:
            raise UnreadableError(f"more than {MOST_VALUES:,} values")
        if depth > MOST_LEVELS:
            raise UnreadableError(f"nested more than {MOST_LEVELS} levels deep")

    def _scalar(self, event: Any) -> Any:
        plain = event.tag is None and event.implicit[0]
        if event.tag is None and not plain:
            return event.value
        if plain and event.value in self._plain:
            return self._plain[event.value]
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._scalars.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == "tag:yaml.org,2002:merge":
            return MERGE
        value = self._scalars.construct_object(yaml.ScalarNode(tag, event.value), deep=True)
        if plain and len(self._plain) < MOST_VALUES:
            self._plain[event.value] = value
        return value


def _key(value: Any) -> Any:
    """Kubernetes knows only text as keys; YAML reads `on` and `8080` as others."""
    if isinstance(value, dict | list):
        raise ValueError("a mapping or list is used as a key")  # noqa: TRY004 - one of PARSE_ERRORS
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _line(value: Any, event: Any) -> int:
    return value.line if isinstance(value, Lines | Rows) else event.start_mark.line + 1


def place_of(document: Any, path: Iterable[Any], root: str = "") -> str:
    """`line N` of the innermost part of `path` that is there, or its JSON pointer."""
    value, pointer = document, root
    line = getattr(value, "line", None)
    for step in path:
        found = step_into(value, step)
        if found is None:
            break
        line = _line_of(value, step) or line
        pointer += "/" + pointer_step(step)
        value = found[0]
    return f"line {line}" if line else pointer or "/artefact"


def step_into(value: Any, step: Any) -> tuple[Any] | None:
    """None: there is no such part; a part may be None itself."""
    if isinstance(value, Mapping) and step in value:
        return (value[step],)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return (value[step],)
    return None


def _line_of(value: Any, step: Any) -> int | None:
    if isinstance(value, Lines):
        return value.lines.get(step)
    return value.lines[step] if isinstance(value, Rows) else None
