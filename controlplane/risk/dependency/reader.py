"""Lock files: what a build takes that it did not take before, and whether that is checked."""

import re
from collections.abc import Mapping
from typing import Any

from controlplane.risk.dependency import lines, tables
from controlplane.risk.dependency.lock import Lock
from controlplane.risk.dependency.rules import RULES, STANDING
from controlplane.risk.documents import parse
from controlplane.risk.reading import MOST_CHARACTERS, UnreadableError
from controlplane.risk.signals import Signal, Source, no_before, rank, unparsed

MOST_SIGNALS = 200
_MODULE = re.compile(r"^module\s+\S", re.MULTILINE)
_SUM = re.compile(r"\s*\S{1,300} v[^\s/]{1,200}(?:/go\.mod)? h1:")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")


def read(source: Source) -> list[Signal]:
    try:
        after = _lock(source.artefact, source.path)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    if source.before is None:
        found = [signal for rule in STANDING for signal in rule(Lock(), after)]
        return _sorted([*found, _no_before()])
    try:
        before = _lock(source.before, source.path)
    except UnreadableError as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    return _sorted([signal for rule in RULES for signal in rule(before, after)])


def _sorted(found: list[Signal]) -> list[Signal]:
    return sorted(found, key=lambda signal: -rank(signal.severity))[:MOST_SIGNALS]


def _lock(document: Any, path: str) -> Lock:
    if isinstance(document, str):
        return _of_text(document, path.rpartition("/")[2].lower())
    if isinstance(document, Mapping):
        return tables.toml(document) if "package" in document else tables.npm(document)
    raise UnreadableError("a lock file is a text or an object")


def _of_text(text: str, name: str) -> Lock:
    """By its name, else by what it looks like."""
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"more than {MOST_CHARACTERS:,} characters")
    text = text.removeprefix("\ufeff")
    if not text.strip():
        return Lock()
    if _BINARY.search(text):
        raise UnreadableError("it is no text")
    if name.endswith(".json") or text.lstrip()[0] == "{":
        return tables.npm(_object(text, "lock.json"))
    if name in ("cargo.lock", "poetry.lock", "uv.lock") or "[[package]]" in text:
        return tables.toml(_object(text, "lock.toml"))
    if name == "go.mod" or (name != "go.sum" and _MODULE.search(text)):
        return lines.go_mod(text)
    if name == "go.sum" or _SUM.match(text):
        return lines.go_sum(text)
    return lines.requirements(text)


def _object(text: str, path: str) -> Mapping[Any, Any]:
    parsed = parse(text, path)
    if not isinstance(parsed, Mapping):
        raise UnreadableError("a lock file is an object")
    return parsed


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said which packages are taken now",
        why="What is new, newer or older cannot be told, and there is nothing to go back to.",
        remedy="Send the present lock file as `before` (an empty text when there is none yet).",
    )
