"""What Graygate carried out of all that changed; and how often its guardrails were right."""

import json
import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from attribution import exposures
from attribution.clock import database_now
from controlplane.changed import changed
from controlplane.coverage import coverage
from controlplane.guardrail_record import Stop, _names, interventions, proposals, standings
from controlplane.models import Feedback
from rollout.models import Decision
from tests.factories import journey
from tests.shadowing import STEP, Production

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def counted(since=None):
    found = coverage(changed(since or database_now() - DAY))
    return {"managed": found.managed, "by_others": found.by_others, "unmanaged": found.unmanaged}


def see(service="cart", ago_s=60, **more):
    change = more.pop("change", None) or uuid.uuid4()
    at = database_now() - timedelta(seconds=ago_s)
    exposures.record(change, service, at, 0.2, [], "deploy", managed=False, **more)
    return change


@pytest.fixture
def production(cart, settings):
    settings.GRAYGATE_INTERVAL_S, settings.GRAYGATE_UNDO_S = STEP, 60.0
    return Production(cart)


def test_changed__started_here__is_managed():
    journey("running")
    journey("completed")
    assert counted() == {"managed": 2, "by_others": 0, "unmanaged": 0}


@pytest.mark.parametrize("lifecycle", ["approved", "rejected", "canceled", "handed_over"])
def test_changed__never_started__changed_nothing(lifecycle):
    journey(lifecycle)
    assert counted() == {"managed": 0, "by_others": 0, "unmanaged": 0}


def test_changed__watched_and_seen__is_others(production, body):
    production.submit(body)
    assert sum(counted().values()) == 0
    production.run(3)
    production.run(4, canary=(0, 50))
    assert counted() == {"managed": 0, "by_others": 1, "unmanaged": 0}


def test_changed__handed_out_and_watched_by_nothing__is_others(production, cart, body):
    cart.guardrails.all().delete()
    production.submit(body)
    assert counted() == {"managed": 0, "by_others": 1, "unmanaged": 0}


def test_changed__only_seen__is_unmanaged_once_whatever_its_steps(cart):
    change = see()
    exposures.record(change, "cart", database_now(), 0.5, [], "deploy", managed=False)
    see()
    assert counted() == {"managed": 0, "by_others": 0, "unmanaged": 2}


def test_changed__seen_before_the_period__is_not_in_it(cart):
    change = see(ago_s=600)
    exposures.record(change, "cart", database_now(), 0.5, [], "deploy", managed=False)
    assert counted(database_now() - timedelta(seconds=300))["unmanaged"] == 0


def test_changed__seen_and_submitted_afterwards__is_not_unmanaged(cart):
    change = see()
    now = database_now()
    submitted = uuid.uuid4()
    exposures.record(change, "cart", now, 0, [], "deploy", managed=False, same_as=submitted)
    assert counted()["unmanaged"] == 0


def test_changed__many__takes_as_many_queries_as_one(cart):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            changed(database_now() - DAY)
        return len(seen)

    journey("completed")
    see()
    one = queries()
    for _ in range(3):
        journey("completed")
        see()
    assert queries() == one <= 5


# --- guardrails ------------------------------------------------------------------------------


@pytest.fixture
def harmed(production, body):
    production.submit(body)
    production.run(3)
    production.run(30, canary=(10, 50))
    return production


def say(decision: str, answer: str):
    row = Decision.objects.get(decision=decision)
    Feedback.objects.create(
        decision_id=row.pk, change_id=row.change_id, answer=answer, actor="olga"
    )


def test_interventions__would_have_halted_and_rolled_back__is_one_of_its_guardrail(harmed):
    (one,) = interventions(harmed.now - DAY)
    assert (one.service, one.guardrail, one.answer) == ("cart", "errors", "")
    say("would_halt", "right")
    say("would_rollback", "wrong")
    (one,) = interventions(harmed.now - DAY)
    assert one.answer == "wrong"


def test_names__older_decision_without_a_list__are_read_from_its_words(harmed):
    row = Decision.objects.get(decision="would_halt")
    assert row.inputs["failing"] == ["errors"]
    words = row.inputs["evidence"]["reason"]
    guardrails = {"cart": [{"name": "errors"}, {"name": "slow"}]}
    older = Stop(row.pk, row.rollout_id, "fail", words, None)
    assert _names(older, guardrails) == {("cart", "errors")}
    newer = Stop(row.pk, row.rollout_id, "fail", words, ["slow"])
    assert _names(newer, guardrails) == {("cart", "slow")}


def test_interventions__on_attributions_word_alone__is_no_guardrails():
    journey("rolled_back")  # its evidence names no metric
    assert interventions(database_now() - DAY) == []


def noisy(harmed, times=3):
    """As if so many changes had been stopped in vain."""
    found = standings(harmed.now - DAY)
    (one,) = found
    return [type(one)(one.service, one.guardrail, 0, times, 0)]


def test_proposals__noisy__says_what_to_do_and_changes_nothing(harmed, cart):
    before = cart.guardrails.get().spec
    ((place, proposed),) = proposals(noisy(harmed)).items()
    assert place == ("cart", "errors")
    assert "not critical" in proposed
    assert "0.1 now, 0.2 say" in proposed
    assert cart.guardrails.get().spec == before
    assert proposals(standings(harmed.now - DAY)) == {}


def test_proposals__guardrail_that_is_gone__is_left_out(harmed, cart):
    found = noisy(harmed)
    cart.guardrails.all().delete()
    assert proposals(found) == {}


def test_command__text_and_json__tell_the_same(harmed, capsys):
    say("would_rollback", "wrong")
    call_command("guardrail_precision")
    assert "cart/errors: 0% (0% to 79%); 0 right, 1 wrong" in capsys.readouterr().err
    call_command("guardrail_precision", "--json", "--service", "cart")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["wrong"] == 1
    with pytest.raises(CommandError, match="at most 366"):
        call_command("guardrail_precision", "--days", "0")


def test_command__nothing_was_stopped__says_so(cart, capsys):
    call_command("guardrail_precision")
    assert "No guardrail stopped a change" in capsys.readouterr().err
