import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from django.db import connection, transaction

from tests.simulation import rows
from tests.simulation.breaks import broken
from tests.simulation.running import run
from tests.simulation.schedule import WORKERS

STEPS = 80


@pytest.mark.parametrize("seed", [7, 5001])
def test_schedule__same_seed__is_the_same_to_the_last_line(troupe, seed):
    first, second = (run(seed, STEPS, troupe) for _ in range(2))
    assert first.trace == second.trace
    assert first.trace_hash == second.trace_hash


def test_schedule__same_seed_and_a_violation__is_reproduced(troupe):
    with broken("act_before_intent"):
        first, second = (run(1, STEPS, troupe) for _ in range(2))
    assert first.violation
    assert (str(first.violation), first.trace) == (str(second.violation), second.trace)


def test_schedule__other_seed__is_another_story(troupe):
    assert run(7, STEPS, troupe).trace_hash != run(8, STEPS, troupe).trace_hash


def test_schedule__drawn__has_rollouts_workers_faults_and_steps_enough(troupe):
    schedule = run(5001, STEPS, troupe)
    faults = sum(n for what, n in schedule.counted.items() if what.startswith("fault "))
    assert len(schedule.rows.rollouts) >= 2
    assert faults >= 3
    assert schedule.steps >= 50


@pytest.mark.parametrize(("seed", "steps"), [(24, 60), (1022, 60), (513, 50)])
def test_schedule__that_found_a_bug_once__violates_nothing(troupe, seed, steps):
    schedule = run(seed, steps, troupe)
    assert schedule.violation is None, "\n".join(schedule.trace[-60:])


def lock_and_stop(troupe):
    with transaction.atomic():
        connection.cursor().execute("SELECT pg_advisory_xact_lock(1)")
        troupe.me.park("holds_it")


def test_troupe__connection_made_again_within_a_task__its_waiting_is_noticed(troupe):
    holder, waiter = (troupe.actors[name] for name in WORKERS)
    troupe.begin(holder, "holds", lambda: lock_and_stop(troupe))
    troupe.begin(waiter, "waits", lambda: (connection.close(), lock_and_stop(troupe)))
    troupe.step(holder)
    troupe.step(waiter)
    assert (holder.at, waiter.at) == ("holds_it", "blocked")
    troupe.step(holder)
    assert waiter.at == "lock_granted"


@pytest.fixture
def two_tables(troupe):
    run_sql("CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)")
    run_sql("CREATE TABLE many (id int REFERENCES one DEFERRABLE INITIALLY DEFERRED)")
    yield
    run_sql("DROP TABLE many, one")


def run_sql(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def in_transaction(troupe, sql):
    with transaction.atomic():
        run_sql(sql)
        troupe.me.park("written")


def test_troupe__waits_for_a_foreign_key_at_its_commit__commits_in_its_own_turn(troupe, two_tables):
    holder, waiter = (troupe.actors[name] for name in WORKERS)
    seen = []

    def committed(actor):
        # Time enough for whoever would go on by itself.
        time.sleep(0.1)
        found = rows.connection_of_main().execute("SELECT 1 FROM many").fetchall()
        seen.append((actor.name, len(found)))

    troupe.committed = committed
    locked = "SELECT 1 FROM one FOR UPDATE"
    troupe.begin(holder, "holds", lambda: in_transaction(troupe, locked))
    troupe.begin(waiter, "adds", lambda: in_transaction(troupe, "INSERT INTO many VALUES (1)"))
    troupe.step(holder)
    troupe.step(waiter)
    troupe.step(waiter)
    assert (holder.at, waiter.at) == ("written", "blocked")
    troupe.step(holder)
    troupe.step(waiter)
    assert seen == [(holder.name, 0), (waiter.name, 1)]


def test_simulate__told_to_stop__ends_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "tests.simulation", "--schedules", "9999"]
    unset = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    running = subprocess.Popen(command, env=unset, stderr=subprocess.PIPE, text=True)
    assert "of 9999 schedules" in running.stderr.readline()
    mark = f"graygate-simulation-{running.pid}-"
    assert [each for each in command_lines() if mark in each]
    running.terminate()
    assert running.wait(timeout=120) == 143
    assert not [each for each in command_lines() if mark in each]
    for where in ("/dev/shm", tempfile.gettempdir()):  # noqa: S108 - only looked into
        assert not list(Path(where).glob(f"{mark}*"))


def command_lines():
    return [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]


def test_report__tells_schedules_steps_and_what_was_not_covered(tmp_path):
    """In a process of its own, as `make simulate` runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--schedules", "2", "--steps", "50", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["schedules"] == 2
    assert told["steps"] >= 100
    assert sum(n for what, n in told["counted"].items() if what.startswith("fault ")) >= 6
