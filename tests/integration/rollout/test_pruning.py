"""News, findings and a change's own metrics go when nobody can ask for them any more."""

import uuid
from datetime import timedelta

import pytest

from attribution.anomalies import end_anomaly, open_anomaly
from attribution.clock import database_now
from attribution.models import Finding, Guardrail, Service
from rollout import ledger, pruning, services
from rollout.models import Decision, Delivery, OutboxMessage, Rollout

pytestmark = pytest.mark.django_db


def ago(days):
    return database_now() - timedelta(days=days)


def news(days, delivered=None, *, dispatched=True):
    """A message of then with a delivery for each of `delivered`: days ago, or None."""
    message = ledger.publish("rollout.started", uuid.uuid4(), {}, ago(days))
    if dispatched:
        OutboxMessage.objects.filter(pk=message.pk).update(dispatched_at=ago(days))
    for number, when in enumerate(delivered or []):
        Delivery.objects.create(
            message=message,
            endpoint=f"pager-{number}",
            due_at=ago(days),
            delivered_at=None if when is None else ago(when),
        )
    return message


@pytest.mark.parametrize(
    ("days", "delivered", "stays"),
    [
        (31, [31, 31], False),
        (31, [], False),
        (31, [31, 29], True),
        (31, [31, None], True),
        (29, [29], True),
    ],
)
def test_prune__news__goes_when_everybody_has_had_it_for_a_month(days, delivered, stays):
    news(days, delivered)
    pruning.prune()
    assert OutboxMessage.objects.exists() is stays
    assert stays or not Delivery.objects.exists()


def test_prune__news_that_was_never_handed_out__stays():
    news(31, dispatched=False)
    pruning.prune()
    assert OutboxMessage.objects.exists()


@pytest.fixture
def found(make_rollout):
    """A rollout, and findings that suspect it, of an anomaly that has ended."""
    rollout = make_rollout()
    now = database_now()

    def find(days, *, ended=True):
        anomaly = open_anomaly("alert", f"f{days}", "edge", "errors", now, now)
        if ended:
            end_anomaly("alert", f"f{days}", now)
        return Finding.objects.create(
            anomaly=anomaly,
            at=ago(days),
            case={},
            suspects=[{"change": str(rollout.change_id), "probability": 0.9}],
            none_of_them=0.1,
        )

    return rollout, find


def decided_on(rollout, finding, days):
    inputs = {"evidence": {"finding": str(finding.pk)}}
    ledger.append(rollout, "halt", ["why"], "graygate", inputs, ago(days))


def test_prune__old_findings__go_but_those_a_decision_was_made_on(found, monkeypatch):
    rollout, find = found
    monkeypatch.setattr(pruning, "FINDINGS_AT_ONCE", 2)
    rows = {days: find(days) for days in (29, 31, 32, 33, 34, 35)}
    decided_on(rollout, rows[33], 33)
    ledger.append(rollout, "promote", [], "graygate", {"evidence": {"finding": ""}}, ago(33))
    pruning.prune()
    assert set(Finding.objects.values_list("pk", flat=True)) == {rows[29].pk, rows[33].pk}
    assert Decision.objects.filter(rollout=rollout).count() >= 2


def test_prune__finding_of_an_anomaly_that_goes_on__stays(found):
    _rollout, find = found
    find(31, ended=False)
    pruning.prune()
    assert Finding.objects.count() == 1


@pytest.fixture
def own_guardrail(make_rollout):
    """A rollout of a change that brought a guardrail of its own, ended so many days ago."""

    def make(days):
        rollout = make_rollout()
        Guardrail.objects.create(
            name="own",
            service=Service.objects.get(name="edge"),
            change_id=rollout.change_id,
            spec={},
        )
        if days is not None:
            services.abort(rollout.pk, "sre", "never mind")
            Rollout.objects.filter(pk=rollout.pk).update(ended_at=ago(days))
        return rollout

    return make


@pytest.mark.parametrize(("days", "stays"), [(None, True), (1, True), (3, False)])
def test_prune__own_guardrails__go_days_after_the_last_rollout(own_guardrail, days, stays):
    own_guardrail(days)
    pruning.prune()
    assert Guardrail.objects.exists() is stays


def test_prune__change_is_being_undone__keeps_its_guardrails(own_guardrail, make_rollout):
    ended = own_guardrail(3)
    make_rollout(change_id=str(ended.change_id), artefact="edge/deploy/undo")
    pruning.prune()
    assert Guardrail.objects.exists()


def test_prune__standing_guardrails_and_those_of_changes_not_begun__stay(make_rollout):
    make_rollout()
    edge = Service.objects.get(name="edge")
    Guardrail.objects.create(name="errors", service=edge, spec={})
    Guardrail.objects.create(name="slow", service=edge, change_id=uuid.uuid4(), spec={})
    pruning.prune()
    assert Guardrail.objects.count() == 2
