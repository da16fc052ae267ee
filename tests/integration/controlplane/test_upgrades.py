"""Migrations run while workers of the version before go on."""

import threading

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import (
    IntegrityError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.migrations import Migration, RunPython
from django.db.migrations.executor import MigrationExecutor

from tests.integration.controlplane import own_migrations
from tests.integration.controlplane.old_rows import row_of, update

# Ours, and where a trigger refuses an UPDATE.
APPS = tuple(own_migrations.RELEASED)
APPEND_ONLY = {"rollout.decision", "attribution.anomalyfeedback"}


# --- expand, then contract ----------------------------------------------------------------------


@pytest.mark.django_db
def test_migrations__newer_than_the_release__only_add_what_old_workers_need_not_know():
    found = {
        own_migrations.key_of(each): list(own_migrations.problems(each))
        for each in own_migrations.newer()
    }
    assert {key: told for key, told in found.items() if told} == {}


BAD = [
    ("ALTER TABLE rollout_rollout DROP COLUMN artefact", "column_dropped"),
    ("ALTER TABLE rollout_rollout RENAME COLUMN artefact TO thing", "column_renamed"),
    ("DROP TABLE rollout_stage", "table_dropped"),
    ("ALTER TABLE rollout_stage RENAME TO rollout_step", "table_renamed"),
    ("ALTER TABLE rollout_rollout ADD COLUMN seat integer NOT NULL", "required_column_added"),
    ("ALTER TABLE rollout_rollout ALTER COLUMN epoch TYPE bigint", "column_type_changed"),
    ("ALTER TABLE rollout_rollout ALTER COLUMN halted_at SET NOT NULL", "not_null_added"),
    ("ALTER TABLE rollout_hold ADD CONSTRAINT one UNIQUE (kind)", "unique_constraint_added"),
    ("ALTER TABLE rollout_hold ADD CONSTRAINT c CHECK (kind <> '')", "check_added"),
    ("CREATE INDEX slow ON rollout_decision (at)", "index_blocks_writes"),
    ("UPDATE rollout_placement SET failures = 0", ""),
]


@pytest.mark.parametrize(("sql", "told"), BAD, ids=[told or "all_rows" for _, told in BAD])
def test_migrations__what_old_workers_would_trip_over__is_told(sql, told):
    found = list(own_migrations.of_sql(f"{sql};"))
    assert any(each.startswith(told) for each in found)


GOOD = [
    ("ALTER TABLE rollout_rollout ADD COLUMN seat integer", True),
    ("ALTER TABLE rollout_rollout ADD COLUMN seat boolean DEFAULT false NOT NULL", True),
    ("CREATE TABLE rollout_seat (id bigint PRIMARY KEY)", True),
    ("CREATE INDEX CONCURRENTLY quick ON rollout_decision (at)", False),
]


@pytest.mark.parametrize(("sql", "atomic"), GOOD)
def test_migrations__what_only_adds__is_let_through(sql, atomic):
    assert list(own_migrations.of_sql(f"{sql};", atomic=atomic)) == []


@pytest.mark.parametrize(("atomic", "told"), [(True, 1), (False, 0)])
def test_migrations__code_over_all_rows__is_let_through_outside_a_transaction(atomic, told):
    made = type("Migration", (Migration,), {"operations": [RunPython(print)], "atomic": atomic})
    assert len(list(own_migrations.of_python(made("m", "rollout")))) == told


# --- the statements of the version before -------------------------------------------------------


@pytest.fixture
def old(transactional_db):
    """The apps of the released version, on a schema that went on from it to the newest."""
    executor = MigrationExecutor(connection)
    executor.migrate(own_migrations.released())
    state = executor.loader.project_state(own_migrations.released())
    yield state.apps
    newest()


def newest():
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def models_of(apps):
    return [model for app in APPS for model in apps.get_app_config(app).get_models()]


def test_upgrade__old_statements_on_the_new_schema__are_all_taken(old):
    before = {model: row_of(old, model) for model in models_of(old)}
    newest()
    for model in models_of(old):
        assert model._base_manager.filter(pk=before[model].pk).count() == 1
        new = row_of(old, model)
        if model._meta.label_lower not in APPEND_ONLY:
            assert update(new) == update(before[model]) == 1
    assert len(before) > 20


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("ALTER TABLE rollout_rollout ADD COLUMN seat integer NOT NULL", IntegrityError),
        ("ALTER TABLE rollout_rollout RENAME COLUMN artefact TO thing", ProgrammingError),
    ],
)
def test_upgrade__schema_that_old_statements_do_not_fit__is_noticed(db, sql, refused):
    apps = MigrationExecutor(connection).loader.project_state(own_migrations.released()).apps
    with connection.cursor() as cursor:
        cursor.execute(sql)
    with pytest.raises(refused), transaction.atomic():
        row_of(apps, apps.get_model("rollout", "Rollout"))


# --- locks --------------------------------------------------------------------------------------


@pytest.fixture
def behind(transactional_db):
    """A migration that alters the loop's tables is still to come."""
    MigrationExecutor(connection).migrate([("rollout", "0007_guardrail_silence")])
    yield
    newest()


def work(taken, free):
    """As a worker in the midst of its transaction, with the rollout's row locked."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM rollout_rollout FOR UPDATE")
        taken.set()
        assert free.wait(300)
    connections.close_all()


def missing():
    executor = MigrationExecutor(connection)
    return [each.name for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def test_migrate__a_worker_holds_a_row__gives_up_undone_and_can_be_repeated(behind):
    taken, free = threading.Event(), threading.Event()
    worker = threading.Thread(target=work, args=(taken, free))
    worker.start()
    try:
        assert taken.wait(300)
        with pytest.raises(CommandError, match="run migrate again"):
            call_command("migrate", lock_timeout=0.2, verbosity=0)
    finally:
        free.set()
        worker.join()
    assert missing()[0] == "0008_second_attempts"
    call_command("migrate", verbosity=0)
    assert missing() == []


@pytest.mark.django_db
def test_migrate__is_done__leaves_the_connection_as_it_was():
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone()[0] == "0"


@pytest.mark.parametrize("given", [0, -1, 4000])
@pytest.mark.django_db
def test_migrate__lock_timeout_that_is_none__is_refused(given):
    with pytest.raises(CommandError, match="above 0"):
        call_command("migrate", lock_timeout=given)
