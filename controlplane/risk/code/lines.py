"""Signals on added lines. A line that is deleted in the same diff was moved, not brought in."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from controlplane.risk import names
from controlplane.risk.code import paths
from controlplane.risk.code.catalogue import PATTERNS, Pattern
from controlplane.risk.code.diff import Added, FileChange
from controlplane.risk.signals import Severity, Signal

# Longer ones are data or minified code; nobody wrote them by hand.
LONGEST = 1000
MOST_OF_A_KIND = 20
_SWALLOWED = next(pattern for pattern in PATTERNS if pattern.id == "error_swallowed")
_EXCEPT = re.compile(r"^\s*except(?:\s+(?:Base)?Exception(?:\s+as\s+\w{1,40})?)?\s*:\s*$")
_ASSIGNED = re.compile(
    r"""([A-Za-z_][\w.-]{1,80})['"]?\s*(?:=|:|=>|:=)\s*['"]([^'"\s]{8,200})['"]"""
)
_PLACEHOLDER = re.compile(
    r"(?i)example|change.?me|dummy|fake|test|sample|your|xxx|placeholder|<|\{|%\(|none|null"
    r"|(?:password|secret|guest|user|pass)@"
)


def signals(files: Sequence[FileChange]) -> list[Signal]:
    gone = {text.strip() for change in files for text in change.deleted}
    found: dict[str, list[Signal]] = {}
    for change in files:
        kind = paths.kind_of(change.path)
        if kind.generated or kind.lock:
            continue
        added = [line for line in change.added if line.text.strip() not in gone]
        for signal in chain(_of_lines(change.path, added, kind), _swallowed(change, kind)):
            those = found.setdefault(signal.id, [])
            if len(those) < MOST_OF_A_KIND:
                those.append(signal)
    return [signal for those in found.values() for signal in those]


def _of_lines(path: str, added: Iterable[Added], kind: paths.Kind) -> Iterator[Signal]:
    prose = paths.suffix(path) in paths.DOCUMENTS
    for line in added:
        shown, lower = line.text[:LONGEST], line.text[:LONGEST].lower()
        for pattern in PATTERNS:
            if _applies(pattern, kind, prose) and _matches(pattern, shown, lower):
                yield _signal(pattern, path, line)
        if holds_secret(shown, lower):
            yield _secret(path, line, "medium" if kind.test or prose else "high")


def _applies(pattern: Pattern, kind: paths.Kind, prose: bool) -> bool:  # noqa: FBT001
    if prose:
        return pattern.id == "hidden_direction"
    return pattern.in_tests or not kind.test


def _matches(pattern: Pattern, shown: str, lower: str) -> bool:
    """Comments explain dangers as often as they hold them."""
    if pattern.hint and not any(word in lower for word in pattern.hint):
        return False
    if not pattern.in_tests and shown.lstrip().startswith(("#", "//", "*", "--", ";")):
        return False
    return pattern.regex.search(shown) is not None


def holds_secret(text: str, lower: str) -> bool:
    """A key in its issuer's form, or a literal that is given to a name which means a secret."""
    if names.holds_secret(text):
        return _PLACEHOLDER.search(text) is None
    if not any(word in lower for word in names.SECRET):
        return False
    return any(
        names.is_secret(name) and not _PLACEHOLDER.search(value) and _mixed(value)
        for name, value in _ASSIGNED.findall(text)
    )


def _mixed(value: str) -> bool:
    """Letters and digits: a word alone is a label more often than a password."""
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def _signal(pattern: Pattern, path: str, line: Added) -> Signal:
    return Signal(
        id=pattern.id,
        severity=pattern.severity,
        summary=f"{path}:{line.number} brings {pattern.what}",
        where=f"line {line.at}",
        why=pattern.why,
        remedy=pattern.remedy,
        aliases=pattern.aliases,
    )


def _secret(path: str, line: Added, severity: Severity) -> Signal:
    return Signal(
        id="secret_in_code",
        severity=severity,
        summary=f"{path}:{line.number} brings what looks like a secret",
        where=f"line {line.at}",
        why="It stays in the history for everybody who may read the repository, also when removed.",
        remedy="Take it from the environment or a vault, and replace the one that stands here.",
        aliases=("gitleaks:generic-api-key", "bandit:B105"),
    )


def _swallowed(change: FileChange, kind: paths.Kind) -> Iterator[Signal]:
    """`except …:` and the `pass` on the next line, both added."""
    if kind.test:
        return
    for line, after in pairwise(change.added):
        follows = after.number == line.number + 1 and after.text.strip() == "pass"
        if follows and _EXCEPT.match(line.text[:LONGEST]):
            yield _signal(_SWALLOWED, change.path, line)
