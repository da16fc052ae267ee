from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import Guardrail, Service
from controlplane import intake
from controlplane.decision import decision_of
from controlplane.models import Approval, Assessment, Change, Outcome, Policy, Signal
from rollout import effects
from rollout import services as rollouts
from rollout.machine import IllegalTransitionError, Phase
from rollout.models import Rollout
from rollout.services import NotAllowedError
from tests.integration.controlplane.conftest import GUARDRAIL

pytestmark = pytest.mark.django_db


def shares(change):
    return [stage["share"] for stage in Rollout.objects.get(pk=change.rollout_id).spec["stages"]]


def test_submit__clean_release__is_approved_and_handed_over_once(submit, body):
    change = submit(body)
    assert change.state == "approved"
    assert intake.advance_changes() == 1
    change.refresh_from_db()
    assert change.state == "executing"
    rollout = Rollout.objects.get(change_id=change.id)
    assert rollout.pk == change.rollout_id
    spec = rollout.spec
    assert (spec["version"], spec["previous_version"]) == ("1.4.1", "1.4.0")
    assert spec["control_level"] == "L3"
    assert spec["guardrails"]["cart"][0]["name"] == "errors"
    assert spec["targets"][0]["units"] == ["a", "b", "c", "d"]
    assert intake.advance_changes() == 0
    assert Rollout.objects.count() == 1


def test_submit__assessment__is_kept_with_its_case_and_signals(submit, risky):
    change = submit(risky)
    assessment = change.assessments.latest()
    assert assessment.level == "medium"
    assert assessment.case["artefact"] == risky["artefact"]
    assert assessment.case["context"]["tier"] == 2
    assert list(Signal.objects.values_list("signal_id", flat=True)) == ["major_bump"]


def test_submit__dry_run__tells_the_answer_and_stores_nothing(submit, risky):
    answer = submit(risky, dry_run=True)
    assert answer["decision"] == "needs_approval"
    assert answer["level"] == "medium"
    assert [stage["share"] for stage in answer["stages"]] == [0.05, 0.25, 1.0]
    assert not Change.objects.exists()
    assert not Assessment.objects.exists()


WRONG = [
    ({"targets": [{"service": "moon"}]}, "/targets/0/service"),
    ({"targets": [{"service": "cart", "units": ["a", "z"]}]}, "/targets/0/units/1"),
    ({"environment": "staging"}, "/environment"),
    ({"executor": {"name": "teleport"}}, "/executor/name"),
    ({"executor": {"name": "http", "config": {"target": "unlisted"}}}, "/executor/config"),
    ({"guardrails": [GUARDRAIL | {"margin": 9.0}]}, "/guardrails/0/name"),
]


@pytest.mark.parametrize(("wrong", "pointer"), WRONG)
def test_submit__names_what_is_not_registered__stores_nothing(submit, body, wrong, pointer):
    with pytest.raises(CaseError) as caught:
        submit(body | wrong)
    assert caught.value.pointer == pointer
    assert not Change.objects.exists()
    assert not Assessment.objects.exists()
    assert Guardrail.objects.count() == 1


def test_submit__own_plan_at_low_risk__may_be_faster(submit, body):
    change = submit(body | {"plan": {"stages": [{"share": 0.5, "min_s": 1}, {"share": 1}]}})
    intake.advance_changes()
    change.refresh_from_db()
    assert shares(change) == [0.5, 1.0]


HIGH = {"artefact": {"image": "shop/cart:latest"}}
FIVE = [{"share": share, "min_s": 3600} for share in (0.01, 0.05, 0.25, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("stages", "pointer"),
    [
        (FIVE[1:], "/plan/stages"),
        ([{"share": 0.02, "min_s": 3600}, *FIVE[1:]], "/plan/stages/0/share"),
        ([*FIVE[:4], {"share": 1.0, "min_s": 5}], "/plan/stages/4/min_s"),
        (FIVE, None),
        ([{"share": 0.005}, *FIVE], None),
    ],
)
def test_submit__own_plan_at_high_risk__may_only_be_stricter(submit, body, stages, pointer):
    asked = body | HIGH | {"plan": {"stages": stages}}
    if pointer is None:
        assert submit(asked).state == "pending_approval"
        return
    with pytest.raises(CaseError) as caught:
        submit(asked)
    assert caught.value.pointer == pointer
    assert not Change.objects.exists()


def test_submit__nothing_guards_it__is_staged_by_hand(submit, body):
    Guardrail.objects.all().delete()
    change = submit(body)
    intake.advance_changes()
    assert Rollout.objects.get(change_id=change.id).spec["control_level"] == "L2"


def test_submit__own_guardrail__guards_and_is_collected(submit, body):
    change = submit(body | {"guardrails": [GUARDRAIL | {"name": "slow"}]})
    intake.advance_changes()
    spec = Rollout.objects.get(change_id=change.id).spec
    assert [one["name"] for one in spec["guardrails"]["cart"]] == ["errors", "slow"]
    assert Guardrail.objects.filter(change_id=change.id).count() == 1


def test_submit__next_version_with_the_same_guardrail__is_taken(submit, body):
    asked = body | {"guardrails": [GUARDRAIL | {"name": "slow"}]}
    first, second = submit(asked), submit(asked | {"title": "again"})
    intake.advance_changes()
    assert Rollout.objects.get(change_id=first.id).artefact == "cart/deploy/main"
    assert Rollout.objects.filter(change_id=second.id).exists()


def test_submit__graygates_own_eyes__are_never_unattended(submit, body, cart):
    Service.objects.filter(pk=cart.pk).update(name="prometheus")
    change = submit(body | {"targets": [{"service": "prometheus"}]})
    intake.advance_changes()
    spec = Rollout.objects.get(change_id=change.id).spec
    assert (spec["own_eyes"], spec["control_level"]) == (True, "L2")


def policy(**then):
    stages = [{"share": 1.0, "min_s": 60}]
    spec = {"when": {"kind": "deploy"}, "then": {"control_level": "L3", "stages": stages, **then}}
    return Policy.objects.create(name="house", spec=spec)


def test_submit__policy_rejects__says_which(submit, body):
    policy(reject=True, approvals=0)
    change = submit(body)
    assert change.state == "rejected"
    assert change.reasons[0] == "policy house@1 rejects it"
    assert decision_of(change)["decision"] == "rejected"


def test_submit__policy_only_gates__hands_it_out(submit, body):
    policy(control_level="L1", approvals=0)
    change = submit(body)
    intake.advance_changes()
    change.refresh_from_db()
    assert (change.state, Rollout.objects.count()) == ("external", 0)
    assert Rollout.every.get(pk=change.rollout_id).shadow
    assert decision_of(change)["decision"] == "allowed"


def test_submit__policy_cannot_be_read__stops_the_change(submit, body):
    Policy.objects.create(name="broken", spec={"when": {"kind": "deploy"}})
    with pytest.raises(CaseError):
        submit(body)


# --- approvals -------------------------------------------------------------------------------


def test_decide__by_its_author__is_refused(submit, risky):
    change = submit(risky, "ann")
    with pytest.raises(NotAllowedError):
        intake.decide_change(change.id, "ann", "approve", "")
    assert not Approval.objects.exists()


def test_decide__enough_approvals__approve(submit, body):
    change = submit(body | HIGH)
    intake.decide_change(change.id, "bob", "approve", "")
    change.refresh_from_db()
    assert change.state == "pending_approval"
    with pytest.raises(NotAllowedError):
        intake.decide_change(change.id, "bob", "approve", "")
    intake.decide_change(change.id, "eve", "approve", "")
    change.refresh_from_db()
    assert change.state == "approved"


def test_decide__one_rejection__rejects_for_good(submit, body):
    change = submit(body | HIGH | {"guardrails": [GUARDRAIL | {"name": "slow"}]})
    intake.decide_change(change.id, "bob", "reject", "too late in the week")
    change.refresh_from_db()
    assert change.state == "rejected"
    assert change.reasons[0] == "rejected by bob: too late in the week"
    assert not Guardrail.objects.filter(change_id=change.id).exists()
    with pytest.raises(IllegalTransitionError):
        intake.decide_change(change.id, "eve", "approve", "")


def test_submit__emergency__needs_one_approval_and_a_review(submit, body):
    change = submit(body | HIGH | {"class": "emergency"})
    assert change.review_due_at is not None
    intake.decide_change(change.id, "bob", "approve", "")
    intake.advance_changes()
    change.refresh_from_db()
    assert change.state == "executing"
    assert len(shares(change)) == 5


def test_submit__kind_that_cannot_be_grayed__needs_a_person_even_in_an_emergency(submit, body):
    asked = body | {"kind": "sql_migration", "artefact": "select 1", "class": "emergency"}
    assert submit(asked).state == "pending_approval"


def test_advance__nobody_approves__expires(submit, risky):
    change = submit(risky)
    Change.objects.update(expires_at=database_now())
    intake.advance_changes()
    change.refresh_from_db()
    assert decision_of(change)["decision"] == "expired"


def test_cancel__before_its_start__cancels__and_not_later(submit, risky, body):
    change = submit(risky)
    intake.cancel(change.id, "ann", "")
    change.refresh_from_db()
    assert decision_of(change)["decision"] == "canceled"
    running = submit(body)
    intake.advance_changes()
    with pytest.raises(IllegalTransitionError):
        intake.cancel(running.id, "ann", "")


# --- time, outcome ---------------------------------------------------------------------------


def test_advance__scheduled__waits_for_its_time(submit, body):
    at = database_now() + timedelta(hours=2)
    change = submit(body | {"scheduled_for": at.isoformat()})
    intake.advance_changes()
    change.refresh_from_db()
    assert decision_of(change)["decision"] == "scheduled"
    Change.objects.update(scheduled_for=database_now())
    intake.advance_changes()
    change.refresh_from_db()
    assert change.state == "executing"


def test_submit__scheduled_in_the_past__is_refused_and_nothing_stored(submit, body):
    with pytest.raises(CaseError) as error:
        submit(body | {"scheduled_for": (database_now() - timedelta(minutes=1)).isoformat()})
    assert error.value.pointer == "/scheduled_for"
    assert not Change.objects.exists()


def test_advance__missed_its_time__does_not_start_by_itself(submit, body):
    change = submit(body | {"scheduled_for": (database_now() + timedelta(hours=2)).isoformat()})
    intake.advance_changes()
    Change.objects.update(scheduled_for=database_now() - timedelta(hours=2))
    intake.advance_changes()
    intake.advance_changes()
    change.refresh_from_db()
    assert (change.state, change.rollout_id) == ("approved", None)


def test_advance__what_it_names_is_gone__is_canceled_with_the_reason(submit, body):
    change = submit(body)
    Service.objects.update(executor={})
    intake.advance_changes()
    change.refresh_from_db()
    assert change.state == "canceled"
    assert "no executor" in change.reasons[0]


def test_advance__one_poisoned_change__stops_no_other(submit, body):
    poisoned, good = submit(body), submit(body | {"source": {"path": "other"}})
    poisoned.assessments.all().delete()
    assert intake.advance_changes() == 1
    good.refresh_from_db()
    assert good.state == "executing"


def run_out(change, phase):
    rollout = Rollout.objects.get(pk=change.rollout_id)
    rollout.phase = Phase.RUNNING
    rollout.save()
    if phase == Phase.COMPLETED:
        rollout.phase = Phase.WATCHING
        rollout.save()
    if phase == Phase.ROLLED_BACK:
        rollout.phase = Phase.ROLLING_BACK
        rollout.save()
    effects.finish(rollout, phase, database_now())
    rollout.save()
    return rollout


def test_outcome__of_a_completed_change__is_recorded_once(submit, body):
    change = submit(body | {"guardrails": [GUARDRAIL | {"name": "slow"}]})
    intake.advance_changes()
    change.refresh_from_db()
    run_out(change, Phase.COMPLETED)
    assert intake.advance_changes() == 1
    assert intake.advance_changes() == 0
    assert Outcome.objects.get().result == "completed"
    assert decision_of(change)["decision"] == "completed"
    assert not Guardrail.objects.filter(change_id=change.id).exists()


def test_outcome__of_a_rollback__is_completed_when_the_metric_recovers(submit, body):
    change = submit(body | {"guardrails": [GUARDRAIL | {"name": "slow"}]})
    intake.advance_changes()
    change.refresh_from_db()
    rollout = run_out(change, Phase.ROLLED_BACK)
    assert intake.advance_changes() == 1
    assert Outcome.objects.get().recovered_at is None
    assert Guardrail.objects.filter(change_id=change.id).exists()
    rollout.recovered_at = database_now()
    rollout.save()
    assert intake.advance_changes() == 1
    assert Outcome.objects.get().recovered_at == rollout.recovered_at
    assert not Guardrail.objects.filter(change_id=change.id).exists()
    assert decision_of(change)["decision"] == "rolled_back"


def test_record__failures_of_the_service__make_the_next_change_likelier_to_fail(submit, body):
    before = submit(body, dry_run=True)["assessment"]["likelihood"]
    for _ in range(5):
        change = submit(body)
        Outcome.objects.create(
            change=change, result="rolled_back", level="low", ended_at=database_now()
        )
    assert submit(body, dry_run=True)["assessment"]["likelihood"] > before


def test_decision__of_a_running_change__follows_its_rollout(submit, body):
    change = submit(body)
    assert decision_of(change)["decision"] == "allowed"
    intake.advance_changes()
    change.refresh_from_db()
    rollout = run_out(change, Phase.RUNNING)
    assert decision_of(change)["decision"] == "running"
    rollouts.pause(rollout.pk, "bob", "lunch")
    decision = decision_of(change)
    assert decision["decision"] == "paused"
    assert decision["reasons"][0] == "paused: lunch"
    assert decision["rollout"] == str(rollout.pk)
    assert decision["url"].endswith(f"/changes/{change.id}/")


def test_change__illegal_state__is_refused_by_the_database_too(submit, body):
    change = submit(body)
    with pytest.raises(DatabaseError), transaction.atomic():
        Change.objects.filter(pk=change.pk).update(state="succeeded")
    change.refresh_from_db()
    assert change.state == "approved"
