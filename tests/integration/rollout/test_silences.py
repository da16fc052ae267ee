"""A guardrail that is not listened to never fails a change, and never lets one pass."""

from datetime import timedelta

import pytest

from attribution.clock import database_now
from rollout import claims, silences
from rollout.evidence import gather
from rollout.machine import StageState
from rollout.models import GuardrailSilence
from rollout.reconcile import World, reconcile, reconcile_due
from tests.integration.rollout.test_evidence import ERRORS, STAGES, reads

pytestmark = pytest.mark.django_db


@pytest.fixture
def baking(make_rollout):
    rollout = make_rollout(guardrails={"edge": [ERRORS]}, stages=STAGES)
    reconcile_due(World(lease_s=20))
    rollout.refresh_from_db()
    return rollout, rollout.stages.first().baking_since


def silence(since, until, guardrail="errors", service="edge"):
    """In force from `since` to `until`, whatever the database's clock says."""
    row = silences.set_silence("noisy", guardrail, service, "a flaky probe", "olga", until)
    GuardrailSilence.objects.filter(pk=row.pk).update(starts_at=since)


def later(since, seconds):
    return since + timedelta(seconds=seconds)


def test_gather__silenced_while_it_does_harm__does_not_fail(baking):
    rollout, since = baking
    end = reads(since, 60, [10, 20], [0, 60])
    assert gather(rollout, end).evidence.verdict == "fail"
    silence(since, later(end, 600))
    evidence = gather(rollout, end).evidence
    assert evidence.verdict == "inconclusive"
    assert "a flaky probe" in evidence.reason


def test_gather__silenced_while_all_is_well__does_not_pass(baking):
    rollout, since = baking
    end = reads(since, 200, [0, 20], [0, 60])
    assert gather(rollout, end).evidence.verdict == "pass"
    silence(later(end, -1), later(end, 600))
    evidence = gather(rollout, end).evidence
    assert (evidence.verdict, evidence.reason.partition(";")[0]) == ("inconclusive", "silenced")


def test_gather__silence_is_over__what_came_in_it_is_no_evidence(baking):
    rollout, since = baking
    reads(since, 30, [0, 20], [0, 60])
    reads(since, 30, [10, 20], [0, 60], start=31)
    end = reads(since, 30, [0, 20], [0, 60], start=61)
    assert gather(rollout, end).evidence.verdict == "fail"
    silence(later(since, 30), later(since, 60.5))
    assert gather(rollout, end).evidence.verdict != "fail"


def test_gather__another_guardrail_is_silenced__this_one_is_heard(baking):
    rollout, since = baking
    end = reads(since, 60, [10, 20], [0, 60])
    silence(since, later(end, 600), guardrail="slow")
    silence(since, later(end, 600), service="elsewhere")
    assert gather(rollout, end).evidence.verdict == "fail"


def test_gather__silenced_on_every_service__is_so_on_this_one(baking):
    rollout, since = baking
    end = reads(since, 60, [10, 20], [0, 60])
    silence(since, later(end, 600), service="")
    assert gather(rollout, end).evidence.verdict == "inconclusive"


def test_set_silence__of_the_same_name__ends_the_one_before(db):
    until = later(database_now(), 600)
    first = silences.set_silence("noisy", "errors", "edge", "why", "olga", until)
    silences.set_silence("noisy", "slow", "edge", "why", "olga", until)
    first.refresh_from_db()
    assert first.ends_at < until
    silences.lift_silence("noisy")
    assert not GuardrailSilence.objects.filter(ends_at__gt=database_now()).exists()


def test_set_silence__between_the_look_and_the_decision__what_was_seen_does_not_count(baking):
    rollout, since = baking
    end = reads(since, 200, [0, 20], [0, 60])
    rollout.placements.update(due_at=since)

    def gathered(rollout, now):
        found = gather(rollout, now)
        assert found.evidence.verdict == "pass"
        silences.set_silence("noisy", "errors", "edge", "a flaky probe", "olga", later(now, 600))
        return found

    before = rollout.decisions.count()
    (placement,) = [claims.claim(end, 20)]
    reconcile(World(lease_s=20, now=lambda: end, gather=gathered), placement)
    assert rollout.decisions.count() == before
    assert rollout.stages.first().state == StageState.BAKING
