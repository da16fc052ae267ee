"""What the case says about the tables that are there: column types, and how many rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.risk.shapes import number_of
from controlplane.risk.sql.types import UNKNOWN, Type, type_of

# Below, a scan or a rewrite takes a fraction of a second.
SMALL_ROWS = 10_000
_MOST_TABLES = 10_000


@dataclass(slots=True)
class Table:
    """`not_null`: columns of which that is known. `rows` is None where nobody said."""

    rows: float | None = None
    types: dict[str, Type] = field(default_factory=dict)
    not_null: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Schema:
    tables: dict[str, Table] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        return self.tables.setdefault(name, Table())

    def type(self, table: str, column: str) -> Type:
        found = self.tables.get(table)
        return found.types.get(column, UNKNOWN) if found else UNKNOWN

    def is_not_null(self, table: str, column: str) -> bool:
        found = self.tables.get(table)
        return found is not None and column in found.not_null

    def is_small(self, table: str) -> bool:
        found = self.tables.get(table)
        return found is not None and found.rows is not None and found.rows < SMALL_ROWS


def schema_of(said: Any, *, exact: bool) -> Schema:
    """Either `{"table", "column", "current_type", "rows"?}`, a list of such, or
    `{"tables": {name: {"rows"?, "columns": {name: type or {"type", "nullable"}}}}}`.
    What has another form is passed over. `exact` as in the cursor.
    """
    schema = Schema()
    for one in said if isinstance(said, list) else [said]:
        if isinstance(one, Mapping):
            _read_flat(schema, one)
            tables: Any = one.get("tables")
            for name, table in list(tables.items())[:_MOST_TABLES] if _is_map(tables) else []:
                _read_table(schema.table(str(name).removeprefix("public.")), table)
    return schema if exact else _folded(schema)


def _folded(schema: Schema) -> Schema:
    return Schema(
        {
            name.lower(): Table(
                table.rows,
                {column.lower(): kind for column, kind in table.types.items()},
                {column.lower() for column in table.not_null},
            )
            for name, table in schema.tables.items()
        }
    )


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _read_flat(schema: Schema, said: Mapping[str, Any]) -> None:
    if not isinstance(said.get("table"), str):
        return
    table = schema.table(said["table"].removeprefix("public."))
    table.rows = _rows(said.get("rows"), table.rows)
    if isinstance(said.get("column"), str) and isinstance(said.get("current_type"), str):
        table.types[said["column"]] = type_of(said["current_type"])
        if said.get("nullable") is False:
            table.not_null.add(said["column"])


def _read_table(table: Table, said: Any) -> None:
    if not _is_map(said):
        return
    table.rows = _rows(said.get("rows"), table.rows)
    columns = said.get("columns")
    for name, column in columns.items() if _is_map(columns) else ():
        kind = column.get("type") if _is_map(column) else column
        table.types[str(name)] = type_of(kind) if isinstance(kind, str) else UNKNOWN
        if _is_map(column) and column.get("nullable") is False:
            table.not_null.add(str(name))


def _rows(said: Any, otherwise: float | None) -> float | None:
    number = number_of(said)
    return otherwise if number is None or number < 0 else number
