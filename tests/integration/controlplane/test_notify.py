import json
import time
import uuid
from datetime import timedelta

import pytest

from attribution.clock import database_now
from controlplane.models import Silence
from controlplane.notify import deliver
from controlplane.notify.base import Sent
from controlplane.notify.deliver import claim, deliver_due, drain
from controlplane.notify.dispatch import dispatch
from rollout import ledger, signing
from rollout.models import Delivery, OutboxMessage
from tests.integration.controlplane.conftest import SECRET

pytestmark = pytest.mark.django_db(transaction=True)


def news(kind="rollout.rolled_back", **payload):
    facts = {"change": "c", "rollout": "r", "title": "Cart", "service": "cart", "reason": "errors"}
    return ledger.publish(kind, uuid.uuid4(), facts | payload, database_now())


def ring():
    dispatch()
    deliver_due(patience_s=20)


def due_now():
    Delivery.objects.update(due_at=database_now())


@pytest.fixture
def pager(start_receiver, operator):
    receiver = start_receiver()
    operator({"name": "pager", "url": receiver.url})
    return receiver


def test_deliver__rollback__arrives_signed_with_everything_on_call_needs(pager):
    message = news(left_to_do=["Find the defect"])
    ring()
    headers, body = pager.got[0]
    signing.verify(SECRET, headers, body, time.time())
    assert headers["webhook-id"] == str(message.pk)
    told = json.loads(body)
    assert told["type"] == "graygate.rollout.rolled_back"
    assert told["data"]["left_to_do"] == ["Find the defect"]
    assert str(message.change_id) in told["data"]["url"]
    assert Delivery.objects.get().delivered_at is not None


def test_dispatch__twice__delivers_once(pager):
    news()
    ring()
    ring()
    assert len(pager.got) == 1
    assert OutboxMessage.objects.get().dispatched_at is not None


def test_deliver__first_answer_500__comes_again_with_the_same_id(pager):
    pager.answers.append((500, {}))
    news()
    ring()
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.last_error) == (1, "HTTP 500")
    waits = (delivery.due_at - database_now()).total_seconds()
    assert 3 < waits < 6
    due_now()
    ring()
    assert Delivery.objects.get().delivered_at is not None
    assert len({headers["webhook-id"] for headers, _ in pager.got}) == 1
    assert len(pager.got) == 2


@pytest.mark.parametrize("answer", [(302, {"location": "/elsewhere"}), (404, {}), (399, {})])
def test_deliver__no_2xx__is_a_failure_and_no_redirect_is_followed(pager, answer):
    pager.answers.append(answer)
    news()
    ring()
    assert Delivery.objects.get().last_error == f"HTTP {answer[0]}"
    assert len(pager.got) == 1


def test_deliver__retry_after__is_honoured(pager):
    pager.answers.append((503, {"retry-after": "120"}))
    news()
    ring()
    waits = (Delivery.objects.get().due_at - database_now()).total_seconds()
    assert 110 < waits <= 120


def test_deliver__410__disables_the_address_until_it_changes(pager, operator):
    pager.answers.append((410, {}))
    news()
    news()
    ring()
    assert all(one.gave_up_at for one in Delivery.objects.all())
    news()
    ring()
    assert len(pager.got) == 1
    operator({"name": "pager", "url": pager.url + "new"})
    news()
    ring()
    assert len(pager.got) == 2


def test_deliver__endpoint_that_never_answers__delays_no_other(
    start_receiver, operator, monkeypatch
):
    monkeypatch.setattr(deliver.notifier("webhook"), "timeout_s", 2.0, raising=False)
    dead, alive = start_receiver(), start_receiver()
    dead.answers.extend(["never"] * 5)
    operator({"name": "dead", "url": dead.url}, {"name": "alive", "url": alive.url})
    for _ in range(3):
        news()
    dispatch()
    deliver_due(patience_s=1)
    assert len(alive.got) == 3
    assert len(dead.got) == 1
    dead.release.set()


def test_deliver__nobody_listens__is_kept_for_later(operator):
    operator({"name": "pager", "url": "http://127.0.0.1:9/"})
    news()
    ring()
    delivery = Delivery.objects.get()
    assert (delivery.last_error, delivery.gave_up_at) == ("ConnectionError", None)


def test_deliver__malformed_secret__is_an_error_of_its_own_not_a_crash(start_receiver, operator):
    receiver = start_receiver()
    operator({"name": "pager", "url": receiver.url, "secret": "hunter2"})
    news()
    ring()
    assert Delivery.objects.get().last_error == "ValueError"
    assert receiver.got == []


def test_deliver__endpoint_left_the_operators_file__waits(pager, operator):
    news()
    dispatch()
    operator()
    deliver_due(patience_s=20)
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.gave_up_at, pager.got) == (1, None, [])


def test_deliver__after_the_last_attempt__gives_up_and_says_why(pager):
    pager.answers.append((500, {}))
    news()
    dispatch()
    Delivery.objects.update(attempts=9)
    drain("pager")
    delivery = Delivery.objects.get()
    assert delivery.gave_up_at is not None
    assert delivery.last_error == "HTTP 500"


def test_deliver__notifier_that_raises__is_a_failed_attempt_and_stops_nothing(operator, settings):
    settings.GRAYGATE_NOTIFIERS = {"broken": "tests.no.such.Notifier"}
    operator({"name": "pager", "url": "http://127.0.0.1:1/", "notifier": "broken"})
    news()
    ring()
    delivery = Delivery.objects.get()
    assert (delivery.lease_until, delivery.attempts) == (None, 1)
    assert delivery.last_error == "ModuleNotFoundError"


def test_claim__while_leased__gives_nothing_and_after_it_ran_out__again(pager):
    news()
    dispatch()
    assert claim("pager") is not None
    assert claim("pager") is None
    Delivery.objects.update(lease_until=database_now() - timedelta(seconds=1))
    assert claim("pager").attempts == 2


def a_stalled_sender():
    """It has claimed, and stood still for longer than its lease."""
    news()
    dispatch()
    delivery = claim("pager")
    Delivery.objects.update(lease_until=database_now() - timedelta(seconds=1))
    return delivery


def test_settle__sender_failed_after_its_lease__what_another_has_delivered_stays_so(pager):
    stalled = a_stalled_sender()
    drain("pager")
    deliver.settle(stalled, Sent(error="HTTP 500"))
    due_now()
    drain("pager")
    assert Delivery.objects.get().delivered_at is not None
    assert len(pager.got) == 1


def test_settle__sender_failed_while_another_sends__takes_no_lease_away(pager):
    stalled = a_stalled_sender()
    current = claim("pager")
    deliver.settle(stalled, Sent(error="HTTP 500"))
    found = Delivery.objects.get()
    assert (found.lease_until, found.attempts) == (current.lease_until, 2)
    assert found.last_error == ""


def test_settle__sender_was_heard_after_its_lease__it_is_delivered_whatever_comes_later(pager):
    stalled = a_stalled_sender()
    current = claim("pager")
    deliver.settle(stalled, Sent())
    deliver.settle(current, Sent(error="HTTP 500"))
    found = Delivery.objects.get()
    assert found.delivered_at is not None
    assert (found.gave_up_at, found.lease_until) == (None, None)


def test_settle__sender_was_heard_after_another_gave_up__it_is_not_counted_as_given_up(pager):
    stalled = a_stalled_sender()
    Delivery.objects.update(gave_up_at=database_now(), last_error="HTTP 500")
    deliver.settle(stalled, Sent())
    found = Delivery.objects.get()
    assert found.delivered_at is not None
    assert found.gave_up_at is None


def test_dispatch__silence__holds_back_a_halt_and_never_a_rollback(pager):
    Silence.objects.create(
        name="quiet",
        scope={"service": "cart"},
        reason="planned",
        actor="bob",
        ends_at=database_now() + timedelta(hours=1),
    )
    news("rollout.halted")
    news("rollout.rolled_back")
    ring()
    assert [json.loads(body)["type"] for _, body in pager.got] == ["graygate.rollout.rolled_back"]
    assert not OutboxMessage.objects.filter(dispatched_at=None).exists()


def test_dispatch__types_of_the_endpoint__choose_what_it_gets(start_receiver, operator):
    receiver = start_receiver()
    operator({"name": "audit", "url": receiver.url, "types": ["rollout.started"]})
    news("rollout.started")
    news("rollout.rolled_back")
    ring()
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["graygate.rollout.started"]


def test_deliver__culprit_that_is_not_managed__leads_to_the_page_of_its_anomaly(pager):
    anomaly = uuid.uuid4()
    news("culprit.found", anomaly=str(anomaly), alert_key="k")
    ring()
    told = json.loads(pager.got[0][1])
    assert told["data"]["url"].endswith(f"/anomalies/{anomaly}/")
    assert (told["data"]["alert_key"], told["data"]["status"]) == ("k", "firing")
