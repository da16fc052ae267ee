"""PromQL → tree. PURE.

Read as far as the queries of other tools need it: their placeholders (`{{args.name}}`, `${scope}`)
stay what they are within quotes and brackets.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from controlplane.importing.tree import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Node,
    Number,
    Paren,
    Selector,
    Signed,
    Text,
    Windowed,
)

MOST_CHARACTERS = 10_000
MOST_LEVELS = 30
MOST_OPERATORS = 100
AGGREGATIONS = {
    *("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"),
    *("topk", "bottomk", "quantile", "count_values", "limitk"),
}
COMPARISONS = ("==", "!=", ">=", "<=", ">", "<")
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and", "unless"),
    COMPARISONS,
    ("+", "-"),
    ("*", "/", "%", "atan2"),
)
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}|\$\{[^{}]*\}")
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
      |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      |(?P<hole>\{\{[^{}]*\}\}|\$\{[^{}]*\})
      |(?P<range>\[[^\[\]]*\])
      |(?P<number>(?:0x[0-9a-fA-F]+|[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)(?:ms|[smhdwy])*(?:[0-9]+(?:ms|[smhdwy]))*|(?i:\+?inf|nan)\b)
      |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
      |(?P<sign>==|!=|>=|<=|=~|!~|[-+*/%^<>=(){},@])""",
    re.VERBOSE | re.DOTALL,
)


class PromQLError(ValueError):
    """What cannot be read, and why."""


class Token(NamedTuple):
    kind: str
    text: str


def parse(text: str) -> Node:
    """Raises PromQLError."""
    if len(text) > MOST_CHARACTERS:
        raise PromQLError(f"more than {MOST_CHARACTERS:,} characters")
    parser = _Parser(list(_tokens(text)))
    found = parser.expression(0)
    if parser.peek.kind != "end":
        raise PromQLError(f"{parser.peek.text[:40]!r} stands where nothing more is expected")
    return found


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise PromQLError(f"{text[at : at + 20]!r} is not PromQL")
        if match.lastgroup:
            yield Token(match.lastgroup, match[0])
        at = match.end()
    yield Token("end", "")


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.level, self.operators = tokens, 0, 0, 0

    @property
    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.peek
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def is_sign(self, *signs: str) -> bool:
        return self.peek.kind == "sign" and self.peek.text in signs

    def want(self, sign: str) -> None:
        if not self.is_sign(sign):
            raise PromQLError(f"{sign!r} is wanted before {self.peek.text[:40]!r}")
        self.take()

    def expression(self, level: int) -> Node:
        self.level += 1
        if self.level > MOST_LEVELS * (len(_LEVELS) + 2):
            raise PromQLError(f"nested more than {MOST_LEVELS} levels deep")
        found = self._power() if level == len(_LEVELS) else self._binary(level)
        self.level -= 1
        return found

    def _binary(self, level: int) -> Node:
        left = self.expression(level + 1)
        while self.peek.kind in ("sign", "name") and self.peek.text.lower() in _LEVELS[level]:
            sign = self._operator()
            matching = self._matching()
            left = Binary(sign, left, self.expression(level + 1), matching)
        return left

    def _operator(self) -> str:
        self.operators += 1
        if self.operators > MOST_OPERATORS:
            raise PromQLError(f"more than {MOST_OPERATORS} operators")
        return self.take().text.lower()

    def _power(self) -> Node:
        if self.is_sign("-", "+"):
            return Signed(self.take().text, self.expression(len(_LEVELS)))
        left = self._primary()
        if self.is_sign("^"):
            self._operator()
            matching = self._matching()
            return Binary("^", left, self.expression(len(_LEVELS)), matching)
        return left

    def _matching(self) -> str:
        words = []
        while self.peek.kind == "name" and self.peek.text.lower() in (
            *("bool", "on", "ignoring", "group_left", "group_right"),
        ):
            words.append(self.take().text.lower())
            if words[-1] != "bool" and self.is_sign("("):
                words.append(self._labels())
        return " ".join(words)

    def _labels(self) -> str:
        self.want("(")
        labels = []
        while not self.is_sign(")"):
            labels.append(self.take().text)
            if self.is_sign(","):
                self.take()
            elif not self.is_sign(")"):
                raise PromQLError("labels in brackets are separated by commas")
        self.want(")")
        return f"({', '.join(labels)})"

    def _primary(self) -> Node:
        token = self.peek
        if token.kind == "hole":
            raise PromQLError(f"{token.text} stands outside of quotes and has no value")
        if token.kind == "number":
            return Number(self.take().text)
        if token.kind == "string":
            return Text(self.take().text)
        if self.is_sign("("):
            return self._tailed(self._paren())
        if self.is_sign("{"):
            return self._selector("")
        if token.kind == "name":
            return self._named(self.take().text)
        raise PromQLError(f"{token.text[:40] or 'the end'!r} stands where a value is expected")

    def _paren(self) -> Paren:
        self.want("(")
        inner = self.expression(0)
        self.want(")")
        return Paren(inner)

    def _tailed(self, found: Node) -> Node:
        tail = self._tail()
        if tail and isinstance(found, Paren):
            return replace(found, tail=tail)
        return Windowed(found, tail) if tail else found

    def _tail(self) -> str:
        tail = ""
        while self.peek.kind == "range":
            tail += self.take().text
        while True:
            if self.peek.kind == "name" and self.peek.text.lower() == "offset":
                self.take()
                sign = self.take().text if self.is_sign("-") else ""
                tail += f" offset {sign}{self.take().text}"
            elif self.is_sign("@"):
                self.take()
                tail += f" @ {self.take().text}"
            else:
                return tail

    def _named(self, name: str) -> Node:
        lower = name.lower()
        grouped = self.peek.kind == "name" and self.peek.text.lower() in ("by", "without")
        if lower in AGGREGATIONS and (grouped or self.is_sign("(")):
            return self._tailed(self._aggregate(lower))
        if self.is_sign("("):
            return self._tailed(Call(name, self._args()))
        return self._selector(name)

    def _aggregate(self, name: str) -> Node:
        grouping = self._grouping()
        args = self._args()
        return Aggregate(name, args, grouping or self._grouping())

    def _grouping(self) -> str:
        if self.peek.kind == "name" and self.peek.text.lower() in ("by", "without"):
            return f"{self.take().text.lower()} {self._labels()}"
        return ""

    def _args(self) -> tuple[Node, ...]:
        self.want("(")
        args = []
        while not self.is_sign(")"):
            args.append(self.expression(0))
            if self.is_sign(","):
                self.take()
            elif not self.is_sign(")"):
                raise PromQLError(f"')' is wanted before {self.peek.text[:40]!r}")
        self.want(")")
        return tuple(args)

    def _selector(self, name: str) -> Selector:
        matchers = self._matchers() if self.is_sign("{") else ()
        window = self.take().text if self.peek.kind == "range" else ""
        return Selector(name, matchers, window, self._tail())

    def _matchers(self) -> tuple[Matcher, ...]:
        self.want("{")
        found = []
        while not self.is_sign("}"):
            label, sign, value = self.take(), self.take(), self.take()
            if (label.kind, value.kind) != ("name", "string") or sign.text not in (
                *("=", "!=", "=~", "!~"),
            ):
                raise PromQLError(f"{label.text}{sign.text}{value.text[:40]} is not a matcher")
            found.append(Matcher(label.text, sign.text, value.text))
            if self.is_sign(","):
                self.take()
        self.want("}")
        return tuple(found)
