"""Where the file stands between two of its statements."""

from collections.abc import Callable
from dataclasses import dataclass, field

from controlplane.risk.signals import Severity, Signal
from controlplane.risk.sql.engine import Engine
from controlplane.risk.sql.findings import CATALOGUE
from controlplane.risk.sql.outlook import Outlook
from controlplane.risk.sql.schema import Schema
from controlplane.risk.sql.steps import Constraint, Step
from controlplane.risk.sql.types import Type


@dataclass(slots=True)
class Replay:
    """`created`: tables that the file made, which no old version uses and nobody waits for.
    `locked`: live tables whose lock the open transaction holds. `unproven`: constraints that
    were added without a check, and in which transaction. `proven`: columns that a valid
    check keeps from NULL; `trusted`: tables with a validated check that an earlier file added.
    """

    engine: Engine
    schema: Schema
    outlook: Outlook
    line: Callable[[int], int]
    in_transaction: bool = False
    transaction: int = 0
    created: set[str] = field(default_factory=set)
    added: set[tuple[str, str]] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    unproven: dict[tuple[str, str], tuple[Constraint, int]] = field(default_factory=dict)
    proven: set[tuple[str, str]] = field(default_factory=set)
    trusted: set[str] = field(default_factory=set)
    lock_timeout: bool = False
    utc: bool = False

    def is_live(self, table: str) -> bool:
        return table not in self.created

    def blocking(self, table: str, severity: Severity) -> Severity:
        """What lasts as long as the table is large is no matter for a small one."""
        return "low" if self.schema.is_small(table) else severity

    def type(self, table: str, column: str) -> Type:
        return self.schema.type(table, column)

    def finding(self, name: str, severity: Severity, summary: str, step: Step) -> Signal:
        entry = CATALOGUE[name]
        return Signal(
            id=name,
            severity=severity,
            summary=summary,
            where=f"line {self.line(step.start)}",
            why=entry.why,
            remedy=entry.remedy,
            aliases=entry.aliases,
            reversibility=entry.reversibility,
        )

    def advance(self, step: Step) -> None:
        effect = _EFFECTS.get(step.action)
        if effect is not None:
            effect(self, step)
        if self.in_transaction and step.action in TAKES_LOCK and self.is_live(step.table):
            self.locked.add(step.table)


# Under ACCESS EXCLUSIVE, or under SHARE ROW EXCLUSIVE for foreign keys: writes wait in each case.
TAKES_LOCK = {
    "add_column", "drop_column", "change_type", "set_default", "drop_default", "set_not_null",
    "drop_not_null", "add_constraint", "drop_constraint", "rename_column", "rename_table",
    "rewrite", "rebuild", "lock_table", "attach_partition", "detach_partition", "modify_column",
    "enable_row_security", "disable_row_security", "disable_trigger", "move_to_schema",
}  # fmt: skip


def _create_table(replay: Replay, step: Step) -> None:
    replay.created.add(step.table)
    table = replay.schema.table(step.table)
    table.types.update((column.name, column.type) for column in step.columns)


def _rename_table(replay: Replay, step: Step) -> None:
    if step.table in replay.created:
        replay.created.discard(step.table)
        replay.created.add(step.new_name)
    if step.table in replay.schema.tables:
        replay.schema.tables[step.new_name] = replay.schema.tables.pop(step.table)


def _drop_table(replay: Replay, step: Step) -> None:
    """A table that is made anew under the name is a new one; until then the name is free."""
    replay.created.discard(step.table)
    replay.schema.tables.pop(step.table, None)


def _add_column(replay: Replay, step: Step) -> None:
    if step.column:
        replay.added.add((step.table, step.column.name))
        replay.schema.table(step.table).types[step.column.name] = step.column.type


def _change_type(replay: Replay, step: Step) -> None:
    if step.type:
        replay.schema.table(step.table).types[step.name] = step.type


def _modify_column(replay: Replay, step: Step) -> None:
    if step.column:
        replay.schema.table(step.table).types[step.column.name] = step.column.type


def _add_constraint(replay: Replay, step: Step) -> None:
    constraint = step.constraint
    if constraint and constraint.deferred_check:
        replay.unproven[step.table, constraint.name] = (constraint, replay.transaction)
    elif constraint:
        _prove(replay, step.table, constraint)


def _validate(replay: Replay, step: Step) -> None:
    found = replay.unproven.pop((step.table, step.name), None)
    if found is None:
        replay.trusted.add(step.table)
    else:
        _prove(replay, step.table, found[0])


def _prove(replay: Replay, table: str, constraint: Constraint) -> None:
    """Of CHECK (a IS NOT NULL AND b IS NOT NULL) both columns; an OR proves nothing."""
    if constraint.kind == "not_null":
        replay.proven |= {(table, column) for column in constraint.columns}
    words = [token.word or token.text for token in constraint.expression]
    if constraint.kind != "check" or "OR" in words:
        return
    for index in range(len(words) - 3):
        if words[index + 1 : index + 4] == ["IS", "NOT", "NULL"]:
            token = constraint.expression[index]
            name = token.text if token.kind == "quoted" else token.text.lower()
            replay.proven.add((table, name))


def _end_transaction(replay: Replay, _step: Step) -> None:
    replay.in_transaction = False
    replay.transaction += 1
    replay.locked.clear()


def _begin(replay: Replay, _step: Step) -> None:
    replay.in_transaction = True


def _set(replay: Replay, step: Step) -> None:
    if step.name in ("lock_timeout", "lock_wait_timeout", "statement_timeout", "busy_timeout"):
        replay.lock_timeout = step.new_name not in ("0", "default")
    elif step.name == "timezone":
        replay.utc = step.new_name in ("utc", "etc/utc")


def _create_index(replay: Replay, step: Step) -> None:
    if step.index and not replay.is_live(step.table):
        replay.indexes.add(step.index.name)


def _create_object(replay: Replay, step: Step) -> None:
    replay.objects.add(step.name)


_EFFECTS: dict[str, Callable[[Replay, Step], None]] = {
    "create_table": _create_table,
    "rename_table": _rename_table,
    "drop_table": _drop_table,
    "add_column": _add_column,
    "change_type": _change_type,
    "modify_column": _modify_column,
    "add_constraint": _add_constraint,
    "validate_constraint": _validate,
    "begin": _begin,
    "commit": _end_transaction,
    "rollback": _end_transaction,
    "set": _set,
    "create_index": _create_index,
    "create_object": _create_object,
}
