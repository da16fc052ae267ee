"""What a statement does, in words that are the same for every engine and dialect."""

from dataclasses import dataclass

from controlplane.risk.sql.lex import Token
from controlplane.risk.sql.types import Type

Tokens = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Constraint:
    """`kind`: check, foreign_key, unique, primary_key, exclude, not_null.
    `using_index`: the index that is promoted. `deferred_check`: NOT VALID or NOT ENFORCED.
    """

    kind: str
    name: str = ""
    columns: tuple[str, ...] = ()
    using_index: str = ""
    deferred_check: bool = False
    expression: Tokens = ()
    references: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """`default` is None where there is none. `explicit_null`: the definition says NULL."""

    name: str
    type: Type
    not_null: bool = False
    explicit_null: bool = False
    default: Tokens | None = None
    auto_increment: bool = False
    generated: str = ""
    constraints: tuple[Constraint, ...] = ()

    def has(self, kind: str) -> bool:
        return any(constraint.kind == kind for constraint in self.constraints)


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    columns: tuple[str, ...]
    unique: bool = False
    concurrently: bool = False
    only: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """`table`, `name` (of the column, constraint or other object) and `new_name` are folded as
    the engine folds names. `flags`: further words of the statement that matter, in lower case.
    `sources`: the tables that rows are copied from; `copies`: pairs of a column and the column
    that it is filled from, empty where that is another expression.
    """

    action: str
    start: int
    table: str = ""
    name: str = ""
    new_name: str = ""
    type: Type | None = None
    column: Column | None = None
    columns: tuple[Column, ...] = ()
    constraint: Constraint | None = None
    index: Index | None = None
    expression: Tokens = ()
    flags: frozenset[str] = frozenset()
    copies: tuple[tuple[str, str], ...] = ()
    sources: tuple[str, ...] = ()
