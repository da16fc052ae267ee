"""Messages become rows: what order, silences and the operator's file change."""

import uuid
from datetime import timedelta

import pytest

from attribution.clock import database_now
from controlplane.environment import OperatorFile
from controlplane.models import Silence, StandingAlert
from controlplane.notify.deliver import deliver_due
from controlplane.notify.dispatch import dispatch
from controlplane.notify.showing import show_due
from controlplane.pruning import prune
from rollout import ledger
from rollout.models import Delivery

from .alertmanager import FACTS

pytestmark = pytest.mark.django_db(transaction=True)
START = timedelta(minutes=10)
# Nobody listens there.
ENDPOINT = {"name": "am", "notifier": "alertmanager", "url": "http://127.0.0.1:9", "secret": ""}


def told(*messages, **payload):
    """(kind, minute) pairs, delivered in this order, whenever they were written."""
    for kind, minute in messages:
        at = database_now() - START + timedelta(minutes=minute)
        ledger.publish(kind, uuid.uuid4(), FACTS | payload, at)
        dispatch()
        deliver_due(patience_s=20)


def standing():
    return [row.trouble for row in StandingAlert.objects.filter(ends_at=None)]


@pytest.fixture(autouse=True)
def _listed(operator):
    operator(ENDPOINT)


def test_note__late_retry_of_the_beginning__does_not_raise_it_again():
    told(("rollout.halted", 1), ("rollout.answered", 2), ("rollout.halted", 1))
    assert standing() == []


def test_note__end_that_overtakes_its_beginning__stays_the_end():
    told(("rollout.recovered", 2), ("rollout.rolled_back", 1))
    assert standing() == []
    assert StandingAlert.objects.get().due_at is None


def test_note__same_message_twice__changes_nothing_but_the_bell():
    told(("rollout.halted", 1))
    before = StandingAlert.objects.values("starts_at", "labels", "former").get()
    Delivery.objects.update(delivered_at=None, due_at=database_now())
    deliver_due(patience_s=20)
    assert StandingAlert.objects.values("starts_at", "labels", "former").get() == before


def test_note__begun_again_after_its_end__starts_anew():
    told(("rollout.halted", 1), ("rollout.answered", 2), ("rollout.halted", 3))
    row = StandingAlert.objects.get()
    assert standing() == ["rollout.halted"]
    assert row.starts_at == row.told_at
    assert row.former == []


def test_note__another_trouble_of_the_same_key__ends_the_one_before():
    told(("rollout.halted", 1), ("rollout.rolled_back", 2))
    row = StandingAlert.objects.get()
    assert standing() == ["rollout.rolled_back"]
    assert [each["labels"]["alertname"] for each in row.former] == ["GraygateRolloutHalted"]


def test_note__held_while_halted__keeps_the_words_of_the_halt():
    told(("rollout.halted", 1), reason="errors", phase="running", holds=["halted"])
    told(("rollout.hold", 2), reason="no data", phase="running", holds=["halted", "source_lost"])
    row = StandingAlert.objects.get()
    assert (row.trouble, row.annotations["description"]) == ("rollout.halted", "errors")


def test_note__answer_that_leaves_a_hold__shows_the_hold():
    told(("rollout.halted", 1), phase="running", holds=["drift", "halted"])
    told(("rollout.answered", 2), phase="running", holds=["drift"])
    assert standing() == ["rollout.hold"]


def test_note__of_the_loop__told_again_of_another_service__is_the_same_alert():
    told(("loop.stalled", 1), service="cart", alert_key="graygate-loop")
    told(("loop.stalled", 2), service="mail", alert_key="graygate-loop")
    row = StandingAlert.objects.get()
    assert (row.labels["service"], row.former) == ("cart", [])


def test_note__news_that_is_no_trouble__makes_no_row(operator):
    operator(ENDPOINT | {"types": ["*"]})
    told(("rollout.started", 1), ("rollout.rolling_back", 2))
    assert not StandingAlert.objects.exists()


def test_note__types_that_want_less__end_what_turned_into_something_unwanted(operator):
    operator(ENDPOINT | {"types": ["rollout.rollback_failed"]})
    told(("rollout.halted", 1))
    assert standing() == []
    told(("rollout.rollback_failed", 2))
    assert standing() == ["rollout.rollback_failed"]
    told(("rollout.rolled_back", 3))
    assert standing() == []


def silence():
    Silence.objects.create(
        name="quiet",
        scope={"service": "cart"},
        reason="planned",
        actor="bob",
        ends_at=database_now() + timedelta(hours=1),
    )


def test_silence__that_came_later__does_not_keep_the_end_back():
    told(("rollout.halted", 1))
    silence()
    told(("rollout.answered", 2))
    assert standing() == []


def test_silence__over_a_halt__is_not_broken_by_an_answer_to_something_else():
    silence()
    told(("rollout.halted", 1), phase="running", holds=["halted", "paused"])
    told(("rollout.answered", 2), phase="running", holds=["halted"])
    assert standing() == []


def test_endpoint__gone_from_the_operators_file__rests_and_is_forgotten_after_a_day(operator):
    told(("rollout.halted", 1))
    operator()
    assert show_due() == 0
    prune()
    assert standing() == ["rollout.halted"]
    StandingAlert.objects.update(told_at=database_now() - timedelta(hours=25))
    prune()
    assert standing() == []


def test_endpoint__operators_file_cannot_be_read__nothing_is_forgotten(settings):
    told(("rollout.halted", 1))
    StandingAlert.objects.update(told_at=database_now() - timedelta(hours=25))
    settings.OPERATOR = OperatorFile(error="no such file")
    prune()
    assert standing() == ["rollout.halted"]


def test_endpoint__listed_and_dead_for_a_week__is_not_given_up():
    told(("rollout.halted", 1))
    long_ago = database_now() - timedelta(days=8)
    StandingAlert.objects.update(told_at=long_ago, starts_at=long_ago, due_at=long_ago)
    prune()
    assert show_due(patience_s=20) == 1
    row = StandingAlert.objects.get()
    assert (row.failures, row.last_error) == (1, "ConnectionError")
    assert row.due_at > database_now()
