"""Tokens → statements: what ends one is not always a semicolon, nor is each semicolon an end."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from controlplane.risk.sql.lex import NeverEndsError, Token, tokens

_DELIMITER = re.compile(r"^[ \t]*DELIMITER[ \t]+(\S{1,16})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_END_OF_DATA = re.compile(r"^\\\.\s*$", re.MULTILINE)
_BODIES = {"TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"}
# `END IF` and its like close what is not counted; `END CASE` closes a CASE.
_NOT_COUNTED = {"IF", "LOOP", "WHILE", "REPEAT"}


@dataclass(slots=True)
class Script:
    """`broken_at`: where a quote or a body is opened that never ends, else None."""

    text: str
    statements: list[list[Token]] = field(default_factory=list)
    broken_at: int | None = None
    _lines: list[int] | None = None

    def line(self, start: int) -> int:
        if self._lines is None:
            self._lines = [match.start() for match in re.finditer("\n", self.text)]
        return bisect_right(self._lines, start - 1) + 1


def split(text: str, dialect: str) -> Script:
    script = Script(text)
    try:
        for at, end, whole in _pieces(text, dialect):
            _read(script, dialect, at, end, whole=whole)
    except NeverEndsError as problem:
        script.broken_at = problem.start
    return script


def _pieces(text: str, dialect: str) -> Iterator[tuple[int, int, bool]]:
    """MySQL's client splits at another mark after `DELIMITER //`: each piece is one statement."""
    mark, at = ";", 0
    for match in [*(_DELIMITER.finditer(text) if dialect == "mysql" else ()), None]:
        end = match.start() if match else len(text)
        if mark == ";":
            yield at, end, False
        else:
            yield from _marked(text, at, end, mark)
        if match:
            mark, at = match[1], match.end()


def _marked(text: str, at: int, end: int, mark: str) -> Iterator[tuple[int, int, bool]]:
    while at < end:
        stop = text.find(mark, at, end)
        stop = end if stop < 0 else stop
        yield at, stop, True
        at = stop + len(mark)


def _read(script: Script, dialect: str, at: int, end: int, *, whole: bool) -> None:
    while at < end:
        at = _part(script, dialect, at, end) if not whole else _all(script, dialect, at, end)


def _all(script: Script, dialect: str, at: int, end: int) -> int:
    _add(script, list(tokens(script.text, dialect, at, end)))
    return end


def _part(script: Script, dialect: str, at: int, end: int) -> int:
    """Until the text ends, or until something stands in it that is no SQL: rows of COPY, commands
    of psql and of sqlite3. Returns where to go on.
    """
    statement: list[Token] = []
    body = Body(dialect)
    try:
        for token in tokens(script.text, dialect, at, end):
            if not statement and token.text in ("\\", "."):
                return _after_line(script, token.start)
            if token.text == ";" and token.kind == "sign" and not body.open:
                _add(script, statement)
                if _reads_rows(statement):
                    return _after_rows(script.text, token.start)
                statement, body = [], Body(dialect)
                continue
            statement.append(token)
            body.see(statement)
    except NeverEndsError:
        _add(script, statement)
        raise
    _add(script, statement)
    if body.open:
        raise NeverEndsError(statement[0].start)
    return end


def _add(script: Script, statement: list[Token]) -> None:
    if statement:
        script.statements.append(statement)


class Body:
    """Whether we are inside the BEGIN … END of a routine, whose semicolons split nothing."""

    __slots__ = ("_dialect", "_level", "_routine")

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._level = 0
        self._routine = False

    @property
    def open(self) -> bool:
        return self._level > 0

    def see(self, statement: list[Token]) -> None:
        word = statement[-1].word
        if not word:
            return
        if len(statement) <= 8 and word in _BODIES and statement[0].word == "CREATE":
            self._routine = True
        if not self._routine:
            return
        before = statement[-2].word if len(statement) > 1 else ""
        if word == "ATOMIC" and before == "BEGIN" and self._dialect == "postgres":
            self._level += 1
        elif self._level or self._dialect != "postgres":
            self._count(word, before)

    def _count(self, word: str, before: str) -> None:
        if before == "END" and word in _NOT_COUNTED:
            self._level += 1
        elif word == "END":
            self._level -= self._level > 0
        elif word == "BEGIN" or (word == "CASE" and before != "END" and self._level):
            self._level += 1


def _reads_rows(statement: list[Token]) -> bool:
    words = [token.word for token in statement]
    return words[:1] == ["COPY"] and "STDIN" in words


def _after_rows(text: str, at: int) -> int:
    match = _END_OF_DATA.search(text, at)
    return match.end() if match else len(text)


def _after_line(script: Script, at: int) -> int:
    """The command itself stays as a statement: one that reads a file runs what nobody sees here."""
    end = script.text.find("\n", at)
    end = len(script.text) if end < 0 else end
    script.statements.append([Token("sign", script.text[at:end].strip(), "", at)])
    return end
