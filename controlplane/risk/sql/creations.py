"""CREATE, DROP, RENAME, and ALTER of everything that is not a table."""

from collections.abc import Iterator
from itertools import pairwise

from controlplane.risk.sql.columns import column_of, constraint_of, is_table_constraint, names_in
from controlplane.risk.sql.cursor import Cursor, parts_of
from controlplane.risk.sql.lex import Token
from controlplane.risk.sql.steps import Constraint, Index, Step

# Objects by their first word, or their first two.
_OBJECTS = {
    "MATERIALIZED VIEW", "VIEW", "TYPE", "DOMAIN", "SCHEMA", "DATABASE", "EXTENSION", "FUNCTION",
    "PROCEDURE", "ROUTINE", "AGGREGATE", "TRIGGER", "EVENT TRIGGER", "RULE", "POLICY", "SEQUENCE",
    "ROLE", "USER", "PUBLICATION", "SUBSCRIPTION", "SERVER", "COLLATION", "CAST", "OPERATOR",
    "STATISTICS", "TABLESPACE", "EVENT", "LANGUAGE", "CONVERSION", "TEXT SEARCH", "GROUP",
    "FOREIGN DATA", "ACCESS METHOD", "OWNED", "DEFAULT", "USER MAPPING", "LARGE OBJECT",
    "TRANSFORM",
}  # fmt: skip
_QUALIFIERS = (
    "OR", "REPLACE", "GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "RECURSIVE", "CONSTRAINT",
    "VIRTUAL", "TRUSTED", "PROCEDURAL",
)  # fmt: skip


def create(at: Cursor) -> Iterator[Step]:
    words = set()
    while word := at.take_any(*_QUALIFIERS):
        words.add(word)
    while at.take("ALGORITHM") or at.take("DEFINER") or at.take("SQL", "SECURITY"):
        _passed_option(at)
    if at.take("TABLE") or at.take("FOREIGN", "TABLE"):
        yield _table(at)
    elif _starts_index(at):
        yield _index(at)
    elif kind := _object(at):
        yield from _other(at, kind, frozenset(word.lower() for word in words))
    else:
        yield Step("unknown", at.start, name=f"CREATE {at.peek().text}")


def _passed_option(at: Cursor) -> None:
    at.take("=")
    at.next()
    if at.take("@"):
        at.next()


def _starts_index(at: Cursor) -> bool:
    return at.peek().word == "INDEX" or at.peek(1).word == "INDEX"


def _object(at: Cursor) -> str:
    two = f"{at.peek().word} {at.peek(1).word}"
    for phrase in (two, at.peek().word):
        if phrase in _OBJECTS:
            at.at += len(phrase.split(" "))
            return phrase.lower()
    return ""


def _table(at: Cursor) -> Step:
    at.take("IF", "NOT", "EXISTS")
    start, table = at.start, at.name()
    columns = []
    for part in parts_of(at.group()):
        inner = Cursor(part, exact=at.exact)
        if not is_table_constraint(inner):
            columns.append(column_of(inner))
    return Step("create_table", start, table, columns=tuple(columns), sources=_from(at))


def _from(at: Cursor) -> tuple[str, ...]:
    """The tables of CREATE TABLE … AS SELECT … FROM."""
    found = []
    while not at.done and not at.sees("CREATE", "INDEX"):
        if at.take_any("FROM", "JOIN"):
            found.append(at.name())
        else:
            at.next()
    return tuple(found)


def _index(at: Cursor) -> Step:
    kind = at.take_any("UNIQUE", "FULLTEXT", "SPATIAL", "CLUSTERED", "COLUMNSTORE").lower()
    at.take("INDEX")
    concurrently = at.take("CONCURRENTLY")
    at.take("IF", "NOT", "EXISTS")
    start, name = at.start, "" if at.sees("ON") else at.name()
    while not at.done and not at.take("ON"):
        at.next()
    only = at.take("ONLY")
    table = at.name()
    if at.take("USING"):
        at.next()
    columns = tuple(names_in(at.group(), exact=at.exact))
    index = Index(name, columns, kind == "unique", concurrently, only, kind)
    flags = {"online"} if _says_online(at.rest()) else set()
    return Step("create_index", start, table, name, index=index, flags=frozenset(flags))


def _says_online(rest: list[Token]) -> bool:
    words = [token.word for token in rest if token.text != "="]
    pairs = set(pairwise(words))
    return ("ALGORITHM", "INSTANT") in pairs or ("LOCK", "NONE") in pairs


def _other(at: Cursor, kind: str, flags: frozenset[str]) -> Iterator[Step]:
    at.take("IF", "NOT", "EXISTS")
    start, name = at.start, at.name()
    table = _on(at) if kind in ("trigger", "policy", "rule") else ""
    words = {token.word for token in at.tokens[at.at :]}
    if kind == "domain" and words & {"CHECK", "NOT"}:
        yield Step("create_domain_with_constraint", start, name=name)
    elif kind in ("role", "user") and "SUPERUSER" in words:
        yield Step("superuser", start, name=name)
    yield Step("create_object", start, table, name, flags=flags | {kind})


def _on(at: Cursor) -> str:
    """The table of a trigger or a policy: of `UPDATE OF name ON table` the last."""
    while not at.done:
        if at.take("ON"):
            return at.name()
        at.next()
    return ""


def drop(at: Cursor) -> Iterator[Step]:
    start = at.start
    temporary = bool(at.take_any("TEMP", "TEMPORARY"))
    if at.take("TABLE") or at.take("FOREIGN", "TABLE"):
        at.take("IF", "EXISTS")
        tables = _names(at)
        flags = _flags(at) | ({"temporary"} if temporary else set())
        for table in tables or [""]:
            yield Step("drop_table", start, table, flags=frozenset(flags))
    elif at.take("INDEX"):
        concurrently = at.take("CONCURRENTLY")
        at.take("IF", "EXISTS")
        flags = {"concurrently"} if concurrently else set()
        for name in [""] if at.sees("ON") else _names(at):
            table = at.name() if at.take("ON") else ""
            yield Step("drop_index", start, table, name, flags=frozenset(flags))
    elif kind := _object(at):
        at.take("IF", "EXISTS")
        name = at.name()
        at.group()
        table = at.name() if at.take("ON") else ""
        yield Step("drop_object", start, table, name, flags=frozenset(_flags(at) | {kind}))
    else:
        yield Step("unknown", start, name=f"DROP {at.peek().text}")


def _names(at: Cursor) -> list[str]:
    found = [at.name()]
    while at.take(","):
        found.append(at.name())
    return [name for name in found if name]


def _flags(at: Cursor) -> set[str]:
    return {"cascade"} if "CASCADE" in {token.word for token in at.tokens[at.at :]} else set()


def rename_tables(at: Cursor) -> Iterator[Step]:
    """MySQL: RENAME TABLE a TO b, c TO a, all at one moment."""
    at.take_any("TABLE", "TABLES")
    while not at.done:
        start, old = at.start, at.name()
        if not at.take("TO"):
            return
        yield Step("rename_table", start, old, new_name=at.name())
        at.take(",")


def alter_other(at: Cursor) -> Iterator[Step]:
    start = at.start
    kind = "index" if at.take("INDEX") else _object(at)
    if at.take("SYSTEM"):
        yield Step("server_setting", start, name="ALTER SYSTEM")
        return
    if not kind:
        yield Step("unknown", start, name=f"ALTER {at.peek().text}")
        return
    at.take("IF", "EXISTS")
    name = at.name()
    at.group()
    if at.take("RENAME", "VALUE"):
        yield Step("rename_enum_value", start, name=name, expression=tuple(at.rest()[:3]))
    elif at.take("RENAME", "TO"):
        yield Step("rename_object", start, name=name, new_name=at.name(), flags=frozenset({kind}))
    else:
        yield from _altered(at, kind, name, start)


def _altered(at: Cursor, kind: str, name: str, start: int) -> Iterator[Step]:
    if kind == "type":
        yield from _altered_type(at, name, start)
    elif kind == "domain":
        constraint = constraint_of(at) if at.take("ADD") else None
        if at.take("SET", "NOT", "NULL"):
            constraint = Constraint("not_null")
        if constraint:
            yield Step("constrain_domain", start, name=name, constraint=constraint)
    elif kind in ("role", "user") and "SUPERUSER" in {token.word for token in at.tokens}:
        yield Step("superuser", start, name=name)
    elif kind == "database" and at.sees("SET"):
        yield Step("server_setting", start, name=f"ALTER DATABASE {name}")


def _altered_type(at: Cursor, name: str, start: int) -> Iterator[Step]:
    if at.take("ADD", "VALUE"):
        yield Step("add_enum_value", start, name=name)
    elif at.take_any("DROP", "ALTER") or at.take("RENAME", "ATTRIBUTE"):
        yield Step("change_composite_type", start, name=name)
