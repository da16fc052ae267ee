"""SQL text → tokens, in one pass and in time linear in the text, whatever the text is.

A migration that no full grammar accepts still names what it drops: so nothing here fails. A quote
or comment that never ends is reported, and what stands before it is read all the same.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["word", "quoted", "string", "number", "sign"]


class Token(NamedTuple):
    """`text` as written, of a quoted name or a string without its quotes; `word` in upper case,
    empty for everything that is no plain word, so that "select" in quotes is no keyword.
    """

    kind: Kind
    text: str
    word: str
    start: int


class NeverEndsError(ValueError):
    """A quote or comment is opened at `start` and not closed."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


# Possessive repeats: what does not match is given up at once, never tried another way.
_COMMON = r"""
  (?P<blank>  \s++ | --[^\n]*+ )
| (?P<escape> [eE]'(?:[^'\\]|\\.|'')*+' )
| (?P<dollar> \$(?:[^\W\d]\w*+)?\$ )
| (?P<block>  /\* )
| (?P<word>   [^\W\d][\w$]*+ )
| (?P<number> \d[\w.]*+ | \.\d\w*+ )
| (?P<quoted> `(?:[^`]|``)*+` {quoted} )
| (?P<string> {string} )
| (?P<open>   ['"`] )
| (?P<sign>   :: | . )
"""
_PLAIN = r"'(?:[^']|'')*+'"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
_NAME = r'| "(?:[^"]|"")*+"'
# Without ANSI_QUOTES it is a string; a reader of names is content with either.
_NAME_OR_STRING = r'| "(?:[^"\\]|\\.|"")*+"'
_PATTERNS = {
    dialect: re.compile(_COMMON.format(quoted=quoted, string=string), re.VERBOSE | re.DOTALL)
    for dialect, quoted, string in (
        ("postgres", _NAME, _PLAIN),
        ("sqlite", _NAME + r"| \[[^\]]*+\]", _PLAIN),
        ("mysql", _NAME_OR_STRING, _ESCAPED),
    )
}
# A comment to the end of the line, or the mark of what only MySQL runs.
_MYSQL_MARK = re.compile(r"#[^\n]*+|/\*!\d*+")
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def tokens(text: str, dialect: str, at: int, end: int) -> Iterator[Token]:
    """Raises NeverEndsError where the text breaks off, after all that stands before."""
    pattern = _PATTERNS[dialect]
    while at < end:
        match = pattern.match(text, at, end)
        if match is None:  # the last alternative takes any character
            return
        kind, found, start, at = match.lastgroup or "", match[0], match.start(), match.end()
        if kind == "word":
            yield Token("word", found, found.upper(), start)
        elif kind == "open":
            raise NeverEndsError(start)
        elif kind == "block" or (dialect == "mysql" and found == "#"):
            at = _after_comment(text, start, end, dialect)
        elif kind == "dollar" and dialect == "postgres":
            at = _closing(text, found, start, end)
            yield Token("string", text[match.end() : at - len(found)], "", start)
        elif kind != "blank":
            yield _token(kind, found, start)


def _token(kind: str, found: str, start: int) -> Token:
    if kind == "quoted":
        quote = found[-1]
        return Token("quoted", found[1:-1].replace(quote * 2, quote), "", start)
    if kind in ("string", "escape"):
        return Token("string", found[found.index("'") + 1 : -1].replace("''", "'"), "", start)
    return Token("number" if kind == "number" else "sign", found, "", start)


def _closing(text: str, tag: str, start: int, end: int) -> int:
    found = text.find(tag, start + len(tag), end)
    if found < 0:
        raise NeverEndsError(start)
    return found + len(tag)


def _after_comment(text: str, start: int, end: int, dialect: str) -> int:
    """PostgreSQL's comments nest. MySQL runs what stands in `/*!40101 … */`: only the mark is
    passed over, and the closing `*/` then comes as two signs that mean nothing.
    """
    if dialect == "mysql" and (whole := _MYSQL_MARK.match(text, start, end)):
        return whole.end()
    level = 0
    for edge in _BLOCK_EDGE.finditer(text, start, end):
        level += 1 if edge[0] == "/*" and (dialect == "postgres" or level == 0) else 0
        level -= edge[0] == "*/"
        if level == 0:
            return edge.end()
    raise NeverEndsError(start)
