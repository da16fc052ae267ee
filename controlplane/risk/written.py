"""An artefact as lines to read, each with its place. PURE.

A text is shown as it is. A document is written out with its keys in order, so that two of them
differ only where they differ. What is a secret by its name or its form is never shown.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.risk import names

LONGEST_LINE = 500
DEEPEST = 40
HIDDEN = "(hidden: a secret)"
DEEPER = f"… (more than {DEEPEST} levels deep)"
KEY_AND_VALUE = re.compile(
    r"""^(?P<key>[\s"'-]*(?P<name>[\w.-]+)["']?\s*[:=]\s*)(?P<value>\S.*)$"""
)
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY")
KEY_GOES_ON = re.compile(r"\s*[A-Za-z0-9+/=]{1,80}\s*")


@dataclass(frozen=True)
class Written:
    """One line, and where it is: a JSON pointer, or `line N` of a text."""

    text: str
    where: str


def written(document: Any) -> Iterator[Written]:
    if document is None:
        return
    if isinstance(document, str):
        yield from _text(document)
        return
    yield from _document(document, "", "", 0)


def _text(document: str) -> Iterator[Written]:
    """Of a private key only the first line looks like one. The lines after it are hidden as long
    as they could be the key's: a false beginning must not hide the rest of the text.
    """
    in_key = False
    for number, line in enumerate(document.splitlines(), start=1):
        in_key = bool(KEY_BEGINS.search(line)) or (in_key and bool(KEY_GOES_ON.fullmatch(line)))
        yield Written(HIDDEN if in_key else _without_secret(line)[:LONGEST_LINE], f"line {number}")


def _document(value: Any, where: str, name: str, depth: int) -> Iterator[Written]:
    indent = "  " * max(depth - 1, 0)
    label = f"{indent}{name} " if name else indent
    if not isinstance(value, Mapping | list) or not value:
        yield Written((label + _leaf(value, where))[:LONGEST_LINE], where)
        return
    if depth > DEEPEST:
        yield Written(f"{label}{DEEPER}"[:LONGEST_LINE], where)
        return
    if name:
        yield Written(label.rstrip()[:LONGEST_LINE], where)
    for key, label_of, inner in _parts(value):
        yield from _document(inner, f"{where}/{_escaped(key)}", label_of, depth + 1)


def _leaf(value: Any, where: str) -> str:
    named = isinstance(value, str) and value and names.is_secret(where)
    if named or names.holds_secret(value):
        return HIDDEN
    return json.dumps(value, ensure_ascii=False)


def _parts(value: Mapping[str, Any] | list[Any]) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), f"{key}:", value[key]) for key in sorted(value, key=str))
    else:
        yield from ((str(place), "-", inner) for place, inner in enumerate(value))


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _without_secret(line: str) -> str:
    told = KEY_AND_VALUE.match(line[:LONGEST_LINE])
    if told and (names.is_secret(told["name"]) or names.holds_secret(told["value"])):
        return told["key"] + HIDDEN
    return HIDDEN if names.holds_secret(line) else line
