"""A change that others carry out: watched by its metrics, and what enforcing would have done."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from attribution.models import Exposure, Guardrail, Service
from attribution.watched import watched
from controlplane import intake
from controlplane.decision import decision_of
from controlplane.models import Change, Feedback, Policy
from controlplane.shadow_record import shadowed, standings
from rollout.machine import HoldKind, Phase
from rollout.models import Hold, Rollout
from rollout.recompute import problems
from rollout.services import NotAllowedError, abort, pause
from tests.shadowing import STEP, Production

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(cart, settings):
    settings.GRAYGATE_INTERVAL_S, settings.GRAYGATE_UNDO_S = STEP, 60.0
    return Production(cart)


def test_submit__service_that_is_new__is_only_observed(production, body):
    change = production.submit(body)
    assert change.state == "external"
    assert production.rollout.shadow
    assert Rollout.objects.count() == 0
    told = decision_of(change)
    assert told["decision"] == "allowed"
    assert "L0" in told["reasons"][0]


def test_submit__observed_and_very_risky__is_allowed_and_says_what_would_be_asked(
    production, risky
):
    change = production.submit(risky)
    assert change.state == "external"
    assert any("asks for one approval" in reason for reason in change.reasons)


def test_shadow__its_version_does_harm__says_what_it_would_have_done_and_does_nothing(
    production, body
):
    production.submit(body)
    production.run(3)
    production.run(30, canary=(10, 50))
    said = production.said()
    assert said.index("seen") < said.index("would_halt") < said.index("would_rollback")
    assert {"halt", "rollback"}.isdisjoint(said)
    assert production.rollout.phase == Phase.RUNNING
    told = decision_of(production.reload())
    assert told["decision"] == "allowed"
    assert "would have halted at" in told["reasons"][0]
    assert "would have rolled back at" in told["reasons"][1]


def test_shadow__would_have_rolled_back__says_it_once(production, body):
    production.submit(body)
    production.run(3)
    production.run(60, canary=(10, 50))
    assert production.said().count("would_rollback") == 1


def test_shadow__every_decision__follows_from_its_inputs(production, body):
    production.submit(body)
    production.run(3)
    production.run(30, canary=(10, 50))
    assert problems(production.rollout) == []


def test_shadow__exposure__is_what_the_metrics_show_and_not_ours(production, body):
    production.submit(body)
    production.run(3)
    production.run(10, canary=(0, 50))
    newest = Exposure.objects.filter(change_id=production.change.pk).latest("at")
    assert newest.share == pytest.approx(0.2)
    assert newest.managed is False


def test_shadow__watched_by_a_histogram__its_requests_tell_the_share(production, body):
    errors = production.service.guardrails.get()
    spec = {k: v for k, v in errors.spec.items() if k not in {"events", "total"}}
    spec |= {"kind": "distribution", "query": "seconds_bucket{$cohort}", "source": "prometheus"}
    Guardrail.objects.filter(pk=errors.pk).update(spec=spec)
    production.submit(body)
    fast, slow = {"bounds": [0.1], "counts": [40, 10]}, {"bounds": [0.1], "counts": [190, 10]}
    production.read(6, {"canary": fast, "control": slow})
    assert production.rollout.placements.get().observed == pytest.approx(0.2)


def test_shadow__good_and_everywhere__the_change_has_succeeded(production, body):
    production.submit(body)
    production.run(3)
    production.run(30, canary=(0, 50))
    production.run(20, canary=(2, 200), control=None)
    assert production.said()[-1] == "watched"
    assert production.reload().state == "succeeded"
    assert "would_halt" not in production.said()
    partly, full = production.rollout.stages.values_list("share", flat=True)
    assert 0.2 <= partly < full == 1


def test_shadow__taken_out_by_hand__the_change_has_failed_and_silence_is_not_held_against_it(
    production, body
):
    production.submit(body)
    production.run(3)
    production.run(10, canary=(0, 50))
    production.run(14)
    said = production.said()
    assert "taken_out" in said
    assert "would_halt" not in said
    assert production.rollout.phase == Phase.ROLLED_BACK
    assert production.reload().state == "failed"


def test_shadow__never_seen__its_end_is_not_known(production, body, settings):
    settings.GRAYGATE_SHADOW_S = 100.0
    production.submit(body)
    production.run(25)
    assert production.said()[-1] == "unseen"
    assert production.reload().state == "unknown"


def test_shadow__nothing_is_reported__is_neither_zero_nor_a_pass(production, body):
    production.submit(body)
    production.run(3)
    production.run(10, canary=(0, 50))
    production.run(5, control=None)
    rollout = production.rollout
    assert rollout.phase == Phase.RUNNING
    assert rollout.placements.get().observed == pytest.approx(0.2)
    assert set(rollout.stages.values_list("state", flat=True)) == {"baking"}


def test_shadow__newer_version__takes_over(production, body):
    production.submit(body)
    first = production.rollout
    production.submit(body | {"artefact": {"image": "shop/cart:1.4.2"}})
    first.refresh_from_db()
    assert first.phase == Phase.CANCELED
    assert production.rollout.phase == Phase.PENDING
    intake.advance_changes()
    assert Change.objects.get(rollout_id=first.pk).state == "unknown"


def test_shadow__of_an_older_version__keeps_no_rollout_waiting(production, cart, body):
    production.submit(body)
    cart.control_level = "L4"
    cart.save()
    newer = production.submit(body | {"artefact": {"image": "shop/cart:1.4.2"}})
    assert newer.state == "executing"
    production.run(1)
    assert Rollout.objects.get(pk=newer.rollout_id).phase == Phase.RUNNING


def test_shadow__would_be_halted__counts_for_no_common_cause_of_others(production, body):
    production.submit(body)
    production.run(3)
    production.run(30, canary=(10, 50))
    assert Hold.objects.filter(kind=HoldKind.HALTED, rollout__shadow=False).count() == 0
    assert Hold.objects.filter(kind=HoldKind.HALTED, rollout__shadow=True).count() == 1


@pytest.mark.parametrize("order", [pause, abort])
def test_orders__of_a_shadow__are_refused(production, body, order):
    production.submit(body)
    with pytest.raises(NotAllowedError, match="only watched"):
        order(production.rollout.pk, "ann", "why not")


def test_submit__observed_without_a_guardrail__is_handed_out_and_says_that_nothing_watches(
    production, cart, body
):
    cart.guardrails.all().delete()
    change = production.submit(body)
    assert (change.state, change.rollout_id) == ("external", None)
    assert "no guardrail watches it" in change.reasons[0]


def test_submit__observed_with_no_executor__needs_none(production, cart, body):
    cart.executor = {}
    cart.save()
    assert production.submit(body).state == "external"


# --- how it is told --------------------------------------------------------------------------


@pytest.fixture
def harmed(production, body):
    production.submit(body)
    production.run(3)
    production.run(30, canary=(10, 50))
    return production


def test_record__would_have_rolled_back__says_when_and_counts_answers(harmed):
    (found,) = shadowed(harmed.now - timedelta(days=1))
    assert [one.verb for one in found.said] == ["halted", "rolled back"]
    assert found.said[0].at <= found.said[1].at
    (standing,) = standings([found])
    assert (standing.watched, standing.interfered, standing.unanswered) == (1, 1, 1)

    Feedback.objects.create(
        decision_id=found.said[1].decision, change_id=found.change, answer="wrong", actor="ann"
    )
    (standing,) = standings(shadowed(harmed.now - timedelta(days=1)))
    assert (standing.wrong, standing.unanswered) == (1, 0)


def test_shadow_command__harm__is_told_with_its_time(harmed, capsys):
    call_command("shadow")
    told = capsys.readouterr().err
    assert "would have halted at" in told
    assert "cart: 1 watched, would have interfered with 1" in told


def test_shadow_command__json__is_an_object_a_line(harmed, capsys):
    call_command("shadow", "--json", "--days", "1")
    (line,) = capsys.readouterr().out.splitlines()
    assert [one["done"] for one in json.loads(line)["would_have"]] == ["halted", "rolled back"]


def test_shadow_command__days_out_of_range__says_what_is_allowed(db):
    with pytest.raises(CommandError, match="at most 366"):
        call_command("shadow", "--days", "0")


# --- cohorts that are versions ---------------------------------------------------------------


def test_shadow__cohorts_are_versions__are_those_of_the_change(production, cart, body):
    cart.cohorts = {"canary": 'version="$version"', "control": 'version="$previous_version"'}
    cart.save()
    production.submit(body)
    cart.refresh_from_db()
    assert watched(cart)["version"] == "1.4.1"
    assert watched(cart)["previous_version"] == "1.4.0"


def test_shadow__another_artefact_of_the_service__has_the_versions_now(production, cart, body):
    cart.cohorts = {"canary": 'version="$version"', "control": 'version="$previous_version"'}
    cart.save()
    production.submit(body)
    first = production.rollout
    other = {"artefact": {"image": "shop/cart:1.4.2"}, "source": {"path": "other.yaml"}}
    production.submit(body | other)
    first.refresh_from_db()
    assert first.artefact != production.rollout.artefact
    assert first.phase == Phase.CANCELED


def test_shadow__superseded_at_a_share__is_exposed_no_more(production, body):
    production.submit(body)
    production.run(3)
    production.run(10, canary=(0, 50))
    first = production.change
    production.submit(body | {"artefact": {"image": "shop/cart:1.4.2"}})
    assert Exposure.objects.filter(change_id=first.pk).order_by("id").last().share == 0


@pytest.fixture
def both(body):
    """A change of `cart`, with a service beside it that is only observed."""
    Service.objects.create(name="toy", team="shop", control_level="L0")
    return lambda body: body | {"targets": [{"service": "cart"}, {"service": "toy"}]}


def test_submit__gated_service_beside_an_observed_one__waits_for_its_approval(cart, both, risky):
    change = intake.submit(both(risky), "ci")
    assert change.state == "pending_approval"
    intake.decide_change(change.pk, "ann", "approve")
    intake.advance_changes()
    change.refresh_from_db()
    assert change.state == "external"
    assert Rollout.objects.count() == 0


def test_submit__gated_service_beside_an_observed_one__waits_for_its_checks(cart, both, body):
    then = {"control_level": "L3", "approvals": 0, "stages": [{"share": 1}]}
    tested = {"when": {}, "then": {**then, "checks": [{"name": "tests"}]}}
    Policy.objects.create(name="tested", version=1, spec=tested)
    change = intake.submit(both(body), "ci")
    intake.advance_changes()
    change.refresh_from_db()
    assert change.state == "approved"


def test_submit__all_that_it_names_are_observed__still_waits_for_nothing(cart, both, risky):
    Service.objects.update(control_level="L0")
    assert intake.submit(both(risky), "ci").state == "approved"
