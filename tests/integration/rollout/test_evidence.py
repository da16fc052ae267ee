"""From samples in the database to the evidence that decide() is given."""

from datetime import UTC, datetime, timedelta

import pytest

from attribution.anomalies import end_anomaly, open_anomaly
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


def suspect(rollout, anomaly, at, probability):
    """What attribution says of the rollout's change."""
    said = {"change": str(rollout.change_id), "probability": probability}
    Finding.objects.create(
        anomaly=anomaly,
        at=at,
        case={},
        suspects=[{**said, "vetoes": [], "evidence": []}],
        none_of_them=1 - probability,
    )


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
    suspect(rollout, anomaly, now, probability)
    assert gather(fresh(rollout), now).evidence.verdict == verdict


@pytest.mark.parametrize(("probability", "beginnings"), [(0.01, 2), (0.6, 1)])
def test_gather__trouble_of_others_is_over__begins_anew_once_it_is_cleared(
    baking, probability, beginnings
):
    rollout, since = baking
    now = reads(since, 40, [1, 80], [2, 160])
    Service.objects.get(name="edge").calls.add(Service.objects.create(name="stock", team="shop"))
    anomaly = open_anomaly("alert", "a", "stock", "errors", since, since + timedelta(seconds=5))
    end_anomaly("alert", "a", since + timedelta(seconds=20))
    suspect(rollout, anomaly, now, probability)
    assert len(gather(fresh(rollout), now).case["stages"]) == beginnings


LATENCY = {
    **ERRORS,
    "name": "latency",
    "source": "prometheus",
    "kind": "distribution",
    "query": "http_request_duration_seconds_bucket{$cohort}",
    "margin_abs": 0.0,
}
QUEUE = {**ERRORS, "name": "queue", "source": "prometheus", "kind": "value", "margin_abs": 0.0}
BOUNDS = [0.1, 0.25, 0.5]
FAST = {"bounds": BOUNDS, "counts": [60, 34, 4, 2]}
SLOW = {"bounds": BOUNDS, "counts": [20, 30, 30, 20]}


def judged_with(make_rollout, *guardrails):
    rollout = make_rollout(guardrails={"edge": list(guardrails)}, stages=STAGES)
    reconcile_due(World(lease_s=20))
    return rollout, rollout.stages.first().baking_since


def show(at, **values):
    """Of each metric (canary, control)."""
    both = {name: dict(zip(("canary", "control"), v, strict=True)) for name, v in values.items()}
    Sample.objects.create(service=Service.objects.get(name="edge"), at=at, values=both)


def show_all(since, count, **values):
    for i in range(1, count + 1):
        show(since + timedelta(seconds=i), **values)
    return since + timedelta(seconds=count)


def test_gather__slow_canary_in_buckets__fails_and_says_beyond_which_bound(make_rollout):
    rollout, since = judged_with(make_rollout, LATENCY)
    now = show_all(since, 60, latency=(SLOW, FAST))
    evidence = gather(fresh(rollout), now).evidence
    assert evidence.verdict == "fail"
    assert "canary 50.00% of 6000 over 0.25 s against control 6.00% of 6000" in evidence.reason


def test_gather__canary_as_fast_as_control__passes(make_rollout):
    rollout, since = judged_with(make_rollout, {**LATENCY, "params": {"bound": 0.25}})
    now = show_all(since, 120, latency=(FAST, FAST))
    evidence = gather(fresh(rollout), now).evidence
    assert (evidence.verdict, evidence.samples, evidence.fresh) == ("pass", 12_000, True)


def test_gather__canary_with_other_buckets__is_compared_where_they_meet(make_rollout):
    rollout, since = judged_with(make_rollout, LATENCY)
    other = {"bounds": [0.25, 0.3, 0.5], "counts": [50, 10, 20, 20]}
    now = show_all(since, 60, latency=(other, FAST))
    gathered = gather(fresh(rollout), now)
    assert gathered.case["metrics"][0]["control"]["bounds"] == [0.25, 0.5]
    assert gathered.evidence.verdict == "fail"


def test_gather__buckets_that_never_meet__are_no_silence(make_rollout):
    rollout, since = judged_with(make_rollout, LATENCY)
    now = show_all(since, 60, latency=({"bounds": [0.3], "counts": [60, 40]}, FAST))
    evidence = gather(fresh(rollout), now).evidence
    assert evidence.verdict == "inconclusive"
    assert "no_data" in evidence.reason


def test_gather__bound_that_is_no_bucket__is_a_source_error_of_that_metric(make_rollout):
    latency = {**LATENCY, "params": {"bound": 0.3}}
    rollout, since = judged_with(make_rollout, latency, ERRORS)
    now = show_all(since, 120, latency=(FAST, FAST), errors=([0, 20], [0, 60]))
    gathered = gather(fresh(rollout), now)
    assert gathered.evidence.verdict == "inconclusive"
    assert "source_error; latency: unknown bound: 0.3" in gathered.evidence.reason
    assert gathered.answer["metrics"][1]["verdict"] == "pass"
    bad = show_all(now, 60, latency=(FAST, FAST), errors=([8, 20], [0, 60]))
    assert gather(fresh(rollout), bad).evidence.verdict == "fail"


def test_gather__level_without_a_past__is_inconclusive(make_rollout):
    rollout, since = judged_with(make_rollout, QUEUE)
    now = show_all(since, 60, queue=(90.0, 10.0))
    evidence = gather(fresh(rollout), now).evidence
    assert evidence.verdict == "inconclusive"
    assert "canary 90 against control 10" in evidence.reason


def test_gather__level_with_both_cohorts_of_before__fails(make_rollout):
    rollout, since = judged_with(make_rollout, QUEUE)
    before = rollout.__class__.objects.get(pk=rollout.pk).started_at - timedelta(seconds=400)
    for i in range(395):
        both = (10.0 + i % 3, 10.0 + (i + 1) % 4)
        show(before + timedelta(seconds=i), queue=both)
    for i in range(1, 61):
        show(since + timedelta(seconds=i), queue=(40.0 + i % 3, 10.0 + i % 4))
    gathered = gather(fresh(rollout), since + timedelta(seconds=60))
    assert len(gathered.case["metrics"][0]["history"]["canary"]) == 395
    assert gathered.evidence.verdict == "fail"


def test_gather__distribution_at_full_exposure__needs_harm_that_lasts(make_rollout):
    rollout, since = judged_with(make_rollout, LATENCY)
    show_all(since, 60, latency=(FAST, FAST))
    full = since + timedelta(seconds=61)
    first, last = rollout.stages.all()
    first.state, first.ended_at = "passed", full
    first.save()
    for state in ("pre_check", "applying", "baking"):
        last.state, last.baking_since = state, full
        last.save()
    good = show_all(full, 30, latency=(FAST, None))
    burst = show_all(good, 3, latency=(SLOW, None))
    assert gather(fresh(rollout), burst).evidence.verdict != "fail"
    bad = show_all(burst, 40, latency=(SLOW, None))
    assert gather(fresh(rollout), bad).evidence.verdict == "fail"
