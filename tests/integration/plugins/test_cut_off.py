# ruff: noqa: F811 - fixtures of another folder are imported, and asked for by name
"""A bad plugin is cut off, says so where a person looks, and the others go on."""

import threading

import pytest
from django.db import connection

from attribution import collect, cut_off
from attribution.cut_off import CutOffError, within
from attribution.models import Guardrail, Sample, Service
from controlplane.notify import deliver
from rollout import services
from rollout.executors.base import executor
from rollout.machine import Phase
from rollout.models import Delivery, OutboxMessage
from rollout.spec import TargetSpec
from tests.factories import guardrail_spec
from tests.integration.plugins import bad
from tests.integration.rollout.conftest import (  # noqa: F401 - fixtures
    UNITS,
    clock_stands,
    make_rollout,
    stagehand,
)

pytestmark = pytest.mark.django_db
HERE = "tests.integration.plugins.bad"


@pytest.fixture(autouse=True)
def _set_free():
    bad.free.clear()
    yield
    bad.free.set()
    for thread in threading.enumerate():
        if thread.name.startswith("plugin "):
            thread.join(30)


def test_within__call_that_hangs__is_left_and_not_called_again_until_it_comes_back():
    with pytest.raises(CutOffError, match="not done within"):
        within("x", 0.05, False, bad.hang)
    with pytest.raises(CutOffError, match="has not come back"):
        within("x", 0.05, False, bad.hang)
    assert within("y", 30, False, lambda: 7) == 7
    bad.free.set()
    for thread in threading.enumerate():
        if thread.name == "plugin x":
            thread.join(30)
    assert within("x", 30, False, lambda: 7) == 7


def test_within__too_many_hang__no_more_are_begun(monkeypatch):
    monkeypatch.setattr(cut_off, "MOST_HANGING", 2)
    for name in "ab":
        with pytest.raises(CutOffError):
            within(name, 0.01, False, bad.hang)
    with pytest.raises(CutOffError, match="restart"):
        within("c", 0.01, False, lambda: 7)
    assert within("ours", 0.01, True, lambda: 7) == 7


def test_within__plugin_wants_to_exit__the_process_lives():
    with pytest.raises(CutOffError, match="SystemExit"):
        within("x", 30, False, bad.leave)


@pytest.fixture
def two(make_rollout, stagehand, clock_stands):
    """One rollout on a plugin, begun before another on a good executor."""
    made = {"plugin": bad.executor_that(lambda _c, _k: None)}
    stagehand.executor = lambda name: made.get(name) or executor(name)
    targets = (TargetSpec("bad", "dryrun", {"target": "bad"}, UNITS),)
    poisoned = make_rollout("bad", targets=targets)
    poisoned.placements.update(executor="plugin")
    return made, poisoned, make_rollout("good")


@pytest.mark.parametrize("answer", list(bad.NONSENSE.values()), ids=list(bad.NONSENSE))
def test_executor__answers_nonsense__shows_its_error_backs_off_and_the_other_goes_on(
    two,
    stagehand,
    answer,
):
    made, poisoned, good = two
    made["plugin"] = bad.executor_that(answer)
    stagehand.tick(seconds=1, times=2)
    placement = poisoned.placements.get()
    assert placement.last_error
    assert "secret" not in placement.last_error
    assert placement.failures >= 1
    assert placement.due_at > stagehand.now()
    assert good.placements.get().observed == 0.25


def test_executor__hangs__is_cut_off_and_the_other_goes_on(two, stagehand):
    made, poisoned, good = two
    made["plugin"] = bad.executor_that(bad.hang)
    stagehand.tick()
    assert "an earlier call has not come back" in poisoned.placements.get().last_error
    assert good.placements.get().observed == 0.25


def sent_as_told(made, stagehand):
    made["plugin"] = bad.executor_that(bad.says(0.0))
    stagehand.tick(seconds=1, times=2)
    made["plugin"] = bad.executor_that(bad.says(0.25, UNITS[:25], 1))
    stagehand.tick(seconds=120)


def test_executor__hangs_when_looked_at__is_told_zero_all_the_same(two, stagehand):
    made, poisoned, _ = two
    sent_as_told(made, stagehand)
    blind = made["plugin"] = bad.executor_that(bad.hang)
    services.abort(poisoned.pk, "sre", "bad")
    stagehand.tick(seconds=1)
    assert blind.sent[-1:] == [0.0]


def test_executor__cannot_say_what_is_there__is_told_zero_all_the_same(two, stagehand):
    made, poisoned, _ = two
    sent_as_told(made, stagehand)
    blind = made["plugin"] = bad.executor_that(lambda _c, _k: None)
    services.abort(poisoned.pk, "sre", "bad")
    stagehand.tick(seconds=1)
    assert blind.sent[-1:] == [0.0]
    stagehand.tick(seconds=400, times=3)
    poisoned.refresh_from_db()
    assert poisoned.phase == Phase.ROLLBACK_FAILED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "name", ["Hanging", "Leaving", "Breaking", "Nothing", "NotANumber", "Texts"]
)
def test_source__goes_wrong__its_sample_says_so_and_the_others_are_read(
    settings, monkeypatch, name
):
    monkeypatch.setattr(collect, "LONGEST_READ_S", 0.2)
    settings.GRAYGATE_SOURCES = {"bad": f"{HERE}.{name}", "good": f"{HERE}.Good"}
    for service, source in (("a", "bad"), ("b", "good"), ("c", "bad"), ("d", "good")):
        row = Service.objects.create(name=service, team="shop", source={"name": source})
        Guardrail.objects.create(service=row, name="errors", spec=guardrail_spec())
    collect.collect_due()
    errors = dict(Sample.objects.values_list("service__name", "error"))
    assert (errors["b"], errors["d"]) == ("", "")
    assert "source" in errors["a"]
    assert "source" in errors["c"]
    assert not any("secret" in text for text in errors.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["Hanging", "Leaving", "None", "Raising"])
def test_notifier__goes_wrong__waits_for_its_next_turn_and_the_others_are_told(
    settings, monkeypatch, name
):
    monkeypatch.setattr(deliver, "LONGEST_SEND_S", 0.2)
    settings.GRAYGATE_NOTIFIERS = {"bad": f"{HERE}.{name}Notifier", "good": f"{HERE}.Notifier"}
    endpoints = [{"name": each, "notifier": each, "url": "http://x"} for each in ("bad", "good")]
    settings.OPERATOR = type(settings.OPERATOR)(webhooks=endpoints)
    deliver.notifier.cache_clear()
    now = deliver.database_now()
    message = OutboxMessage.objects.create(
        type="rollout.halted", change_id="1" * 32, at=now, payload={"reason": "x"}
    )
    for each in ("bad", "good"):
        Delivery.objects.create(message=message, endpoint=each, due_at=now)
    deliver.deliver_due(patience_s=60)
    rows = {row.endpoint: row for row in Delivery.objects.all()}
    assert rows["good"].delivered_at is not None
    assert rows["bad"].delivered_at is None
    assert rows["bad"].lease_until is None
    assert rows["bad"].last_error
    assert "secret" not in rows["bad"].last_error
    connection.close()
