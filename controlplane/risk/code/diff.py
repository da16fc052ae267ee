"""A unified diff in git's format → files with their changed lines, in one pass.

Lines of a hunk are counted by its header, so that content that looks like a header is none.
Formats: `git diff`, `git show`, `git format-patch`, combined diffs of merges, plain `diff -u`.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_CHARACTERS = 5_000_000
MOST_FILES = 20_000

_HUNK = re.compile(r"(@@{1,20}) (?:-\d{1,9}(?:,\d{1,9})? ){1,20}\+(\d{1,9})(?:,\d{1,9})? @@{1,20}")
_COUNTS = re.compile(r"[-+]\d+(?:,(\d+))?")
_GIT = re.compile(r"diff --(?:git|cc|combined) (?P<rest>.{1,4000})")
_OCTAL = re.compile(r"\\([0-7]{3}|.)")
_NAMED = {"n": "\n", "t": "\t", "r": "\r"}


class UnreadableDiffError(ValueError):
    """The text is no diff; the message repeats none of it."""


class Added(NamedTuple):
    """`number`: its line in the new file; `at`: its line in the diff."""

    number: int
    text: str
    at: int


@dataclass(slots=True)
class FileChange:
    """`at`: the line of the diff where it begins."""

    path: str
    at: int
    old_path: str = ""
    status: str = "modified"
    mode: str = ""
    binary: bool = False
    added: list[Added] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return len(self.added) + len(self.deleted)


@dataclass(frozen=True, slots=True)
class Diff:
    """`cut_at`: the line where a hunk ends before it has what its header announces."""

    message: str
    files: tuple[FileChange, ...]
    cut_at: int | None = None


def parse(text: str) -> Diff:
    """Raises UnreadableDiffError."""
    if len(text) > MOST_CHARACTERS:
        raise UnreadableDiffError(f"more than {MOST_CHARACTERS:,} characters")
    if "\0" in text[:10_000]:
        raise UnreadableDiffError("it is not text in UTF-8")
    return _Parser(text.removeprefix("\ufeff")).parsed()


class _Parser:
    def __init__(self, text: str) -> None:
        # Not splitlines(): form feeds and separators of Unicode are content, not line ends.
        self._lines = text.removesuffix("\n").split("\n")
        self._files: list[FileChange] = []
        self._message: list[str] = []
        self._ended = ""
        self._cut_at: int | None = None

    def parsed(self) -> Diff:
        at = 0
        while at < len(self._lines):
            line = self._lines[at].rstrip("\r")
            hunk = _HUNK.match(line) if self._files else None
            at = self._hunk(hunk, at + 1) if hunk else self._header(line, at)
            if len(self._files) > MOST_FILES:
                raise UnreadableDiffError(f"more than {MOST_FILES:,} files")
        if not self._files:
            raise UnreadableDiffError("no file header of a unified diff is in it")
        return Diff("\n".join(self._message)[:20_000], tuple(self._files), self._cut_at)

    def _header(self, line: str, at: int) -> int:
        git = _GIT.match(line)
        if git:
            self._files.append(FileChange(_path_of_both(git["rest"]), at + 1))
            self._ended = ""
        elif line.startswith("--- ") and self._next(at).startswith("+++ "):
            self._named(_path(line[4:]), _path(self._next(at)[4:]), at + 1)
            return at + 2
        elif self._files:
            self._property(line, self._files[-1])
        else:
            self._message.append(line)
        return at + 1

    def _next(self, at: int) -> str:
        return self._lines[at + 1].rstrip("\r") if at + 1 < len(self._lines) else ""

    def _named(self, old: str, new: str, at: int) -> None:
        """Of the file whose `diff --git` line came before; without such a line of a new one."""
        if not self._files or self._ended == "names":
            self._files.append(FileChange("", at))
        self._ended = "names"
        change = self._files[-1]
        change.path, change.old_path = new or old, change.old_path or old
        if not old:
            change.status = "added"
        elif not new:
            change.status = "deleted"

    def _property(self, line: str, change: FileChange) -> None:
        name, _, rest = line.partition(" mode ")
        if name in ("new file", "deleted file"):
            change.status = "added" if name == "new file" else "deleted"
        if name in ("new", "new file"):
            change.mode = rest[:6]
        if line.startswith("rename from "):
            change.old_path, change.status = _unquoted(line[12:]), "renamed"
        elif line.startswith(("rename to ", "copy to ")):
            change.path = _unquoted(line.partition(" to ")[2])
        elif line.startswith(("Binary files ", "GIT binary patch")):
            change.binary = True

    def _hunk(self, header: re.Match[str], at: int) -> int:
        """Returns the place behind it. A merge has a column of signs for each of its parents."""
        columns = len(header[1]) - 1
        left = [int(count or "1") for count in _COUNTS.findall(header[0])]
        change, number = self._files[-1], int(header[2])
        while any(left) and at < len(self._lines):
            line = self._lines[at].rstrip("\r")
            signs = line[:columns]
            if signs.strip(" +-") and not line.startswith("\\"):
                break
            at += 1
            if not line.startswith("\\"):
                number += _take(change, signs, Added(number, line[columns:], at))
                _count_down(left, signs)
        if any(left) and self._cut_at is None:
            self._cut_at = at
        return at


def _take(change: FileChange, signs: str, line: Added) -> int:
    """How many lines it is in the new file."""
    if "-" in signs:
        change.deleted.append(line.text)
        return 0
    if "+" in signs:
        change.added.append(line)
    return 1


def _count_down(left: list[int], signs: str) -> None:
    """A line is in the new file unless it has a minus, in a parent's unless that has a plus."""
    for parent in range(len(left) - 1):
        sign = signs[parent : parent + 1]
        if sign == "-" or (sign != "+" and "-" not in signs):
            left[parent] = max(left[parent] - 1, 0)
    if "-" not in signs:
        left[-1] = max(left[-1] - 1, 0)


def _path_of_both(rest: str) -> str:
    """`a/x b/x` of a `diff --git` line is twice the same; of a rename the next lines tell."""
    half = len(rest) // 2
    old, new = _path(rest[:half]), _path(rest[half + 1 :])
    return new if old == new else _path(rest.rpartition(" b/")[2] or rest)


def _path(text: str) -> str:
    """Empty: /dev/null. A tab and what follows it is the time that `diff -u` writes."""
    name = _unquoted(text.partition("\t")[0].strip())
    if name == "/dev/null":
        return ""
    return name[2:] if name[:2] in ("a/", "b/", "i/", "w/", "c/", "o/") else name


def _unquoted(text: str) -> str:
    """Git quotes what is not ASCII as octal bytes."""
    if not (len(text) > 1 and text[0] == text[-1] == '"'):
        return text[:1000]
    plain = _OCTAL.sub(_byte, text[1:-1][:4000])
    return plain.encode("latin-1", "replace").decode("utf-8", "replace")[:1000]


def _byte(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code, 8) & 255) if len(code) == 3 else _NAMED.get(code, code)
