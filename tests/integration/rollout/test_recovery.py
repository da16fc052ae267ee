"""When a metric counts as recovered after a rollback, and when nothing may be said."""

from datetime import timedelta

import pytest

from attribution.anomalies import end_anomaly, open_anomaly
from attribution.clock import database_now
from attribution.models import Finding, Sample, Service
from rollout.machine import Phase
from rollout.models import Rollout
from rollout.recovery import recovered, watch_ends
from tests.integration.rollout.test_evidence import ERRORS, STAGES

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolled_back(make_rollout):
    """Started `lasted` before zero was observed, and zero for `since`; (rollout, zero, now)."""

    def make(guardrail=ERRORS, lasted=300, since=60, spec=None):
        facts = {"guardrails": {"edge": [guardrail]}, "stages": STAGES, **(spec or {})}
        rollout = make_rollout(**facts)
        for phase in (Phase.RUNNING, Phase.ROLLING_BACK, Phase.ROLLED_BACK):
            Rollout.objects.filter(pk=rollout.pk).update(phase=phase)
        now = database_now()
        zero = now - timedelta(seconds=since)
        started = zero - timedelta(seconds=lasted)
        Rollout.objects.filter(pk=rollout.pk).update(
            started_at=started, rolling_back_since=zero, ended_at=zero
        )
        return Rollout.objects.get(pk=rollout.pk), zero, now

    return make


def reads(first, count, share, total=60, cohort="all", step=1.0):
    service = Service.objects.get(name="edge")
    Sample.objects.bulk_create(
        Sample(
            service=service,
            at=first + timedelta(seconds=i * step),
            values={"errors": {cohort: [share * total, total]}},
        )
        for i in range(count)
    )


def healthy_before(rollout, share=0.01):
    reads(rollout.started_at - timedelta(seconds=100), 90, share)


def test_recovered__good_as_before__says_both_shares(rolled_back):
    rollout, zero, now = rolled_back()
    healthy_before(rollout)
    reads(zero + timedelta(seconds=2), 50, 0.01)
    assert recovered(rollout, now) == "errors: 1.00% after the rollback, 1.00% before"


def test_recovered__still_bad__is_not_claimed(rolled_back):
    rollout, zero, now = rolled_back()
    healthy_before(rollout)
    reads(zero + timedelta(seconds=2), 50, 0.3)
    assert recovered(rollout, now) == ""


@pytest.mark.parametrize("after", [0.01, 0.95])
def test_recovered__either_direction_and_far_off_on_one_side__is_not_claimed(rolled_back, after):
    rollout, zero, now = rolled_back({**ERRORS, "direction": "either"})
    healthy_before(rollout, share=0.5)
    reads(zero + timedelta(seconds=2), 50, after)
    assert recovered(rollout, now) == ""


def test_recovered__either_direction_and_back__is_claimed(rolled_back):
    rollout, zero, now = rolled_back({**ERRORS, "direction": "either"})
    healthy_before(rollout, share=0.5)
    reads(zero + timedelta(seconds=2), 50, 0.5)
    assert recovered(rollout, now)


def test_recovered__a_decrease_harms_and_it_is_still_low__is_not_claimed(rolled_back):
    rollout, zero, now = rolled_back({**ERRORS, "direction": "decrease"})
    healthy_before(rollout, share=0.9)
    reads(zero + timedelta(seconds=2), 50, 0.2)
    assert recovered(rollout, now) == ""


def test_recovered__two_bad_minutes_then_good_for_an_hour__is_claimed(rolled_back):
    rollout, zero, now = rolled_back({**ERRORS, "margin_abs": 0.0}, since=3600)
    healthy_before(rollout)
    reads(zero + timedelta(seconds=2), 120, 0.6)
    reads(now - timedelta(seconds=400), 399, 0.01)
    assert recovered(rollout, now)


def test_recovered__good_for_long_and_bad_again_now__is_not_claimed(rolled_back):
    rollout, zero, now = rolled_back(since=600)
    healthy_before(rollout)
    reads(zero + timedelta(seconds=2), 580, 0.01)
    reads(now - timedelta(seconds=11), 11, 0.5)
    assert recovered(rollout, now) == ""


def test_recovered__few_requests_a_read__looks_further_back_for_enough(rolled_back):
    rollout, _zero, now = rolled_back(since=600)
    healthy_before(rollout)
    reads(now - timedelta(seconds=250), 250, 0.0, total=1)
    assert recovered(rollout, now)
    Sample.objects.filter(at__gt=now - timedelta(seconds=100)).delete()
    # What is left is good, and long ago.
    assert recovered(rollout, now) == ""


def test_recovered__hardly_any_request_since__says_nothing(rolled_back):
    rollout, _zero, now = rolled_back(since=600)
    healthy_before(rollout)
    reads(now - timedelta(seconds=250), 50, 0.0, total=1, step=5)
    assert recovered(rollout, now) == ""


def test_recovered__nobody_measured_before_and_no_control__says_nothing(rolled_back):
    rollout, zero, now = rolled_back()
    reads(zero + timedelta(seconds=2), 50, 0.0)
    assert recovered(rollout, now) == ""


@pytest.mark.parametrize(("after", "claimed"), [(0.05, True), (0.5, False)])
def test_recovered__nobody_measured_before__compares_with_the_unexposed_of_the_bake(
    rolled_back, after, claimed
):
    rollout, zero, now = rolled_back()
    stage = rollout.stages.first()
    baked = zero - timedelta(seconds=100)
    for state in ("pre_check", "applying", "baking", "stopped"):
        stage.state = state
        stage.save()
    stage.baking_since, stage.ended_at = baked, zero
    stage.save()
    reads(baked + timedelta(seconds=1), 90, 0.05, cohort="control")
    reads(zero + timedelta(seconds=2), 50, after)
    assert bool(recovered(rollout, now)) is claimed


def test_recovered__source_fails_since_zero__says_nothing(rolled_back):
    rollout, zero, now = rolled_back()
    healthy_before(rollout)
    edge = Service.objects.get(name="edge")
    for second in range(2, 60):
        at = zero + timedelta(seconds=second)
        Sample.objects.create(service=edge, at=at, error="connection refused")
    assert recovered(rollout, now) == ""


def test_recovered__zero_for_an_hour__reads_minutes_not_the_hour(
    rolled_back, django_assert_max_num_queries
):
    rollout, zero, now = rolled_back(since=3600)
    healthy_before(rollout)
    # Older than five minutes: read, it would keep the mean up for ever.
    reads(zero + timedelta(seconds=2), 3000, 1.0)
    reads(now - timedelta(seconds=200), 199, 0.01)
    with django_assert_max_num_queries(3):
        assert recovered(rollout, now)


@pytest.mark.parametrize(
    ("guarded", "origin", "fires", "claimed"),
    [
        (True, "alert", True, False),
        (True, "alert", False, True),
        (True, "judge", True, True),
        (False, "alert", True, False),
        (False, "alert", False, True),
        (False, "judge", False, False),
    ],
)
def test_recovered__it_was_a_suspect__waits_for_the_alert_and_not_for_its_own_anomaly(
    rolled_back, guarded, origin, fires, claimed
):
    rollout, zero, now = rolled_back(spec={} if guarded else {"guardrails": {}})
    healthy_before(rollout)
    reads(zero + timedelta(seconds=2), 50, 0.01)
    anomaly = open_anomaly(origin, "key", "edge", "errors", zero, zero)
    suspects = [{"change": str(rollout.change_id), "probability": 0.9}]
    for _ in range(2):
        Finding.objects.create(
            anomaly=anomaly, at=now, case={}, suspects=suspects, none_of_them=0.1
        )
    if not fires:
        end_anomaly(origin, "key", now)
    assert bool(recovered(rollout, now)) is claimed


@pytest.mark.parametrize(
    ("ended", "recovered_ago", "ends"),
    [
        (30, None, False),
        (3590, None, False),
        (3610, None, True),
        (700, 590, False),
        (700, 610, True),
    ],
)
def test_watch_ends__rolled_back_or_recovered_long_enough(rolled_back, ended, recovered_ago, ends):
    rollout, _zero, now = rolled_back(since=ended)
    if recovered_ago is not None:
        rollout.recovered_at = now - timedelta(seconds=recovered_ago)
    assert watch_ends(rollout, now) is ends


def test_watch_ends__exposure_has_come_back__does_not(rolled_back):
    rollout, _zero, now = rolled_back(since=7200)
    rollout.ended_at = None
    assert not watch_ends(rollout, now)
