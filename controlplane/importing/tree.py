"""PromQL as a tree that can be looked at, changed and written again. PURE."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple


class Matcher(NamedTuple):
    label: str
    operator: str
    quoted: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.quoted}"

    @property
    def value(self) -> str:
        return self.quoted[1:-1]


@dataclass(frozen=True)
class Node:
    def children(self) -> tuple["Node", ...]:
        return ()


@dataclass(frozen=True)
class Number(Node):
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def value(self) -> float | None:
        try:
            return float(self.text)
        except ValueError:
            return None


@dataclass(frozen=True)
class Text(Node):
    quoted: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True)
class Selector(Node):
    name: str
    matchers: tuple[Matcher, ...] = ()
    window: str = ""  # "[5m]"
    tail: str = ""  # " offset 5m"
    cohort: bool = False

    def __str__(self) -> str:
        inside = [str(each) for each in self.matchers] + ["$cohort"] * self.cohort
        braces = f"{{{','.join(inside)}}}" if inside or not self.name else ""
        return f"{self.name}{braces}{self.window}{self.tail}"


@dataclass(frozen=True)
class Call(Node):
    name: str
    args: tuple[Node, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})"

    def children(self) -> tuple[Node, ...]:
        return self.args


@dataclass(frozen=True)
class Aggregate(Node):
    name: str
    args: tuple[Node, ...]
    grouping: str = ""  # "by (le)"

    def __str__(self) -> str:
        by = f" {self.grouping} " if self.grouping else ""
        return f"{self.name}{by}({', '.join(map(str, self.args))})"

    def children(self) -> tuple[Node, ...]:
        return self.args


@dataclass(frozen=True)
class Binary(Node):
    sign: str
    left: Node
    right: Node
    matching: str = ""  # "on (instance) group_left ()"

    def __str__(self) -> str:
        matching = f" {self.matching}" if self.matching else ""
        return f"{self.left} {self.sign}{matching} {self.right}"

    def children(self) -> tuple[Node, ...]:
        return self.left, self.right


@dataclass(frozen=True)
class Signed(Node):
    sign: str
    inner: Node

    def __str__(self) -> str:
        return f"{self.sign}{self.inner}"

    def children(self) -> tuple[Node, ...]:
        return (self.inner,)


@dataclass(frozen=True)
class Paren(Node):
    inner: Node
    tail: str = ""  # of a subquery: "[1h:5m]"

    def __str__(self) -> str:
        return f"({self.inner}){self.tail}"

    def children(self) -> tuple[Node, ...]:
        return (self.inner,)


@dataclass(frozen=True)
class Windowed(Node):
    """A subquery without brackets around what it looks at: `rate(x[1m])[1h:5m]`."""

    inner: Node
    tail: str

    def __str__(self) -> str:
        return f"{self.inner}{self.tail}"

    def children(self) -> tuple[Node, ...]:
        return (self.inner,)


def walk(node: Node) -> Iterator[Node]:
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        todo.extend(reversed(each.children()))


def selectors(node: Node) -> list[Selector]:
    return [each for each in walk(node) if isinstance(each, Selector)]


def bare(node: Node) -> Node:
    """Without brackets around it."""
    while isinstance(node, Paren) and not node.tail:
        node = node.inner
    return node


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with every node changed, from its leaves upwards."""
    match node:
        case Call() | Aggregate():
            node = replace(node, args=tuple(mapped(each, change) for each in node.args))
        case Binary():
            left, right = mapped(node.left, change), mapped(node.right, change)
            node = replace(node, left=left, right=right)
        case Signed() | Paren() | Windowed():
            node = replace(node, inner=mapped(node.inner, change))
    return change(node)
