import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from attribution.clock import database_now
from attribution.models import Sample
from controlplane import health, heard, metrics
from controlplane.environment import OperatorFile
from controlplane.models import StandingAlert
from rollout import restored
from rollout.models import Hold, Placement
from tests.factories import journey


@pytest.fixture
def readyz(client, db):
    def ask():
        answer = client.get("/readyz")
        return answer.status_code, {each["name"]: each for each in answer.json()["checks"]}

    return ask


@pytest.fixture
def gauges(client, db):
    def read():
        families = text_string_to_metric_families(client.get("/metrics").content.decode())
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    return read


def gone():
    raise OperationalError("no route to db.internal")


def test_healthz__process_runs__is_answered_without_a_database(client):
    assert client.get("/healthz").status_code == 200


def test_readyz__all_well__is_green(readyz):
    status, checks = readyz()

    assert status == 200
    assert all(check["ok"] for check in checks.values())


def test_readyz__database_was_restored__says_that_nothing_grows(readyz):
    restored.declare("the database is older than what was done with it")
    status, checks = readyz()

    assert status == 200
    assert checks["restored"]["ok"] is False
    assert "older than what was done" in checks["restored"]["detail"]


def test_readyz__database_gone__is_red_and_shows_no_address(client, db, monkeypatch):
    monkeypatch.setattr(health, "_database", gone)
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"][0]["name"] == "database"
    assert b"db.internal" not in answer.content


def test_readyz__broker_unreachable__is_red(readyz, monkeypatch):
    monkeypatch.setattr(health, "app", Celery(broker="redis://127.0.0.1:1/0"))
    status, checks = readyz()

    assert status == 503
    assert checks["broker"]["ok"] is False


def test_readyz__metrics_of_a_judged_service_unreadable__is_red_and_names_it(readyz):
    walk = journey("running")
    Sample.objects.create(service=walk.service, at=database_now(), error="refused")
    status, checks = readyz()

    assert status == 503
    assert walk.service.name in checks["sources"]["detail"]


def test_readyz__source_warns_about_a_judged_service__names_it_and_stays_green(readyz):
    walk = journey("running")
    Sample.objects.create(service=walk.service, at=database_now(), warnings=["refused: a query"])
    status, checks = readyz()

    assert status == 200
    assert checks["sources"]["detail"] == f"the source warns about: {walk.service.name}"


def test_readyz__metrics_of_an_idle_service_unreadable__stays_green(readyz):
    walk = journey("rolled_back")
    Sample.objects.create(service=walk.service, at=database_now(), error="refused")

    assert readyz()[0] == 200


def test_readyz__loop_stands_still__is_told_and_stays_green(readyz):
    journey("running")
    Placement.objects.update(due_at=database_now() - timedelta(minutes=5))
    status, checks = readyz()

    assert status == 200
    assert checks["loop"]["ok"] is False


def test_metrics__rollouts_under_way__are_counted_from_the_rows(gauges):
    journey("paused")
    read = gauges()

    assert read["graygate_rollouts", "pending", "production"] == 1
    assert read["graygate_holds", "paused"] == 1
    assert read["graygate_decisions_total", "pause"] == 1


def test_metrics__any__name_no_change(client, db):
    walk = journey("rolled_back")
    text = client.get("/metrics").content.decode()

    assert str(walk.change.pk) not in text
    assert str(walk.rollout.pk) not in text


def test_metrics__database_gone__is_unavailable(client, db, monkeypatch):
    monkeypatch.setattr(metrics, "overdue_seconds", gone)

    assert client.get("/metrics").status_code == 503


def test_metrics__bell_answered__is_told_with_its_time(gauges):
    heard.record_rung({"collect", "reconcile"})
    heard.record_answered("reconcile")
    heard.record_answered("reconcile")
    read = gauges()

    now = database_now().timestamp()
    name = "graygate_bell_last_answered_timestamp_seconds"
    assert now - 60 < read[name, "reconcile"] <= now
    assert read[name, "collect"] == 0
    assert read["graygate_bell_last_rung_timestamp_seconds", "collect"] > now - 60


def test_metrics__hold_in_force__has_an_age(gauges):
    journey("paused")
    Hold.objects.update(since=database_now() - timedelta(hours=2))

    assert gauges()["graygate_holds_oldest_seconds", "paused"] >= 7200


def test_metrics__version__is_the_one_of_the_project(gauges):
    declared = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    assert gauges()["graygate_info", declared] == 1


def test_metrics__alert_that_no_alertmanager_took__is_undelivered(gauges, settings):
    endpoint = {"name": "am", "notifier": "alertmanager", "url": "http://127.0.0.1:9"}
    settings.OPERATOR = OperatorFile(webhooks=[endpoint])
    now = database_now()
    row = StandingAlert.objects.create(
        endpoint="am", key="k", told_at=now - timedelta(minutes=5), due_at=now
    )
    assert gauges()["graygate_outbox_oldest_seconds",] >= 300
    row.taken_at = now
    row.save()
    assert gauges()["graygate_outbox_oldest_seconds",] == 0
