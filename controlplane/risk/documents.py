"""Text or object → a flat map of JSON pointer → value, in bounded time and memory."""

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from attribution.pointers import pointer_step
from controlplane.risk import located
from controlplane.risk.reading import MOST_CHARACTERS, MOST_LEVELS, PARSE_ERRORS, UnreadableError

MOST_ENTRIES = 50_000
# Of a key of TOML.
MOST_PARTS = 30
# Of all pointers together: a long key is repeated by everything below it.
MOST_POINTERS = 20_000_000

_SECTION = re.compile(r"^[^\S\n]*\[[^\]\n]{1,200}\][^\S\n]*$", re.MULTILINE)
# Of a key of TOML. What is in quotes is followed for so long: a quote that is never closed costs no
# more than that.
_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.){0,200}+"|'[^'\n]{0,200}+')"""
_DOTTED = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART})++")
_PROPERTY = re.compile(r"\s*([^#!=:\s][^=:\s]{0,300})\s*=\s*(.*)")


def read(document: Any, path: str = "") -> dict[str, Any]:
    """Raises UnreadableError."""
    parsed = parse(document, path) if isinstance(document, str) else document
    return flatten(parsed) if parsed else {}


def parse(text: str, path: str = "") -> Any:
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"more than {MOST_CHARACTERS:,} characters")
    if not text.strip():
        return {}
    for attempt in _attempts(text, path):
        try:
            parsed = attempt(text.removeprefix("\ufeff"))
        except UnreadableError:
            raise
        except PARSE_ERRORS:
            continue
        if isinstance(parsed, dict | list):
            return parsed
    raise UnreadableError("it is none of JSON, YAML, TOML, INI and properties")


def _attempts(text: str, path: str) -> list[Any]:
    """The parser that the file's name asks for alone, else those that the text looks like."""
    suffix = path.rpartition(".")[2].lower() if "." in path else ""
    if suffix in _BY_SUFFIX:
        return list(_BY_SUFFIX[suffix])
    if _SECTION.search(text):
        return [_json, _toml, _ini]
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        return [_json, _yaml]
    return [_properties, _yaml]


def _json(text: str) -> Any:
    return json.loads(text)


def _yaml(text: str) -> Any:
    found, wrong = located.documents(text)
    if wrong:
        raise ValueError(wrong)
    found = [document for document in found if document is not None]
    return found[0] if len(found) == 1 else found


def _toml(text: str) -> Any:
    """The library keeps every beginning of a dotted key: a long one would fill the memory."""
    for key in _DOTTED.finditer(text):
        if len(re.findall(_PART, key[0])) > MOST_PARTS:
            raise UnreadableError(f"a key has more than {MOST_PARTS} parts")
    return tomllib.loads(text)


def _ini(text: str) -> Any:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read_string(text)
    # Each section has the defaults too.
    if len(parser.sections()) * len(parser.defaults()) > MOST_ENTRIES:
        raise UnreadableError(f"more than {MOST_ENTRIES:,} values")
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    return sections | ({"DEFAULT": dict(parser.defaults())} if parser.defaults() else {})


def _properties(text: str) -> Any:
    found: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "!", ";")):
            continue
        match = _PROPERTY.fullmatch(line)
        if match is None:
            raise ValueError("not a properties file")
        found[match[1]] = match[2].strip()
    if not found:
        raise ValueError("nothing but comments")
    return found


_BY_SUFFIX: dict[str, tuple[Any, ...]] = {
    "json": (_json,),
    "yaml": (_yaml,),
    "yml": (_yaml,),
    "toml": (_toml,),
    "ini": (_ini,),
    "cfg": (_ini, _properties),
    "conf": (_ini, _properties, _yaml),
    "properties": (_properties,),
    "env": (_properties,),
}


def flatten(document: Any) -> dict[str, Any]:
    """Lists of plain values stay one value; lists of objects are keyed by their `name` or `id`
    where these are unique, so that an item inserted in front does not change all the others.
    """
    flat: dict[str, Any] = {}
    todo: list[tuple[str, Any, int]] = [("", document, 0)]
    written = 0
    while todo:
        pointer, value, level = todo.pop()
        if len(flat) + len(todo) > MOST_ENTRIES:
            raise UnreadableError(f"more than {MOST_ENTRIES:,} values")
        if level > MOST_LEVELS:
            raise UnreadableError(f"nested more than {MOST_LEVELS} levels deep")
        if _is_leaf(value):
            flat[pointer] = value
        else:
            written += len(pointer) * len(value)
            if written > MOST_POINTERS:
                raise UnreadableError("its keys are too long for how many there are below them")
            todo += [(f"{pointer}/{key}", item, level + 1) for key, item in _children(value)]
    return flat


def _is_leaf(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(item, Mapping | list) for item in value)
    return not (isinstance(value, Mapping) and value)


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield pointer_step(key), item
        return
    names = _names(value)
    yield from ((names[index] if names else str(index), item) for index, item in enumerate(value))


def _names(items: list[Any]) -> list[str]:
    for field in ("name", "id", "key"):
        names = [item.get(field) if isinstance(item, Mapping) else None for item in items]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return [pointer_step(name) for name in names]
    return []


def place(pointer: str, document: Any) -> str:
    """`line N` in a text, where the line that names the key can be told; else the pointer."""
    if not isinstance(document, str):
        return pointer
    key = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    pattern = re.compile(r"""[\s"'-]*""" + re.escape(key) + r"""["']?\s*[:=]""")
    for number, line in enumerate(document.splitlines(), start=1):
        if pattern.match(line):
            return f"line {number}"
    return pointer
