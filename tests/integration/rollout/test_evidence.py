"""From samples in the database to the evidence that decide() is given."""

from datetime import UTC, datetime, timedelta

import pytest

from attribution.anomalies import open_anomaly
from attribution.models import Finding, Sample, Service
from rollout import recompute
from rollout.case import without_incidents
from rollout.evidence import gather
from rollout.machine import Phase
from rollout.models import Rollout
from rollout.reconcile import World, reconcile_due
from rollout.spec import StageSpec

pytestmark = pytest.mark.django_db
ERRORS = {
    "name": "errors",
    "source": "scrape",
    "kind": "ratio",
    "direction": "increase",
    "margin": 0.1,
    "pass_margin": 0.5,
    "margin_abs": 0.01,
    "weight": 1.0,
    "critical": True,
    "min_samples": 0,
    "settle_s": 0,
}
STAGES = (StageSpec(0.25, min_s=5, max_s=100), StageSpec(1.0, min_s=5, max_s=100))


@pytest.fixture
def baking(make_rollout):
    """A rollout whose first stage has been baking since `since`."""
    rollout = make_rollout(guardrails={"edge": [ERRORS]}, stages=STAGES)
    reconcile_due(World(lease_s=20))
    stage = rollout.stages.first()
    assert stage.state == "baking"
    return rollout, stage.baking_since


def read(at, canary, control, error=""):
    pairs = [p for p in (canary, control) if p]
    everybody = [sum(p[0] for p in pairs), sum(p[1] for p in pairs)] if pairs else None
    values = {"errors": {"canary": canary, "control": control, "all": everybody}}
    Sample.objects.create(
        service=Service.objects.get(name="edge"),
        at=at,
        values={} if error else values,
        error=error,
    )


def reads(since, count, canary, control, start=1):
    for i in range(start, start + count):
        read(since + timedelta(seconds=i), canary, control)
    return since + timedelta(seconds=start + count - 1)


def at_full_exposure(rollout, since):
    """A good minute at 25%, then at 100% from the moment that is returned on."""
    reads(since, 60, [0, 20], [0, 60])
    stages = list(rollout.stages.all())
    full = since + timedelta(seconds=61)
    stages[0].state, stages[0].ended_at = "passed", full
    stages[0].save()
    for state in ("pre_check", "applying", "baking"):
        stages[1].state, stages[1].baking_since = state, full
        stages[1].save()
    Rollout.objects.filter(pk=rollout.pk).update(started_at=since)
    return full


def fresh(rollout):
    return Rollout.objects.get(pk=rollout.pk)


def test_gather__canary_as_good_as_control__passes_with_its_samples(baking):
    rollout, since = baking
    now = reads(since, 120, [0, 20], [0, 60])
    evidence = gather(fresh(rollout), now).evidence
    assert (evidence.verdict, evidence.source_lost) == ("pass", "")
    assert evidence.samples >= 2000


def test_gather__canary_fails_more__fails_and_says_the_numbers(baking):
    rollout, since = baking
    now = reads(since, 40, [2, 20], [0, 60])
    evidence = gather(fresh(rollout), now).evidence
    assert evidence.verdict == "fail"
    assert "canary 10.00%" in evidence.reason
    assert "control 0.00%" in evidence.reason


def test_gather__reads_before_the_bake__are_not_counted(baking):
    rollout, since = baking
    reads(since - timedelta(seconds=60), 50, [20, 20], [0, 60])
    now = reads(since, 60, [0, 20], [0, 60])
    assert gather(fresh(rollout), now).evidence.verdict != "fail"


def test_gather__canary_silent_while_control_reports__is_evidence_against(baking):
    rollout, since = baking
    now = reads(since, 20, None, [0, 60])
    evidence = gather(fresh(rollout), now).evidence
    assert evidence.verdict == "fail"
    assert "silent_canary" in evidence.reason


def test_gather__source_fails__is_lost_and_neither_pass_nor_fail(baking):
    rollout, since = baking
    for i in range(1, 30):
        read(since + timedelta(seconds=i), None, None, error="edge: connection refused")
    evidence = gather(fresh(rollout), since + timedelta(seconds=30)).evidence
    assert evidence.verdict == "inconclusive"
    assert "connection refused" in evidence.source_lost


def test_gather__nobody_reads_any_more__is_lost(baking):
    rollout, since = baking
    reads(since, 10, [0, 20], [0, 60])
    evidence = gather(fresh(rollout), since + timedelta(seconds=40)).evidence
    assert "nothing was read" in evidence.source_lost


def test_gather__last_stage__compares_with_the_control_of_before(baking):
    rollout, since = baking
    full = at_full_exposure(rollout, since)
    good = reads(full, 60, [0, 80], None)
    assert gather(fresh(rollout), good).evidence.verdict == "pass"
    bad = reads(full, 60, [8, 80], None, start=61)
    assert gather(fresh(rollout), bad).evidence.verdict == "fail"


def test_gather__last_stage_goes_quiet__is_no_evidence_either_way(baking):
    rollout, since = baking
    full = at_full_exposure(rollout, since)
    now = reads(full, 60, None, None)
    assert gather(fresh(rollout), now).evidence.verdict != "fail"


def test_loop__on_samples__rolls_back_and_every_decision_recomputes(baking):
    rollout, since = baking
    world = World(lease_s=20)
    reads(since, 30, [4, 20], [0, 60])
    for offset in (31, 34, 40):
        at = since + timedelta(seconds=offset)
        reconcile_due(World(now=lambda at=at: at, lease_s=world.lease_s))
        read(at, [4, 20], [0, 60])
    rollout = fresh(rollout)
    assert rollout.phase == Phase.ROLLED_BACK
    assert recompute.problems(rollout) == []
    halt = rollout.decisions.get(decision="halt")
    assert halt.inputs["case"]["metrics"][0]["canary"]


def test_gather__after_rollback__recovery_needs_the_metric_to_come_back(baking):
    rollout, since = baking
    reads(since - timedelta(seconds=30), 20, None, [0, 60])
    Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.ROLLING_BACK)
    zero = since + timedelta(seconds=20)
    Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.ROLLED_BACK, ended_at=zero)
    still_bad = reads(zero, 10, None, [6, 60])
    assert not gather(fresh(rollout), still_bad).evidence.recovered
    Sample.objects.filter(at__gt=zero).delete()
    good = reads(zero, 10, None, [0, 60])
    evidence = gather(fresh(rollout), good).evidence
    assert evidence.recovered
    assert "0.00% after the rollback" in evidence.recovery_reason


def test_gather__rollback_without_any_measure__never_claims_recovery(make_rollout):
    rollout = make_rollout(guardrails={})
    Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.RUNNING)
    Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.ROLLING_BACK)
    Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.ROLLED_BACK)
    assert not gather(fresh(rollout), datetime.now(UTC)).evidence.recovered


def test_without_incidents__another_changes_fault_in_the_history__is_no_yardstick():
    quiet, incident = [0, 60], [20, 60]
    kept = without_incidents([quiet] * 40 + [incident] * 5, ERRORS)
    assert kept == [quiet] * 40


def test_without_incidents__rare_errors__stay_in():
    rare = [[0, 60]] * 9 + [[1, 60]]
    assert without_incidents(rare, ERRORS) == rare


@pytest.mark.parametrize(("probability", "verdict"), [(0.02, "inconclusive"), (0.6, "fail")])
def test_gather__full_exposure_in_trouble_of_others__is_no_evidence_once_it_is_cleared(
    baking, probability, verdict
):
    rollout, since = baking
    full = at_full_exposure(rollout, since)
    now = reads(full, 40, [16, 80], None)
    callee = Service.objects.create(name="stock", team="shop")
    Service.objects.get(name="edge").calls.add(callee)
    anomaly = open_anomaly("alert", "a", "stock", "errors", full, full + timedelta(seconds=5))
    assert gather(fresh(rollout), now).evidence.verdict == "fail"
    suspect = {"change": str(rollout.change_id), "probability": probability, "vetoes": []}
    Finding.objects.create(
        anomaly=anomaly,
        at=now,
        case={},
        suspects=[{**suspect, "evidence": []}],
        none_of_them=1 - probability,
    )
    assert gather(fresh(rollout), now).evidence.verdict == verdict
