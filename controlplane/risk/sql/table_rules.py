"""Steps on whole tables: dropped, renamed, constrained, written anew."""

from collections.abc import Iterator

from controlplane.risk.signals import Severity, Signal
from controlplane.risk.sql.replay import Replay
from controlplane.risk.sql.steps import Constraint, Step

# A finding's name, its severity and what it says of each kind of constraint.
_SCANS: dict[str, tuple[str, str]] = {
    "check": ("check_added", "a CHECK is added to {} and checked at once"),
    "foreign_key": ("foreign_key_added", "a foreign key is added to {} and checked at once"),
    "unique": ("unique_constraint_added", "a UNIQUE constraint is added to {}"),
    "primary_key": ("primary_key_changed", "a primary key is added to {}"),
    "exclude": ("exclusion_added", "an exclusion constraint is added to {}"),
    "not_null": ("not_null_added", "a column of {} becomes NOT NULL"),
}


def dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    excused = (step.table, step.start) in replay.outlook.excused
    if not excused and replay.is_live(step.table) and "temporary" not in step.flags:
        yield replay.finding("table_dropped", "critical", f"{step.table} is dropped", step)


def renamed(replay: Replay, step: Step) -> Iterator[Signal]:
    excused = (step.table, step.start) in replay.outlook.excused
    if excused or not replay.is_live(step.table):
        return
    # A view under the old name serves the old version, writes too.
    severity: Severity = "low" if step.table in replay.outlook.views else "high"
    summary = f"{step.table} is renamed to {step.new_name}"
    yield replay.finding("table_renamed", severity, summary, step)


def moved(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        summary = f"{step.table} moves to another schema"
        yield replay.finding("table_renamed", "high", summary, step)


def constrained(replay: Replay, step: Step) -> Iterator[Signal]:
    constraint = step.constraint
    if constraint is None or not replay.is_live(step.table) or "online" in step.flags:
        return
    if constraint.using_index or constraint.deferred_check:
        return
    name, summary = _SCANS[constraint.kind]
    severity = _severity(replay, step, constraint)
    if severity:
        yield replay.finding(name, severity, summary.format(step.table), step)


def _severity(replay: Replay, step: Step, constraint: Constraint) -> Severity | None:
    """MySQL builds an index beside the traffic, but copies the table for keys and checks; SQLite
    holds its one lock for a moment. New uniqueness may hurt the old version everywhere.
    """
    if constraint.kind in ("unique", "primary_key") and not replay.engine.is_postgres:
        return "medium"
    if constraint.kind == "foreign_key" and replay.engine.is_mysql:
        return replay.blocking(step.table, "medium")
    if replay.engine.name == "sqlite":
        return None
    severity = replay.blocking(step.table, "high")
    return "medium" if severity == "low" and constraint.kind in _REFUSES else severity


# They may refuse what the old version writes, however small the table is.
_REFUSES = {"unique", "primary_key", "not_null", "exclude"}


def validated(replay: Replay, step: Step) -> Iterator[Signal]:
    """By itself it blocks nobody; within a transaction that holds the table's lock it does."""
    _, added_in = replay.unproven.get((step.table, step.name), (None, -1))
    same = replay.in_transaction and added_in == replay.transaction
    if replay.is_live(step.table) and (same or step.table in replay.locked):
        summary = f"{step.name} of {step.table} is validated while the table is locked"
        severity = replay.blocking(step.table, "high")
        yield replay.finding("validated_at_once", severity, summary, step)


def primary_key_dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        summary = f"the primary key of {step.table} is dropped"
        yield replay.finding("primary_key_changed", "high", summary, step)


def rewritten(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table) and "online" not in step.flags:
        what = f" ({step.name})" if step.name else ""
        severity = replay.blocking(step.table, "high")
        summary = f"{step.table or 'every table'} is written anew{what}"
        yield replay.finding("table_rewritten", severity, summary, step)


def told_to_block(replay: Replay, step: Step) -> Iterator[Signal]:
    """MySQL's ALGORITHM=COPY or LOCK=SHARED, where it might have gone without."""
    if "blocking" in step.flags and replay.is_live(step.table):
        severity = replay.blocking(step.table, "high")
        summary = f"{step.table} is to be altered by a blocking copy"
        yield replay.finding("table_rewritten", severity, summary, step)


def partition_attached(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.name) and replay.is_live(step.table):
        severity = replay.blocking(step.name, "medium")
        summary = f"{step.name} becomes a partition of {step.table}"
        yield replay.finding("partition_attached", severity, summary, step)


def partition_detached(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table) and "concurrently" not in step.flags:
        summary = f"{step.name} is detached from {step.table}"
        yield replay.finding("partition_detached", "medium", summary, step)


def partition_dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        summary = f"the rows of partition {step.name} of {step.table} are dropped"
        yield replay.finding("partition_dropped", "critical", summary, step)


def truncated(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        cascade = " and what refers to it" if "cascade" in step.flags else ""
        summary = f"{step.table}{cascade} is emptied"
        yield replay.finding("table_truncated", "critical", summary, step)


def locked(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        yield replay.finding("table_locked", "medium", f"{step.table} is locked", step)


def view_refreshed(replay: Replay, step: Step) -> Iterator[Signal]:
    if step.table not in replay.objects:
        yield replay.finding("view_refreshed", "medium", f"{step.table} is computed anew", step)


def rows_deleted(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table) and "filtered" not in step.flags:
        summary = f"all rows of {step.table} are deleted"
        yield replay.finding("rows_deleted", "high", summary, step)
    else:
        yield from _under_lock(replay, step)


def rows_updated(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table) and "filtered" not in step.flags:
        severity = replay.blocking(step.table, "medium")
        summary = f"all rows of {step.table} are updated in one statement"
        yield replay.finding("rows_updated", severity, summary, step)
    else:
        yield from _under_lock(replay, step)


def _under_lock(replay: Replay, step: Step) -> Iterator[Signal]:
    if step.table in replay.locked:
        severity = replay.blocking(step.table, "medium")
        summary = f"rows of {step.table} are changed while the table is locked"
        yield replay.finding("rows_changed_under_lock", severity, summary, step)
