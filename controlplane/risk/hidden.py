"""What of an artefact is never shown. PURE.

By the name of a key or the form of a value, as the readers know secrets; all of a Kubernetes
Secret's data; what a Terraform plan or state marks as sensitive, and its variables, which it does
not mark. A secret under a harmless name cannot be told: who may read changes may read that.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from controlplane.risk import names

HIDDEN = "(hidden: a secret)"
LONGEST_TEXT = 2_000_000
DEEPEST = 40
LONGEST_NAME = 400
DEEPER = f"… (more than {DEEPEST} levels deep)"
# A value, and beside it what of it is sensitive.
_MARKED = {
    "before": "before_sensitive",
    "after": "after_sensitive",
    "values": "sensitive_values",
    "value": "sensitive",
}
_OF_TERRAFORM = ("resource_changes", "planned_values", "terraform_version")
_KEY_AND_VALUE = re.compile(
    r"""^(?P<key>[\s"'-]*+(?P<name>[\w.][\w.-]*+)["']?\s*+[:=]\s*+)(?P<value>\S.*)$"""
)
_SECRET_MANIFEST = re.compile(r"""^[^\S\n]*["']?kind["']?\s*:\s*["']?Secret\b""", re.MULTILINE)
# Only as far as the lines could be the key's: a false beginning must not hide a change from whoever
# is to approve it.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:\r?\n[ \t]*[A-Za-z0-9+/=]{1,80}[ \t]*(?=\r?\n|\Z))*"
    r"(?:\r?\n[ \t]*-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_DOCUMENT_ENDS = re.compile(r"^---", re.MULTILINE)


def revealed(document: Any) -> Any:
    """The same with HIDDEN in the place of each secret. A plan that came as text is an object
    then: only so it can be told what of it is sensitive.
    """
    if isinstance(document, str):
        plan = _plan(document)
        return "\n".join(_lines(document)) if plan is None else revealed(plan)
    if isinstance(document, Mapping) and any(name in document for name in _OF_TERRAFORM):
        document = {**document, "variables": _all(document.get("variables"))}
    return _value(document, "", 0, marked=False)


def _plan(text: str) -> Any:
    head = text[:LONGEST_TEXT].lstrip("\ufeff \t\r\n")
    if len(text) > LONGEST_TEXT or not head.startswith("{"):
        return None
    if not any(f'"{name}"' in head for name in _OF_TERRAFORM):
        return None
    try:
        return json.loads(head)
    except (ValueError, RecursionError):
        return None


def _value(value: Any, where: str, level: int, *, marked: Any) -> Any:
    """`marked`: True, or a tree of the same shape, of what is sensitive below."""
    if level > DEEPEST and isinstance(value, Mapping | list):
        return DEEPER
    if marked is True:
        return _all(value)
    if isinstance(value, Mapping):
        return dict(_entries(value, where, level, marked))
    if isinstance(value, list):
        marks = marked if isinstance(marked, list) else []
        return [
            _value(inner, where, level + 1, marked=marks[place] if place < len(marks) else False)
            for place, inner in enumerate(value)
        ]
    named = isinstance(value, str) and value and names.is_secret(where)
    return HIDDEN if named or names.holds_secret(value) else value


def _entries(
    value: Mapping[Any, Any], where: str, level: int, marked: Any
) -> Iterator[tuple[Any, Any]]:
    secret = value.get("kind") == "Secret"
    marks = marked if isinstance(marked, Mapping) else {}
    for key, inner in value.items():
        if secret and key in ("data", "stringData"):
            yield key, _all(inner)
            continue
        mark = marks.get(key) or value.get(_MARKED.get(str(key), ""), False)
        # The end of it tells what the value is.
        yield key, _value(inner, f"{where}/{key}"[-LONGEST_NAME:], level + 1, marked=mark)


def _all(value: Any) -> Any:
    """The names of a flat object stay, and nothing of what they hold."""
    if isinstance(value, Mapping):
        return {key: inner if inner in (None, "") else HIDDEN for key, inner in value.items()}
    return value if value is None or value in ([], "") else HIDDEN


def _lines(text: str) -> Iterator[str]:
    text = _PRIVATE_KEY.sub(lambda found: "\n".join([HIDDEN] * (found[0].count("\n") + 1)), text)
    starts = [0, *(match.start() for match in _DOCUMENT_ENDS.finditer(text)), len(text)]
    for begin, end in pairwise(starts):
        part = text[begin:end]
        secret = _SECRET_MANIFEST.search(part) is not None
        yield from (_line(line, of_a_secret=secret) for line in part.splitlines())


def _line(line: str, *, of_a_secret: bool) -> str:
    told = _KEY_AND_VALUE.match(line)
    if told is None:
        # Of a Secret also the lines that go on with a value.
        return HIDDEN if names.holds_secret(line) or (of_a_secret and _goes_on(line)) else line
    telling = told["name"] in ("apiVersion", "kind", "name", "namespace", "type")
    hide = (of_a_secret and not telling) or names.is_secret(told["name"])
    return told["key"] + HIDDEN if hide or names.holds_secret(told["value"]) else line


def _goes_on(line: str) -> bool:
    return line[:1].isspace() and not line.rstrip().endswith(":")
