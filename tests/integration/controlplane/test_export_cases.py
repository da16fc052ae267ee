"""What is exported is what backtest reads: stored cases, with an answer that says whence it is."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from attribution.attribute import attribute
from attribution.backtest import backtest
from attribution.clock import database_now
from attribution.models import Anomaly, Finding
from attribution.neighbourhood import case_of
from controlplane import feedback
from rollout.snapshot import Evidence
from tests.factories import Journey, journey

pytestmark = pytest.mark.django_db
WELL = Evidence(recovered=True, recovery_reason="errors: 0.01% after the rollback, 0.01% before")


def attributed(found):
    """As attribution does, by the journey's own clock, which runs ahead of the database's."""
    anomaly, now = Anomaly.objects.get(key=str(found.change.pk)), found._now()
    case = case_of(anomaly, now)
    answer = attribute(case)
    Finding.objects.create(
        anomaly=anomaly,
        at=now,
        case=case,
        suspects=answer["suspects"],
        none_of_them=answer["none_of_them"],
    )


@pytest.fixture
def rolled_back():
    """A change that failed, was taken back, and whose anomaly was attributed meanwhile."""

    def make():
        found = journey("running")
        found.tick(seconds=15, times=2)
        Journey.go_bad(found)
        found.tick(seconds=15)
        attributed(found)
        found.wait()
        assert found.rollout.phase == "rolled_back"
        return found

    return make


def recover(found):
    found.evidence = WELL
    found.tick(seconds=15)
    assert found.rollout.recovered_at is not None


@pytest.fixture
def export(tmp_path):
    def run(*options):
        path = tmp_path / "cases.jsonl"
        call_command("export_cases", str(path), *options)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return run


def test_export__rolled_back_and_recovered__names_that_change_and_says_why(
    rolled_back, export, capsys
):
    found = rolled_back()
    recover(found)
    (case,) = export()
    assert case["culprit"] == str(found.change.pk)
    assert case["culprit_by"] == "rollback_and_recovery"
    assert case["id"] == str(Finding.objects.get().pk)
    assert "1 cases of 1 anomalies (0 by feedback, 1 by rollback_and_" in capsys.readouterr().err


def test_export__written__is_read_by_backtest(rolled_back, export):
    recover(rolled_back())
    report = backtest(export())
    assert report["errors"] == []
    assert report["attribute"]["with_culprit"] == 1


def test_export__rolled_back_but_not_recovered__is_left_out(rolled_back, export, capsys):
    rolled_back()
    Anomaly.objects.update(ended_at=database_now())
    assert export() == []
    assert "1 anomalies without an answer" in capsys.readouterr().err


def test_export__anomaly_that_goes_on__is_left_out(rolled_back, export):
    rolled_back()
    feedback.give(Anomaly.objects.get().pk, None, "", "olga")
    assert export() == []


def test_export__two_mended__leaves_open_which_it_was(rolled_back, export, capsys):
    first, second = rolled_back(), rolled_back()
    recover(first)
    recover(second)
    row = Anomaly.objects.get(key=str(first.change.pk))
    both = [
        {"change": str(each.change.pk), "probability": 0.5, "evidence": [], "vetoes": []}
        for each in (first, second)
    ]
    row.findings.update(suspects=both)
    Anomaly.objects.exclude(pk=row.pk).delete()
    assert export() == []
    assert "1 anomalies without an answer" in capsys.readouterr().err


@pytest.mark.parametrize("none", [True, False])
def test_export__somebody_said_what_it_was__counts_for_more_than_the_rollback(
    rolled_back, export, none
):
    found = rolled_back()
    recover(found)
    said = None if none else found.change.pk
    feedback.give(Anomaly.objects.get().pk, said, "", "olga")
    (case,) = export()
    assert case["culprit_by"] == "feedback"
    assert case["culprit"] == (None if none else str(found.change.pk))


def test_export__every__has_each_finding_oldest_first(rolled_back, export):
    found = rolled_back()
    older = Finding.objects.get()
    Finding.objects.create(
        anomaly=older.anomaly,
        at=found._now(),
        case=older.case,
        suspects=older.suspects,
        none_of_them=0.1,
    )
    recover(found)
    assert len(export()) == 1
    first, _ = export("--every")
    assert first["id"] == str(older.pk)


def test_export__since_later__has_nothing(rolled_back, export):
    recover(rolled_back())
    assert export("--since", "2999-01-01T00:00:00Z") == []


def test_export__since_no_moment__says_what_is_expected(db, export):
    with pytest.raises(CommandError, match="expected a moment with its offset"):
        export("--since", "yesterday")
