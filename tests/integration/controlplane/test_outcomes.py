"""How changes ended is recorded by one query a ring, however many have ended."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from attribution.clock import database_now
from controlplane import outcomes
from controlplane.models import Change, Outcome
from rollout.machine import ChangeState, Phase
from rollout.models import Rollout

pytestmark = pytest.mark.django_db
WAYS = {
    Phase.ROLLED_BACK: (Phase.RUNNING, Phase.ROLLING_BACK, Phase.ROLLED_BACK),
    Phase.ROLLBACK_FAILED: (Phase.RUNNING, Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED),
    Phase.RUNNING: (Phase.RUNNING,),
}


@pytest.fixture
def ended(db):
    """A change that was handed over and whose rollout has come to `phase`."""

    def make(phase=Phase.ROLLED_BACK):
        change = Change.objects.create(
            title="A deploy", kind="deploy", targets=[], author="ann", state=ChangeState.EXECUTING
        )
        now = database_now()
        rollout = Rollout.objects.create(
            change_id=change.pk,
            artefact="edge/deploy/main",
            environment="production",
            spec={"level": "low"},
            created_at=now,
            progressed_at=now,
            ended_at=now,
        )
        Change.objects.filter(pk=change.pk).update(rollout_id=rollout.pk)
        for step in WAYS[phase]:
            Rollout.objects.filter(pk=rollout.pk).update(phase=step)
        return rollout

    return make


def result(rollout):
    return Outcome.objects.get(change_id=rollout.change_id).result


def test_record_outcomes__many_rolled_back_and_not_recovered__takes_one_query(ended):
    for _ in range(6):
        ended()
    assert outcomes.record_outcomes() == 6
    with CaptureQueriesContext(connection) as seen:
        assert outcomes.record_outcomes() == 0
    assert len(seen) == 1


def test_record_outcomes__rollout_under_way__has_none(ended):
    ended(Phase.RUNNING)
    assert outcomes.record_outcomes() == 0


def test_record_outcomes__failed_rollback_reaches_zero_and_recovers__follows(ended):
    rollout = ended(Phase.ROLLBACK_FAILED)
    outcomes.record_outcomes()
    assert result(rollout) == "rollback_failed"
    Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.ROLLED_BACK)
    assert outcomes.record_outcomes() == 1
    assert result(rollout) == "rolled_back"
    Rollout.objects.filter(pk=rollout.pk).update(recovered_at=database_now())
    assert outcomes.record_outcomes() == 1
    assert Outcome.objects.get().recovered_at is not None
    assert outcomes.record_outcomes() == 0


def test_record_outcomes__one_cannot_be_recorded__the_others_are(ended):
    broken, sound = ended(), ended()
    Rollout.objects.filter(pk=broken.pk).update(spec={})
    assert outcomes.record_outcomes() == 1
    assert result(sound) == "rolled_back"


def test_record_outcomes__more_than_a_rounds_worth__are_recorded_in_rounds(ended, monkeypatch):
    monkeypatch.setattr(outcomes, "MOST_A_ROUND", 2)
    for _ in range(3):
        ended()
    assert [outcomes.record_outcomes() for _ in range(3)] == [2, 1, 0]
