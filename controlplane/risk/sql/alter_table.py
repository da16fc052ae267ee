"""The actions of one ALTER TABLE, each a step of its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from controlplane.risk.sql.columns import (
    column_of,
    column_type,
    constraint_of,
    default_of,
    is_table_constraint,
    names_in,
)
from controlplane.risk.sql.cursor import Cursor, parts_of
from controlplane.risk.sql.steps import Index, Step

# Where a semicolon was forgotten, the next statement starts here.
STARTS = (
    ("CREATE", "INDEX"), ("CREATE", "UNIQUE"), ("CREATE", "TABLE"), ("ALTER", "TABLE"),
    ("DROP", "TABLE"), ("DROP", "INDEX"),
)  # fmt: skip


def actions(at: Cursor) -> Iterator[Step]:
    """Leaves the cursor at the end, or where another statement starts without a semicolon."""
    at.take("IF", "EXISTS")
    at.take("ONLY")
    table = at.name()
    at.take("*")
    found: list[Step] = []
    how: set[str] = set()
    while not at.done:
        how |= _how(at)
        found += _action(at, table)
        while not at.done and not at.take(","):
            if any(at.sees(*start) for start in STARTS):
                return iter([replace(step, flags=step.flags | how) for step in found])
            _pass_over(at)
    return iter([replace(step, flags=step.flags | how) for step in found])


def _pass_over(at: Cursor) -> None:
    if not at.group():
        at.next()


def _how(at: Cursor) -> set[str]:
    """MySQL: how the server is told to do it; it refuses rather than do it otherwise."""
    asked = at.take_any("ALGORITHM", "LOCK")
    if not asked:
        return set()
    at.take("=")
    word = at.next().word
    if word in ("INSTANT", "NONE"):
        return {"online"}
    return {"blocking"} if word in ("COPY", "SHARED", "EXCLUSIVE") else set()


def _action(at: Cursor, table: str) -> list[Step]:
    start = at.start
    for word, read in _READERS.items():
        if at.take(word):
            return [replace(step, start=start, table=table) for step in read(at)]
    for phrase, action in _SIMPLE:
        if at.take(*phrase):
            return [Step(action, start, table, name=at.name())]
    if any(at.take(*phrase) for phrase in _HARMLESS) or at.done or at.sees(","):
        return []
    return [Step("unknown", start, table, name=" ".join(t.text for t in at.ahead(4)))]


def _add(at: Cursor) -> list[Step]:
    if at.take("PARTITION"):
        return []
    if _is_index(at):
        return [Step("create_index", 0, index=_index(at))]
    if is_table_constraint(at):
        constraint = constraint_of(at)
        return [Step("add_constraint", 0, constraint=constraint)] if constraint else []
    at.take("COLUMN")
    at.take("IF", "NOT", "EXISTS")
    if not at.sees("("):
        return [Step("add_column", 0, column=column_of(at))]
    parts = [Cursor(part, exact=at.exact) for part in parts_of(at.group())]
    return [
        Step("add_column", 0, column=column_of(part))
        for part in parts
        if not is_table_constraint(part)
    ]


def _is_index(at: Cursor) -> bool:
    named = at.peek(1).kind in ("quoted", "word") or at.peek(1).text == "("
    return at.peek().word in ("INDEX", "KEY", "FULLTEXT", "SPATIAL") and named


def _index(at: Cursor) -> Index:
    kind = at.take_any("FULLTEXT", "SPATIAL").lower()
    at.take_any("INDEX", "KEY")
    at.take("IF", "NOT", "EXISTS")
    name = "" if at.sees("(") else at.name()
    while not at.done and not at.sees("(") and not at.sees(","):
        at.next()
    return Index(name, tuple(names_in(at.group(), exact=at.exact)), kind=kind)


def _drop(at: Cursor) -> list[Step]:
    if at.take("PARTITION"):
        return [Step("drop_partition", 0, name=at.name())]
    if at.take("PRIMARY", "KEY"):
        return [Step("drop_primary_key", 0)]
    if at.take_any("INDEX", "KEY"):
        return [Step("drop_index", 0, name=at.name(), flags=frozenset({"of_table"}))]
    if at.take_any("CONSTRAINT", "CHECK") or at.take("FOREIGN", "KEY"):
        at.take("IF", "EXISTS")
        return [Step("drop_constraint", 0, name=at.name())]
    at.take("COLUMN")
    at.take("IF", "EXISTS")
    return [Step("drop_column", 0, name=at.name())]


def _alter(at: Cursor) -> list[Step]:
    if at.take_any("CONSTRAINT", "INDEX", "CHECK"):
        at.until()
        return []
    at.take("COLUMN")
    column = at.name()
    if at.take("SET", "DATA", "TYPE") or at.take("TYPE"):
        new = column_type(at)
        at.take("COLLATE") and at.name()
        using = at.until() if at.take("USING") else []
        return [Step("change_type", 0, name=column, type=new, expression=tuple(using))]
    if at.take("SET", "DEFAULT"):
        return [Step("set_default", 0, name=column, expression=default_of(at))]
    for phrase, action in _COLUMN_ACTIONS:
        if at.take(*phrase):
            return [Step(action, 0, name=column)] if action else []
    return [Step("unknown", 0, name=f"alter column {column}")]


_COLUMN_ACTIONS = (
    (("DROP", "DEFAULT"), "drop_default"),
    (("SET", "NOT", "NULL"), "set_not_null"),
    (("DROP", "NOT", "NULL"), "drop_not_null"),
    (("SET", "EXPRESSION"), "set_expression"),
    # An identity is numbered from now on; what stands in the column is not touched.
    (("ADD", "GENERATED"), ""),
    (("DROP", "EXPRESSION"), "drop_identity"),
    (("DROP", "IDENTITY"), "drop_identity"),
    (("SET",), ""),
    (("RESET",), ""),
    (("RESTART",), ""),
)


def _modify(at: Cursor) -> list[Step]:
    at.take("COLUMN")
    at.take("IF", "EXISTS")
    column = column_of(at)
    return [Step("modify_column", 0, name=column.name, column=column)]


def _change(at: Cursor) -> list[Step]:
    at.take("COLUMN")
    at.take("IF", "EXISTS")
    old = at.name()
    column = column_of(at)
    found = [Step("modify_column", 0, name=old, column=column)]
    if old != column.name:
        found.append(Step("rename_column", 0, name=old, new_name=column.name))
    return found


def _rename(at: Cursor) -> list[Step]:
    if at.take("TO") or at.take("AS") or at.take("="):
        return [Step("rename_table", 0, new_name=at.name())]
    if at.take_any("CONSTRAINT", "INDEX", "KEY"):
        at.until()
        return []
    at.take("COLUMN")
    old = at.name()
    if at.take("TO"):
        return [Step("rename_column", 0, name=old, new_name=at.name())]
    return [Step("rename_table", 0, new_name=old)]


def _detach(at: Cursor) -> list[Step]:
    at.take("PARTITION")
    name = at.name()
    online = at.take_any("CONCURRENTLY", "FINALIZE")
    flags = frozenset({"concurrently"}) if online else frozenset()
    return [Step("detach_partition", 0, name=name, flags=flags)]


_READERS: dict[str, Callable[[Cursor], list[Step]]] = {
    "ADD": _add,
    "DROP": _drop,
    "ALTER": _alter,
    "MODIFY": _modify,
    "CHANGE": _change,
    "RENAME": _rename,
    "DETACH": _detach,
}
_SIMPLE = (
    (("VALIDATE", "CONSTRAINT"), "validate_constraint"),
    (("ATTACH", "PARTITION"), "attach_partition"),
    (("SET", "SCHEMA"), "move_to_schema"),
    (("SET", "TABLESPACE"), "rewrite"),
    (("SET", "LOGGED"), "rewrite"),
    (("SET", "UNLOGGED"), "rewrite"),
    (("SET", "ACCESS", "METHOD"), "rewrite"),
    (("ENGINE",), "rebuild"),
    (("CONVERT", "TO"), "rewrite"),
    (("ORDER", "BY"), "rewrite"),
    (("ROW_FORMAT",), "rebuild"),
    (("FORCE", "ROW"), "enable_row_security"),
    (("FORCE",), "rebuild"),
    (("PARTITION", "BY"), "rewrite"),
    (("REMOVE", "PARTITIONING"), "rewrite"),
    (("REORGANIZE", "PARTITION"), "rewrite"),
    (("COALESCE", "PARTITION"), "rewrite"),
    (("EXCHANGE", "PARTITION"), "rewrite"),
    (("REBUILD", "PARTITION"), "rewrite"),
    (("TRUNCATE", "PARTITION"), "drop_partition"),
    (("DISCARD",), "drop_partition"),
    (("ENABLE", "ROW"), "enable_row_security"),
    (("DISABLE", "ROW"), "disable_row_security"),
    (("DISABLE", "TRIGGER"), "disable_trigger"),
)
_HARMLESS = tuple(
    (word,)
    for word in (
        "SET", "RESET", "OWNER", "CLUSTER", "INHERIT", "NO", "OF", "NOT", "REPLICA", "ENABLE",
        "DISABLE", "COMMENT", "AUTO_INCREMENT", "DEFAULT", "CHARACTER", "CHARSET", "COLLATE",
        "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES", "ANALYZE", "CHECK",
        "OPTIMIZE", "REPAIR", "IMPORT", "KEY_BLOCK_SIZE", "COMPRESSION", "MAX_ROWS", "MIN_ROWS",
        "AVG_ROW_LENGTH", "CHECKSUM", "DELAY_KEY_WRITE", "UNION", "WITH", "WITHOUT", "DEPENDS",
        "SECONDARY_LOAD", "SECONDARY_UNLOAD", "OPTIONS",
    )
)  # fmt: skip
