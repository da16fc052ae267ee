"""Alerts out, with a real Alertmanager."""

import json
import subprocess
import uuid
from datetime import datetime, timedelta

import pytest

from attribution.clock import database_now
from controlplane.models import StandingAlert
from controlplane.notify import showing
from controlplane.notify.deliver import deliver_due
from controlplane.notify.dispatch import dispatch
from controlplane.notify.showing import claim, show_due
from rollout import ledger
from rollout.machine import Phase
from rollout.models import Rollout
from tests.factories import HALTED, Journey
from tests.parts import need

from .alertmanager import FACTS, HASH_OF_WONDER, Alertmanager, ring, until

pytestmark = pytest.mark.django_db(transaction=True)


def news(kind, **payload):
    return ledger.publish(kind, uuid.uuid4(), FACTS | payload, database_now())


def due_now():
    StandingAlert.objects.exclude(due_at=None).update(due_at=database_now())


@pytest.fixture(autouse=True)
def _often(settings):
    settings.GRAYGATE_ALERT_REFRESH_S = 0.2


@pytest.fixture
def am(tmp_path, operator):
    made = Alertmanager(tmp_path)
    operator({"name": "am", "notifier": "alertmanager", "url": made.url, "secret": ""})
    with made.process:
        yield made


@pytest.fixture
def am_down(tmp_path, operator):
    made = Alertmanager(tmp_path)
    operator({"name": "am", "notifier": "alertmanager", "url": made.url, "secret": ""})
    yield made
    if hasattr(made.process, "process"):
        made.process.end()


def test_halt__is_shown_with_who_what_why_and_where_to_look(am):
    message = news("rollout.halted")
    ring()
    [alert] = am.alerts()
    assert alert["labels"] == {
        "alertname": "GraygateRolloutHalted",
        "severity": "warning",
        "graygate_alert": "graygate-rollout-r",
        "service": "cart",
        "environment": "production",
        "team": "shop",
    }
    assert alert["status"]["state"] == "active"
    assert alert["annotations"]["summary"] == "halted: Cart 1.4.1 on cart (production)"
    assert alert["annotations"]["description"] == "errors 5% against 0.1%"
    assert str(message.change_id) in alert["annotations"]["evidence_url"]
    assert alert["generatorURL"] == alert["annotations"]["evidence_url"]


def test_halt__refreshed__keeps_its_start_and_outlasts_graygate_by_a_day(am):
    message = news("rollout.halted")
    ring()
    [first] = am.alerts()
    [later] = until(
        lambda: [each for each in am.alerts() if each["updatedAt"] > first["updatedAt"]],
        ringing=True,
    )
    assert later["fingerprint"] == first["fingerprint"]
    assert later["startsAt"] == first["startsAt"]
    begun = datetime.fromisoformat(first["startsAt"])
    assert abs(begun - message.at) < timedelta(milliseconds=2)
    left = datetime.fromisoformat(later["endsAt"]) - database_now()
    assert timedelta(hours=23) < left <= timedelta(hours=24)


def test_halt__answered__is_resolved(am):
    news("rollout.halted")
    ring()
    assert am.names() == ["GraygateRolloutHalted"]
    news("rollout.answered")
    ring()
    assert am.alerts() == []


def test_halt__rolled_back__ends_and_the_rollback_is_an_alert_of_its_own(am):
    news("rollout.halted")
    ring()
    news("rollout.rolled_back")
    ring()
    assert am.names() == ["GraygateRolledBack"]


def test_alertmanager_that_lost_everything__has_it_again_after_a_refresh(am):
    news("rollout.halted")
    ring()
    [before] = am.alerts()
    am.process.end()
    am.start_afresh()
    assert am.alerts() == []
    [after] = until(am.alerts, ringing=True)
    assert (after["fingerprint"], after["startsAt"]) == (before["fingerprint"], before["startsAt"])


def test_alertmanager_down__rollback_is_done_all_the_same_and_told_later(am_down):
    trip = Journey()
    for step in HALTED:
        step(trip)
    ring()
    trip.wait()
    ring()
    assert trip.rollout.phase == Phase.ROLLED_BACK
    row = StandingAlert.objects.get()
    assert (row.last_error, row.shown_at) == ("ConnectionError", None)
    am_down.process.start()
    due_now()
    # The journey's clock is ahead of Alertmanager's: the halt has not ended there yet.
    until(lambda: "GraygateRolledBack" in am_down.names(), ringing=True)
    alert = next(each for each in am_down.alerts() if "RolledBack" in each["labels"]["alertname"])
    assert alert["labels"]["service"] == trip.service.name
    assert alert["annotations"]["rollout"] == str(trip.rollout.pk)


def test_alertmanager_down__for_the_whole_episode__the_rollback_is_shown_and_then_ends(am_down):
    news("rollout.rolled_back")
    ring()
    news("rollout.recovered")
    ring()
    am_down.process.start()
    due_now()
    show_due(patience_s=20)
    assert am_down.names() == ["GraygateRolledBack"]
    until(lambda: not am_down.alerts(), ringing=True)


def test_alertmanager_down__halt_that_was_answered_meanwhile__is_not_shown_any_more(am_down):
    news("rollout.halted")
    ring()
    news("rollout.answered")
    am_down.process.start()
    ring()
    assert StandingAlert.objects.get().taken_at is not None
    assert am_down.alerts() == []


def test_worker_killed_after_the_post__posts_the_same_again(am, monkeypatch):
    news("rollout.halted")
    with monkeypatch.context() as patched:
        patched.setattr(showing, "settle", lambda *_: None)
        ring()
    [first] = am.alerts()
    assert claim("am") == []
    StandingAlert.objects.update(lease_until=database_now() - timedelta(seconds=1))
    ring()
    [again] = am.alerts()
    assert (again["fingerprint"], again["startsAt"]) == (first["fingerprint"], first["startsAt"])
    assert StandingAlert.objects.get().taken_at is not None


def test_refused_alert__keeps_no_other_from_being_shown(am):
    for key in ("graygate-rollout-a", "graygate-rollout-b", "graygate-rollout-c"):
        news("rollout.halted", alert_key=key)
    ring()
    StandingAlert.objects.filter(key="graygate-rollout-b").update(labels={"not a name": "x"})
    am.process.end()
    am.start_afresh()
    due_now()
    show_due(patience_s=20)
    shown = {each["labels"]["graygate_alert"] for each in am.alerts()}
    assert shown == {"graygate-rollout-a", "graygate-rollout-c"}
    failing = StandingAlert.objects.filter(failures__gt=0)
    assert [(row.key, row.last_error) for row in failing] == [("graygate-rollout-b", "HTTP 400")]


def test_many_alerts__go_in_one_request(start_receiver, operator):
    receiver = start_receiver()
    operator({"name": "am", "notifier": "alertmanager", "url": receiver.url, "secret": ""})
    for number in range(20):
        news("rollout.halted", alert_key=f"graygate-rollout-{number}")
    ring()
    [(_headers, body)] = receiver.got
    assert len(json.loads(body)) == 20


def test_endpoint_that_never_answers__delays_no_other(am, start_receiver, operator, monkeypatch):
    dead = start_receiver()
    dead.answers.extend(["never"] * 5)
    named = {"notifier": "alertmanager", "secret": ""}
    operator({"name": "dead", "url": dead.url, **named}, {"name": "am", "url": am.url, **named})
    monkeypatch.setattr(showing.keeper(named), "timeout_s", 3.0)
    news("rollout.halted")
    dispatch()
    deliver_due(patience_s=20)
    show_due(patience_s=0.1)
    until(am.alerts)
    assert StandingAlert.objects.get(endpoint="dead").taken_at is None
    dead.release.set()
    until(lambda: StandingAlert.objects.get(endpoint="dead").failures)


def test_basic_auth__wrong_then_rotated__is_taken_without_a_restart(tmp_path, operator):
    made = Alertmanager(tmp_path, web={"basic_auth_users": {"graygate": HASH_OF_WONDER}})
    secret = tmp_path / "password"
    secret.write_text("blunder\n")
    access = {"username": "graygate", "password_file": str(secret)}
    operator({"name": "am", "notifier": "alertmanager", "url": made.url, "secret": "", **access})
    with made.process:
        news("rollout.halted")
        ring()
        assert StandingAlert.objects.get().last_error == "HTTP 401"
        secret.write_text("wonder\n")
        due_now()
        ring()
    row = StandingAlert.objects.get()
    assert (row.last_error, row.failures) == ("", 0)
    assert row.shown_at is not None


def certificate(folder):
    subprocess.run(
        [
            *(need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-nodes"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "1", "-subj", "/CN=am"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "am.key", "-out", "am.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def test_tls__own_authority__is_trusted_when_the_operator_says_so(tmp_path, operator):
    certificate(tmp_path)
    made = Alertmanager(
        tmp_path, web={"tls_server_config": {"cert_file": "am.pem", "key_file": "am.key"}}
    )
    made.process.ready = made.listens_at_all
    url = made.url.replace("http:", "https:")
    named = {"name": "am", "notifier": "alertmanager", "url": url, "secret": ""}
    with made.process:
        operator(named)
        news("rollout.halted")
        ring()
        assert StandingAlert.objects.get().last_error == "SSLError"
        operator(named | {"ca_file": str(tmp_path / "am.pem")})
        due_now()
        ring()
    assert StandingAlert.objects.get().shown_at is not None


def test_on_call__is_notified_of_the_halt_and_then_of_the_rollback(
    tmp_path, operator, start_receiver
):
    """What an alert with changing annotations would not do: those wake nobody."""
    pager = start_receiver()
    config = {
        "route": {
            "receiver": "pager",
            "group_by": ["graygate_alert", "alertname"],
            "group_wait": "100ms",
            "group_interval": "200ms",
        },
        "receivers": [{"name": "pager", "webhook_configs": [{"url": pager.url}]}],
    }
    made = Alertmanager(tmp_path, config)
    operator({"name": "am", "notifier": "alertmanager", "url": made.url, "secret": ""})

    def told():
        pages = [json.loads(body) for _headers, body in pager.got]
        return [(page["groupLabels"]["alertname"], page["status"]) for page in pages]

    with made.process:
        news("rollout.halted")
        ring()
        until(lambda: ("GraygateRolloutHalted", "firing") in told())
        news("rollout.rolled_back")
        ring()
        until(lambda: ("GraygateRolledBack", "firing") in told())
        until(lambda: ("GraygateRolloutHalted", "resolved") in told())
        news("rollout.recovered")
        until(lambda: ("GraygateRolledBack", "resolved") in told(), ringing=True)


def test_rolled_back__nobody_watches_its_metric_any_longer__the_alert_ends_and_says_so(am):
    trip = Journey()
    for step in HALTED:
        step(trip)
    ring()
    assert am.names() == ["GraygateRolloutHalted"]
    Rollout.objects.filter(pk=trip.rollout.pk).update(phase=Phase.ROLLING_BACK)
    Rollout.objects.filter(pk=trip.rollout.pk).update(
        phase=Phase.ROLLED_BACK, ended_at=database_now() - timedelta(days=2)
    )
    StandingAlert.objects.update(trouble="rollout.rolled_back", shown_at=database_now())
    until(lambda: not am.alerts(), ringing=True)
    assert "Nobody watches" in StandingAlert.objects.get().annotations["description"]
