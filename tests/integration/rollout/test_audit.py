"""What the auditor says about rollouts that do not move, and about the loop itself."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from attribution.anomalies import open_anomaly
from attribution.clock import database_now
from rollout import audit as auditor
from rollout import gates, services
from rollout.executors.base import ExecutorError
from rollout.executors.dryrun import DryRunExecutor
from rollout.machine import Phase
from rollout.models import DryRunTarget, OutboxMessage, Placement, Rollout, Vigil

pytestmark = pytest.mark.django_db


@pytest.fixture
def audit(stagehand, monkeypatch):
    """The auditor, in the same time as the loop; between two looks of a test it was at work."""
    monkeypatch.setattr(auditor, "database_now", stagehand.now)

    def look():
        on_watch(stagehand.now())
        return auditor.audit()

    return look


def on_watch(now):
    past = {"since": now - timedelta(days=1), "last_at": now - timedelta(seconds=5)}
    Vigil.objects.update_or_create(pk=1, defaults=past)


class Deaf(DryRunExecutor):
    """A target that refuses every call to change it."""

    def apply(self, *_args):
        raise ExecutorError("the target refuses")


class Silent(DryRunExecutor):
    def refuse(self, *_args):
        raise ExecutorError("connection refused")

    apply = observe = refuse


def said(kind=None):
    """Types of what the auditor has published, in order; with `kind`, those messages."""
    of_the_loop = OutboxMessage.objects.filter(type__startswith="loop.").order_by("at")
    if kind:
        return list(of_the_loop.filter(type=kind))
    return list(of_the_loop.values_list("type", flat=True))


def texts(complaints):
    return [(c.kind, c.text) for c in complaints]


def test_audit__everything_moves__says_nothing(make_rollout, stagehand, audit):
    make_rollout()
    for _ in range(5):
        stagehand.tick(seconds=11)
        assert audit() == []
    assert said() == []


def test_audit__kill_switch__is_one_alert_however_many_it_holds(
    make_rollout, stagehand, audit, monkeypatch
):
    monkeypatch.setattr(gates, "database_now", stagehand.now)
    for name in ("edge", "cart", "stock"):
        make_rollout(name)
    stagehand.tick(seconds=1)
    gates.set_freeze(gates.KILL_SWITCH, {}, "incident 7", "ann")
    for _ in range(12):
        stagehand.tick(seconds=300)
        audit()
    paging = OutboxMessage.objects.exclude(type__in=("rollout.started", "rollout.held_together"))
    assert [message.type for message in paging] == ["loop.kill_switch"]
    payload = paging[0].payload
    assert payload["reason"] == "nothing grows (ann): incident 7"
    assert (payload["title"], payload["team"], payload["environment"]) == ("Graygate", "", "")
    gates.lift_freeze(gates.KILL_SWITCH)
    stagehand.tick(seconds=5)
    audit()
    gates.set_freeze(gates.KILL_SWITCH, {}, "incident 8", "ann")
    stagehand.tick(seconds=5)
    audit()
    assert said() == ["loop.kill_switch", "loop.moving", "loop.kill_switch"]


# --- the loop --------------------------------------------------------------------------------


def test_audit__many_rollouts_overdue__is_one_message(make_rollout, stagehand, audit):
    for name in ("edge", "cart", "stock"):
        make_rollout(name)
    stagehand.offset += timedelta(seconds=61)
    (complaint,) = audit()
    assert complaint.kind == "loop.stalled"
    assert "3 placements of 3 rollouts" in complaint.text
    stagehand.offset += timedelta(seconds=60)
    audit()
    assert said() == ["loop.stalled"]


def test_audit__stands_still_for_long__is_said_again_after_ten_minutes(
    make_rollout, stagehand, audit
):
    make_rollout()
    for seconds in (61, 300, 301):
        stagehand.offset += timedelta(seconds=seconds)
        audit()
    assert said() == ["loop.stalled"] * 2


def test_audit__loop_moves_again__resolves_its_alert_once(make_rollout, stagehand, audit):
    make_rollout()
    stagehand.offset += timedelta(seconds=61)
    audit()
    stagehand.tick()
    audit()
    audit()
    assert said() == ["loop.stalled", "loop.moving"]
    fired, resolved = (said(kind)[0] for kind in ("loop.stalled", "loop.moving"))
    assert fired.payload["alert_key"] == resolved.payload["alert_key"] == "graygate-loop"
    assert resolved.payload["reason"].startswith("over: the loop stands still")


def test_audit__worker_died_and_nobody_took_over__the_loop_stands_still(
    make_rollout, stagehand, audit
):
    make_rollout()
    now = stagehand.now()
    Placement.objects.update(
        due_at=now - timedelta(seconds=90), lease_until=now - timedelta(seconds=60), token=1
    )
    assert [c.kind for c in audit()] == ["loop.stalled"]


def test_audit__workers_take_it_and_never_finish__says_which_one(make_rollout, stagehand, audit):
    make_rollout("cart")
    make_rollout("edge")
    now = stagehand.now()
    Placement.objects.filter(target="cart").update(
        due_at=now - timedelta(seconds=90), lease_until=now + timedelta(seconds=5), token=7
    )
    ((kind, text),) = texts(audit())
    assert kind == "loop.unfinished"
    assert text.startswith("cart: due since")
    assert "taken 7 times" in text


def test_audit__rollout_under_way_without_a_bell__is_told_and_rung(make_rollout, stagehand, audit):
    rollout = make_rollout()
    stagehand.tick()
    Placement.objects.update(due_at=None)
    assert [c.kind for c in audit()] == ["loop.forgot"]
    assert rollout.placements.get().due_at <= stagehand.now()
    stagehand.tick()
    audit()
    assert said() == ["loop.forgot", "loop.moving"]


def test_audit__completed_rollout__has_no_bell_and_needs_none(make_rollout, stagehand, audit):
    rollout = make_rollout()
    stagehand.tick(seconds=61, times=6)
    assert Rollout.objects.get(pk=rollout.pk).phase == Phase.COMPLETED
    stagehand.offset += timedelta(days=1)
    assert audit() == []


# --- the rollouts ----------------------------------------------------------------------------


def test_audit__target_refuses__says_unconfirmed_with_its_error_and_what_to_do(
    make_rollout, stagehand, audit
):
    rollout = make_rollout()
    stagehand.executor = lambda _name: Deaf()
    stagehand.tick(seconds=1)
    assert audit() == []
    for seconds in (20, 41):
        stagehand.tick(seconds=seconds)
    ((kind, text),) = texts(audit())
    assert kind == "loop.unconfirmed"
    assert "25% desired, 0% observed" in text
    assert "the target refuses" in text
    payload = said("loop.unconfirmed")[0].payload
    assert payload["alert_key"] == f"graygate-loop-{rollout.pk}"
    assert "target" in payload["left_to_do"][0]


def test_audit__interval_is_long__has_more_patience(make_rollout, stagehand, audit):
    make_rollout(interval_s=30.0)
    stagehand.executor = lambda _name: Deaf()
    stagehand.tick()
    for seconds in (150, 140):
        stagehand.tick(seconds=seconds)
        assert audit() == []
    stagehand.tick(seconds=100)
    assert [c.kind for c in audit()] == ["loop.unconfirmed"]


def test_audit__target_silent_for_long__says_failing_and_then_only_that(
    make_rollout, stagehand, audit
):
    make_rollout()
    stagehand.executor = lambda _name: Silent()
    for _ in range(8):
        stagehand.tick(seconds=61)
        complaints = audit()
    ((kind, text),) = texts(complaints)
    assert kind == "loop.failing"
    assert "connection refused" in text
    assert said().count("loop.failing") == 1


def test_audit__rollback_cannot_reach_its_target__says_so(make_rollout, stagehand, audit):
    rollout = make_rollout(rollback_timeout_s=3600.0)
    stagehand.tick()
    stagehand.executor = lambda _name: Silent()
    services.abort(rollout.pk, "sre", "wrong build")
    for _ in range(8):
        stagehand.tick(seconds=61)
    assert [c.kind for c in audit()] == ["loop.failing"]


def test_audit__target_takes_calls_again__resolves(make_rollout, stagehand, audit):
    make_rollout()
    stagehand.executor = lambda _name: Deaf()
    for _ in range(3):
        stagehand.tick(seconds=40)
    audit()
    stagehand.executor = lambda _name: DryRunExecutor()
    stagehand.tick(seconds=61)
    assert audit() == []
    assert said() == ["loop.unconfirmed", "loop.moving"]


def test_audit__comes_and_goes__is_not_told_more_than_once_in_ten_minutes(
    make_rollout, stagehand, audit
):
    make_rollout()
    stagehand.tick()
    for failures in (5, 0, 5, 0, 5):
        Placement.objects.update(failures=failures, last_error="flaps")
        audit()
    assert said() == ["loop.failing", "loop.moving"]


def test_audit__loop_stumbles_over_one_rollout__somebody_is_told(make_rollout, stagehand, audit):
    make_rollout()
    stagehand.tick()

    def stumble(step):
        if step == "after_observe":
            raise ValueError("poison")

    stagehand.reach = stumble
    stagehand.tick(seconds=61, times=6)
    ((kind, text),) = texts(audit())
    assert kind == "loop.failing"
    assert "ValueError: poison" in text


def stand_in(rollout, state):
    """The stage stands there though nothing holds it and its targets show what is desired."""
    rollout.stages.filter(index=1).update(state=state, reason="waiting for a gate")
    Placement.objects.update(due_at=database_now() + timedelta(hours=1))


@pytest.mark.parametrize("state", ["pre_check", "applying"])
def test_audit__stage_does_not_get_to_its_bake__says_what_it_waits_for(
    make_rollout, stagehand, audit, state
):
    rollout = make_rollout()
    stagehand.tick()
    for step in ("pre_check", state):
        rollout.stages.filter(index=1).update(state=step)
    stand_in(rollout, state)
    stagehand.offset += timedelta(seconds=61)
    ((kind, text),) = texts(audit())
    assert kind == "loop.stuck"
    assert "waiting for a gate" in text


def test_audit__growth_waits_for_the_end_of_an_incident__is_not_stuck(
    make_rollout, stagehand, audit
):
    make_rollout()
    stagehand.tick()
    open_anomaly("alert", "a", "edge", "errors", stagehand.now(), stagehand.now())
    stagehand.tick(seconds=11, times=2)
    stagehand.offset += timedelta(seconds=120)
    stagehand.tick()
    assert audit() == []


def test_audit__stage_is_held__is_not_stuck(make_rollout, stagehand, audit):
    rollout = make_rollout()
    stagehand.tick()
    rollout.stages.filter(index=1).update(state="pre_check")
    services.pause(rollout.pk, "sre", "lunch")
    stand_in(rollout, "pre_check")
    stagehand.offset += timedelta(seconds=3000)
    assert audit() == []


def test_audit__something_else_observed_than_desired_and_nobody_told__says_so(
    make_rollout, stagehand, audit
):
    make_rollout()
    stagehand.tick()
    Placement.objects.update(observed=0.9, due_at=stagehand.now() + timedelta(hours=1))
    stagehand.offset += timedelta(seconds=61)
    ((kind, text),) = texts(audit())
    assert kind == "loop.unconfirmed"
    assert "25% desired, 90% observed" in text


def test_audit__three_troubles_of_one_rollout__is_one_complaint(make_rollout, stagehand, audit):
    make_rollout()
    stagehand.executor = lambda _name: Deaf()
    for _ in range(8):
        stagehand.tick(seconds=61)
    assert [c.kind for c in audit()] == ["loop.failing"]


def test_audit__more_rollouts__takes_no_more_queries(make_rollout, stagehand, audit):
    stagehand.executor = lambda _name: Silent()

    def queries():
        for _ in range(7):
            stagehand.tick(seconds=61)
        with CaptureQueriesContext(connection) as seen:
            audit()
        return len(seen)

    make_rollout("one")
    audit()
    few = queries()
    for name in ("edge", "cart", "stock", "mail"):
        make_rollout(name)
    assert queries() == few
    assert len(said("loop.failing")) == 5


# --- what was rolled back --------------------------------------------------------------------


def test_audit__rolled_back_and_no_longer_watched__gets_a_look_now_and_then(
    make_rollout, stagehand, audit
):
    rollout = make_rollout()
    stagehand.tick()
    services.abort(rollout.pk, "sre", "wrong build")
    stagehand.tick(seconds=1)
    Placement.objects.update(due_at=None)
    assert audit() == []
    due = rollout.placements.get().due_at - stagehand.now()
    assert timedelta(minutes=9) < due <= timedelta(minutes=10)
    DryRunTarget.objects.filter(rollout_id=rollout.pk).update(share=0.5)
    stagehand.tick(seconds=601)
    assert Rollout.objects.get(pk=rollout.pk).rolling_back_since is not None
    assert DryRunTarget.objects.get(rollout_id=rollout.pk).share == 0


def test_audit__rolled_back_two_days_ago__is_left_alone(make_rollout, stagehand, audit):
    rollout = make_rollout()
    stagehand.tick()
    services.abort(rollout.pk, "sre", "wrong build")
    stagehand.tick(seconds=1)
    Placement.objects.update(due_at=None)
    stagehand.offset += timedelta(days=2)
    audit()
    assert rollout.placements.get().due_at is None


# --- two auditors ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_audit__another_auditor_is_at_it__leaves_it_to_that_one(make_rollout):
    make_rollout()
    on_watch(database_now())
    Placement.objects.update(due_at=database_now() - timedelta(seconds=100))
    seen = []

    def other():
        seen.append(auditor.audit())
        connections.close_all()

    with transaction.atomic():
        assert auditor.alone()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
    assert seen == [[]]
    assert [c.kind for c in auditor.audit()] == ["loop.stalled"]
