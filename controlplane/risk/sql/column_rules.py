"""Steps on one column."""

from collections.abc import Iterator

from controlplane.risk.signals import Severity, Signal
from controlplane.risk.sql.expressions import volatile_call
from controlplane.risk.sql.outlook import Rebuild
from controlplane.risk.sql.replay import Replay
from controlplane.risk.sql.steps import Column, Step
from controlplane.risk.sql.types import Type, narrows, widens_free


def added(replay: Replay, step: Step) -> Iterator[Signal]:
    column = step.column
    if column is None or not replay.is_live(step.table):
        return
    name = f"{step.table}.{column.name}"
    if _is_required(replay, step.table, column):
        summary = f"{name} is NOT NULL and has no default that stays"
        yield replay.finding("required_column_added", "high", summary, step)
    if column.type.name == "json" and replay.engine.is_postgres:
        yield replay.finding("json_column", "medium", f"{name} has the type json", step)
    if "online" not in step.flags:
        yield from _filled(replay, step, column, name)
        yield from _constrained(replay, step, column, name)


def _is_required(replay: Replay, table: str, column: Column) -> bool:
    if not column.not_null or column.auto_increment or column.generated:
        return False
    return not _is_value(replay.outlook.defaults.get((table, column.name), column.default))


def _is_value(default: tuple[object, ...] | None) -> bool:
    """DEFAULT NULL is none."""
    return default is not None and [getattr(t, "word", "") for t in default] != ["NULL"]


def _filled(replay: Replay, step: Step, column: Column, name: str) -> Iterator[Signal]:
    """What the server writes into the rows that are there already."""
    severity = replay.blocking(step.table, "high")
    if column.auto_increment and replay.engine.name != "sqlite":
        yield replay.finding("auto_increment_added", severity, f"{name} numbers every row", step)
    elif column.generated == "stored" and replay.engine.name != "sqlite":
        yield replay.finding("stored_column_added", severity, f"{name} is computed", step)
    elif _is_value(column.default) and (reason := _why_rewritten(replay, column)):
        yield replay.finding("default_rewrites", severity, f"{name}: {reason}", step)


def _why_rewritten(replay: Replay, column: Column) -> str:
    engine = replay.engine
    called = volatile_call(column.default or ())
    if engine.is_postgres:
        if not engine.can("default without rewrite"):
            return "PostgreSQL before 11 writes the default into every row"
        return f"the default calls {called}, whose value differs from row to row" if called else ""
    if engine.is_mysql and not engine.can("instant column"):
        return "this server rebuilds the table to add a column with a default"
    if engine.is_mysql and called:
        return f"the default calls {called} for every row: the table is copied"
    return ""


def _constrained(replay: Replay, step: Step, column: Column, name: str) -> Iterator[Signal]:
    table, engine = step.table, replay.engine
    high = replay.blocking(table, "high")
    if column.has("primary_key") and not (column.auto_increment and engine.name != "sqlite"):
        yield replay.finding("primary_key_changed", high, f"{name} becomes the primary key", step)
    if column.has("unique"):
        severity: Severity = high if engine.is_postgres else "medium"
        yield replay.finding("unique_constraint_added", severity, f"{name} is UNIQUE", step)
    if column.has("check") and engine.name != "sqlite":
        yield replay.finding("check_added", high, f"{name} has a CHECK", step)
    for key in column.constraints:
        if key.kind == "foreign_key" and engine.is_postgres and replay.is_live(key.references):
            # NULL refers to nothing: then no row is looked at, and only the locks are left.
            scans = _is_value(column.default)
            severity = replay.blocking(table, "high" if scans else "medium")
            summary = f"{name} refers to {key.references}: both tables are locked at once"
            yield replay.finding("foreign_key_added", severity, summary, step)


def dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table) and (step.table, step.name) not in replay.added:
        summary = f"{step.table}.{step.name} is dropped"
        yield replay.finding("column_dropped", "high", summary, step)


def renamed(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table) and (step.table, step.name) not in replay.added:
        summary = f"{step.table}.{step.name} is renamed to {step.new_name}"
        yield replay.finding("column_renamed", "high", summary, step)


def not_null_set(replay: Replay, step: Step) -> Iterator[Signal]:
    place = (step.table, step.name)
    if not replay.is_live(step.table) or replay.schema.is_not_null(*place):
        return
    proven = place in replay.proven or step.table in replay.trusted
    if proven and replay.engine.can("NOT NULL from a valid check"):
        return
    severity = replay.blocking(step.table, "high")
    summary = f"{step.table}.{step.name} becomes NOT NULL"
    # On a small table the scan is nothing, but the old version's NULL is still refused.
    yield replay.finding("not_null_added", _at_least_medium(severity), summary, step)


def _at_least_medium(severity: Severity) -> Severity:
    return "medium" if severity == "low" else severity


def not_null_dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        summary = f"{step.table}.{step.name} may be NULL"
        yield replay.finding("not_null_dropped", "low", summary, step)


def default_dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    place = (step.table, step.name)
    if not replay.is_live(step.table) or place in replay.added:
        return
    severity: Severity = "medium" if replay.schema.is_not_null(*place) else "low"
    summary = f"{step.table}.{step.name} loses its default"
    yield replay.finding("default_dropped", severity, summary, step)


def identity_dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    """The server no longer fills the column, which the old version leaves to it."""
    if replay.is_live(step.table) and (step.table, step.name) not in replay.added:
        summary = f"{step.table}.{step.name} is no longer filled by the server"
        yield replay.finding("default_dropped", "medium", summary, step)


def type_changed(replay: Replay, step: Step) -> Iterator[Signal]:
    if step.type is None or not replay.is_live(step.table) or replay.engine.name == "sqlite":
        return
    old = replay.type(step.table, step.name)
    if _is_free(replay, old, step.type) and _keeps_value(step):
        return
    yield _type_finding(replay, step, f"{step.table}.{step.name}", old, step.type)


def _is_free(replay: Replay, old: Type, new: Type) -> bool:
    zones = {old.name, new.name} == {"timestamp", "timestamp with time zone"}
    if zones and replay.utc and replay.engine.can("timestamp to timestamptz in UTC"):
        return old.args == new.args
    return widens_free(old, new, replay.engine.dialect)


def _keeps_value(step: Step) -> bool:
    """USING column::type is what the server does anyway; anything else computes each value."""
    signs = [token.text for token in step.expression]
    plain = not signs or signs[0].lower() == step.name.lower()
    return plain and (len(signs) <= 1 or signs[1] == "::")


def _type_finding(replay: Replay, step: Step, name: str, old: Type, new: Type) -> Signal:
    severity = replay.blocking(step.table, "high")
    if narrows(old, new):
        severity = _at_least_medium(severity)
    was = f" from {old}" if old.name else ""
    summary = f"the type of {name} changes{was} to {new or 'another'}"
    return replay.finding("column_type_changed", severity, summary, step)


def modified(replay: Replay, step: Step) -> Iterator[Signal]:
    """MySQL's MODIFY and CHANGE state the whole column anew, changed or not."""
    column = step.column
    if column is None or not replay.is_live(step.table):
        return
    old, name = replay.type(step.table, step.name), f"{step.table}.{step.name}"
    was_not_null = replay.schema.is_not_null(step.table, step.name)
    required = _is_required(replay, step.table, column) and not was_not_null
    if required:
        summary = f"{name} becomes NOT NULL without a default that stays, unless it is so already"
        yield replay.finding("not_null_added", "medium", summary, step)
    if old.name and not widens_free(old, column.type, "mysql"):
        yield _type_finding(replay, step, name, old, column.type)
    elif not old.name and not (required or _is_about_null(replay, step, column)):
        summary = f"{name} is stated anew as {column.type}; what it was is not known"
        severity = replay.blocking(step.table, "medium")
        yield replay.finding("column_type_changed", severity, summary, step)


def _is_about_null(replay: Replay, step: Step, column: Column) -> bool:
    """NULL is the default and written out by those who want to allow it; a default beside it in
    the file is set by those who want to forbid it. With LOCK=NONE the server refuses to copy.
    """
    default = replay.outlook.defaults.get((step.table, step.name))
    return column.explicit_null or default is not None or "online" in step.flags


def rebuilt(replay: Replay, rebuild: Rebuild) -> Iterator[Signal]:
    """The new columns beside what fills them: a literal for a new one, coalesce(column, …) for
    one that may be NULL no longer. SQLite alters tables in no other way.
    """
    place = Step("rebuild", rebuild.start, rebuild.table)
    for column in rebuild.columns if rebuild.copies else ():
        filled_from = rebuild.copies.get(column.name)
        name = f"{rebuild.table}.{column.name}"
        if filled_from == column.name or not _is_required(replay, rebuild.table, column):
            continue
        if not column.has("primary_key"):
            summary = f"{name} is NOT NULL and has no default that stays"
            yield replay.finding("required_column_added", "high", summary, place)
    kept = {column.name for column in rebuild.columns}
    known = replay.schema.tables.get(rebuild.table)
    for name in sorted(set(known.types) - kept) if known and kept else ():
        summary = f"{rebuild.table}.{name} is dropped"
        yield replay.finding("column_dropped", "high", summary, place)
    if replay.engine.name != "sqlite":
        summary = f"{rebuild.table} is copied and exchanged"
        yield replay.finding("table_copied", "medium", summary, place)
