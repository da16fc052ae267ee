"""Graygate's own migrations, judged by its own classifier: expand, then contract.

Workers of the version before go on while a migration runs and after it. So one may only add what
they need not know; what takes something away says so in its module, and comes a release later:

    CONTRACT = "since 0.3: nothing has read it since 0.2"
"""

import sys
from collections.abc import Iterator

from django.db import connection
from django.db.migrations import Migration, RunPython
from django.db.migrations.loader import MigrationLoader

from controlplane.risk.classify import classify

# What the release before knows. At a release: the newest of each.
RELEASED = {
    "attribution": "0010_unmanaged_versions",
    "controlplane": "0007_exchanged_tokens",
    "rollout": "0009_common_cause",
}
TOLD = ("medium", "high", "critical")
# The command `migrate` sets one for all.
HANDLED = {"no_lock_timeout"}
AS_PYTHON = "THIS OPERATION CANNOT BE WRITTEN AS SQL"


def released() -> list[tuple[str, str]]:
    return sorted(RELEASED.items())


def newer() -> list[Migration]:
    """Those that came after the release, in the order in which they are applied."""
    loader = MigrationLoader(connection)
    before = {node for leaf in released() for node in loader.graph.forwards_plan(leaf)}
    leaves = [leaf for app in RELEASED for leaf in loader.graph.leaf_nodes(app)]
    plan = dict.fromkeys(node for leaf in leaves for node in loader.graph.forwards_plan(leaf))
    return [loader.graph.nodes[n] for n in plan if n not in before and n[0] in RELEASED]


def sql_of(migration: Migration) -> str:
    """As `sqlmigrate` prints it."""
    loader = MigrationLoader(connection, replace_migrations=False)
    return "\n".join(loader.collect_sql([(loader.get_migration(*key_of(migration)), False)]))


def key_of(migration: Migration) -> tuple[str, str]:
    return migration.app_label, migration.name


def problems(migration: Migration) -> Iterator[str]:
    if getattr(sys.modules[migration.__module__], "CONTRACT", ""):
        return
    yield from of_sql(sql_of(migration), atomic=migration.atomic)
    yield from of_python(migration)


def of_sql(sql: str, *, atomic: bool = True) -> Iterator[str]:
    """A file as `sqlmigrate` prints it is a transaction by itself, if it is one."""
    if not sql.replace(AS_PYTHON, "").strip():
        return
    text = f"BEGIN;\n{sql}\nCOMMIT;" if atomic else sql
    found = classify({"id": "own", "kind": "sql_migration", "artefact": text})
    for signal in found["signals"]:
        if signal["severity"] in TOLD and signal["id"] not in HANDLED:
            yield f"{signal['id']}: {signal['summary']}. {signal['remedy']}"


def of_python(migration: Migration) -> Iterator[str]:
    """All rows in one transaction keep their locks until its end."""
    for operation in migration.operations:
        if isinstance(operation, RunPython) and migration.atomic:
            yield "RunPython in a transaction: atomic = False, and a few rows at a time"
