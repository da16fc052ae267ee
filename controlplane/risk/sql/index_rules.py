"""Indexes: made, dropped, made anew."""

from collections.abc import Iterator

from controlplane.risk.signals import Severity, Signal
from controlplane.risk.sql.replay import Replay
from controlplane.risk.sql.steps import Index, Step

_MOST_COLUMNS = 3


def created(replay: Replay, step: Step) -> Iterator[Signal]:
    index = step.index
    if index is None:
        return
    if index.concurrently and replay.in_transaction:
        summary = f"{_named(index.name)} is built concurrently inside of a transaction"
        yield replay.finding("concurrent_index_in_transaction", "high", summary, step)
    if not replay.is_live(step.table):
        return
    if _has_corruption_bug(replay, index):
        summary = f"{_named(index.name)} is built by a server that may corrupt it"
        yield replay.finding("index_corruption_bug", "medium", summary, step)
    if len(index.columns) > _MOST_COLUMNS and not index.unique and not index.kind:
        summary = f"{_named(index.name)} has {len(index.columns)} columns"
        yield replay.finding("wide_index", "medium", summary, step)
    if _blocks_writes(replay, index, step):
        severity = replay.blocking(step.table, "high")
        summary = f"writes of {step.table} wait for {_named(index.name)}"
        yield replay.finding("index_blocks_writes", severity, summary, step)
    yield from _uniqueness(replay, index, step)


def _named(name: str) -> str:
    return f"index {name}" if name else "an index"


def _has_corruption_bug(replay: Replay, index: Index) -> bool:
    version = replay.engine.version
    told = len(version) > 1 and replay.engine.is_postgres
    return index.concurrently and told and (14, 0) <= version < (14, 4)


def _blocks_writes(replay: Replay, index: Index, step: Step) -> bool:
    """ON ONLY makes the frame of a partitioned index, without rows. MySQL builds all but
    full-text and spatial indexes beside the traffic.
    """
    if replay.engine.is_postgres:
        return not index.concurrently and not index.only
    no_other_way = index.kind in ("fulltext", "spatial")
    return replay.engine.is_mysql and no_other_way and "online" not in step.flags


def _uniqueness(replay: Replay, index: Index, step: Step) -> Iterator[Signal]:
    """Columns that the file itself adds are not written by the old version. An index that goes on
    to back a constraint is the documented way: its author has thought of uniqueness.
    """
    new = all((step.table, column) in replay.added for column in index.columns)
    if index.unique and not new and index.name not in replay.outlook.promoted:
        columns = ", ".join(column or "an expression" for column in index.columns)
        summary = f"{step.table} has to be unique in {columns}"
        yield replay.finding("new_uniqueness", "medium", summary, step)


def dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    """Elsewhere it takes a moment, and here too when told to; the slow queries remain."""
    if "concurrently" in step.flags and replay.in_transaction:
        summary = f"{_named(step.name)} is dropped concurrently inside of a transaction"
        yield replay.finding("concurrent_index_in_transaction", "high", summary, step)
    made_here = step.name in replay.indexes or (step.table and not replay.is_live(step.table))
    if made_here or "concurrently" in step.flags:
        return
    severity: Severity = "medium" if replay.engine.is_postgres else "low"
    yield replay.finding("index_dropped", severity, f"{_named(step.name)} is dropped", step)


def rebuilt(replay: Replay, step: Step) -> Iterator[Signal]:
    if "concurrently" not in step.flags and replay.engine.is_postgres:
        summary = f"{step.name or 'every index'} is built anew"
        yield replay.finding("index_rebuilt", "high", summary, step)
    elif "concurrently" in step.flags and replay.in_transaction:
        summary = f"{step.name} is built anew concurrently inside of a transaction"
        yield replay.finding("concurrent_index_in_transaction", "high", summary, step)
