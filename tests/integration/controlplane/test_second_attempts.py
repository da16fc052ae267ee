"""A rollback that a person holds to be wrong: the change is tried again, as a new rollout."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from attribution import anomalies
from attribution.clock import database_now
from controlplane import second_attempts
from controlplane.changed import changed
from controlplane.decision import decision_of
from controlplane.models import Change, Feedback, Outcome
from controlplane.notify.messages import resolves
from controlplane.outcomes import _record, record_outcomes
from controlplane.practised import practised
from rollout import gates, ledger, suspicion
from rollout.machine import IllegalTransitionError, Phase, StageState
from rollout.models import OutboxMessage, Rollout
from rollout.services import NotAllowedError, VersionMismatchError
from tests.factories import BAD, GOOD, Journey, journey

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def walk():
    return journey("rolled_back")


def again(walk, reason="the metric was noise"):
    new = second_attempts.start(walk.rollout.pk, "olga", reason)
    walk.evidence = GOOD
    return new


def newer(walk):
    """Another change of the same artefact, handed over."""
    other = Journey(service=walk.service)
    other.submit()
    other.hand_over()
    return other


def say(rollout, answer):
    decision = rollout.decisions.filter(decision="rollback").first()
    Feedback.objects.create(
        decision_id=decision.pk, change_id=rollout.change_id, answer=answer, actor="olga"
    )


def test_start__rolled_back__is_a_linked_rollout_of_the_same_plan_from_stage_one(walk):
    first = walk.rollout
    new = again(walk)
    new.refresh_from_db()
    assert (new.retries, new.phase, new.change_id) == (first, Phase.PENDING, first.change_id)
    assert new.spec == first.spec
    assert set(new.stages.values_list("state", flat=True)) == {StageState.PENDING}
    assert walk.rollout == new
    assert decision_of(walk.change)["decision"] == "allowed"
    assert second_attempts.attempt(new) == 2


def test_start__both_ledgers__say_it_and_stay_whole(walk):
    first = walk.rollout
    new = again(walk)
    last, begun = first.decisions.latest("sequence"), new.decisions.earliest("sequence")
    assert (last.decision, last.actor, last.reasons) == ("retry", "olga", ["the metric was noise"])
    assert (begun.decision, begun.actor) == ("create", "olga")
    assert str(first.pk) in begun.reasons[0]
    assert ledger.verify(first) == ledger.verify(new) == []


def test_start__goes_well__is_one_outcome_and_one_change(walk):
    record_outcomes()
    assert Outcome.objects.get().result == "rolled_back"
    again(walk)
    record_outcomes()
    assert not Outcome.objects.exists()
    walk.tick()
    walk.wait()
    walk.wait_long()
    assert walk.rollout.phase == Phase.COMPLETED
    record_outcomes()
    assert Outcome.objects.get().result == "completed"
    since = database_now() - DAY
    assert [one.harmful for one in practised(since)] == [False]
    assert len(changed(since)) == 1


def test_record__first_attempt_meanwhile_tried_again__is_no_outcome(walk):
    first = walk.rollout
    again(walk)
    assert not _record(first.pk)
    assert not Outcome.objects.exists()


def test_start__goes_bad_again__is_rolled_back_again(walk):
    again(walk)
    walk.evidence = BAD
    walk.wait()
    assert walk.rollout.phase == Phase.ROLLED_BACK
    third = again(walk)
    assert second_attempts.attempt(third) == 3


def test_start__frozen__waits_for_the_freeze_as_any_other(walk):
    gates.set_freeze("quarter-end", {}, "books", "ann")
    again(walk)
    walk.tick(times=3)
    assert walk.rollout.phase == Phase.PENDING
    gates.lift_freeze("quarter-end")
    walk.tick(seconds=15, times=3)
    assert walk.rollout.phase != Phase.PENDING


def test_start__first_attempts_anomaly__is_answered_and_not_held_against_it(walk):
    first, service = walk.rollout, walk.service.name
    now = database_now()
    opened = anomalies.open_anomaly("judge", str(first.change_id), service, "guardrails", now, now)
    new = again(walk)
    opened.refresh_from_db()
    assert opened.ended_at is not None
    assert new.evidence_since is not None
    suspects = [(str(first.change_id), 0.9)]
    assert suspicion.turns_of(suspects, str(opened.pk), database_now()) == {}


def test_start__first_attempts_alert__is_over(walk):
    first = walk.rollout
    again(walk)
    told = OutboxMessage.objects.get(type="rollout.answered", payload__rollout=str(first.pk))
    assert resolves(told.type, told.payload)


@pytest.mark.parametrize("lifecycle", ["handed_over", "running", "completed"])
def test_start__not_rolled_back__is_refused(lifecycle):
    with pytest.raises(IllegalTransitionError):
        second_attempts.start(journey(lifecycle).rollout.pk, "olga", "again")


def test_start__newer_version_under_way__is_refused(walk):
    newer(walk)
    with pytest.raises(NotAllowedError, match="under way"):
        again(walk)


def test_start__newer_version_completed__is_refused(walk):
    other = newer(walk)
    other.tick()
    other.wait()
    other.wait_long()
    assert other.rollout.phase == Phase.COMPLETED
    with pytest.raises(NotAllowedError, match="came after it"):
        again(walk)


def test_start__twice__is_refused_the_second_time(walk):
    first = walk.rollout
    again(walk)
    with pytest.raises(NotAllowedError, match="under way"):
        second_attempts.start(first.pk, "ann", "me too")


def test_start__service_only_observed_by_now__is_refused(walk):
    walk.service.control_level = "L0"
    walk.service.save()
    with pytest.raises(NotAllowedError, match="L0 now"):
        again(walk)


def test_start__service_demoted__runs_at_the_lower_level(walk):
    walk.service.control_level = "L2"
    walk.service.save()
    assert again(walk).spec["control_level"] == "L2"


def test_start__approvals_too_old__is_refused(settings):
    found = journey("pending_approval")
    found.approve()
    found.hand_over()
    found.go_bad()
    found.tick()
    found.wait()
    assert found.rollout.phase == Phase.ROLLED_BACK
    settings.GRAYGATE_APPROVAL_TTL_S = 0.0
    with pytest.raises(NotAllowedError, match="too old"):
        again(found)
    settings.GRAYGATE_APPROVAL_TTL_S = 3600.0
    assert again(found).phase == Phase.PENDING


def test_start__version_seen_is_not_the_one_now__is_refused_and_nothing_changes(walk):
    before = walk.rollout.version
    with pytest.raises(VersionMismatchError):
        second_attempts.start(walk.rollout.pk, "olga", "again", before - 1)
    assert Rollout.objects.count() == 1


def test_offered__only_while_the_newest_word_is_wrong(walk):
    first = walk.rollout
    assert not second_attempts.offered(first)
    say(first, "wrong")
    assert second_attempts.offered(first)
    say(first, "right")
    assert not second_attempts.offered(first)
    say(first, "wrong")
    assert not second_attempts.offered(again(walk))


@pytest.mark.django_db(transaction=True)
def test_start__two_people_at_once__is_one_second_attempt():
    found = journey("rolled_back")
    pk, refused = found.rollout.pk, []

    def order(actor):
        try:
            second_attempts.start(pk, actor, "again")
        except NotAllowedError as problem:
            refused.append(str(problem))
        finally:
            connection.close()

    people = [threading.Thread(target=order, args=(name,)) for name in ("ann", "olga")]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert len(refused) == 1
    assert Rollout.objects.filter(retries=pk).count() == 1
    assert Change.objects.get().rollout_id == Rollout.objects.get(retries=pk).pk


def test_submit__newer_version_after_the_second_attempt__supersedes_it(walk):
    new = again(walk)
    newer(walk)
    new.refresh_from_db()
    assert new.phase == Phase.CANCELED


def test_start__first_attempt_once_more_after_the_second_failed__names_the_newest(walk):
    first = walk.rollout
    second = again(walk)
    walk.evidence = BAD
    walk.wait()
    assert walk.rollout.phase == Phase.ROLLED_BACK
    with pytest.raises(NotAllowedError, match=str(second.pk)):
        second_attempts.start(first.pk, "olga", "once more")
    assert second_attempts.start(second.pk, "olga", "once more") == walk.rollout
