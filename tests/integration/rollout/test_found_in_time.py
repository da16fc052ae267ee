"""How long it takes until somebody is told, by a clock that is turned second by second.

The loop's bell rings each second, the auditor's every five. A period is the minute (twelve
intervals where that is longer) after which something counts as late: found within two.
"""

from datetime import timedelta

import pytest

from rollout import audit as auditor
from rollout import services
from rollout.executors.base import ExecutorError, Observed
from rollout.executors.dryrun import DryRunExecutor
from rollout.machine import Phase
from rollout.models import DryRunTarget, OutboxMessage, Placement, Rollout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock_stands")]
AUDIT_S = 5
PERIOD_S = 60


class Deaf(DryRunExecutor):
    def apply(self, *_args):
        raise ExecutorError("the target refuses")


class Stubborn(DryRunExecutor):
    """Somebody's script sets it up again, whatever it is told."""

    def observe(self, config, key):
        seen = super().observe(config, key)
        return Observed(0.9, generation=seen.generation)


class Days:
    """Seconds that go by. The loop, the auditor, or both may stand still."""

    def __init__(self, stagehand):
        self.stagehand, self.second = stagehand, 0
        self.loop = self.auditor = True

    def pass_by(self, seconds):
        for _ in range(seconds):
            self.second += 1
            self.stagehand.offset += timedelta(seconds=1)
            if self.loop:
                self.stagehand.tick()
            if self.auditor and self.second % AUDIT_S == 0:
                auditor.audit()

    def until_told(self, kind):
        """How many seconds; at most a day's worth of patience is three periods."""
        begun = self.second
        while not OutboxMessage.objects.filter(type=kind).exists():
            assert self.second - begun < 3 * PERIOD_S, f"nobody was told of {kind}"
            self.pass_by(1)
        return self.second - begun


@pytest.fixture
def days(stagehand, monkeypatch):
    monkeypatch.setattr(auditor, "database_now", stagehand.now)
    made = Days(stagehand)
    # There is no loop to see to anything yet; the auditor has been at work for a while.
    made.loop = False
    made.pass_by(PERIOD_S + AUDIT_S)
    made.loop = True
    return made


@pytest.fixture
def baking(make_rollout, stagehand, days):
    """A quarter is exposed, and the bake goes on for long."""
    stagehand.evidence = type(stagehand.evidence)(samples=10, fresh=True)
    made = make_rollout(control_level="L2")
    days.pass_by(5)
    assert made.placements.get().observed == 0.25
    return made


def said():
    """What on-call was told, of holds and of the loop."""
    rows = OutboxMessage.objects.filter(type__regex=r"^(loop\.|rollout\.hold$)").order_by("at")
    return list(rows.values_list("type", flat=True))


def test_stuck__target_takes_no_call__is_told_within_two_periods(make_rollout, stagehand, days):
    stagehand.executor = lambda _name: Deaf()
    make_rollout()
    assert days.until_told("loop.failing") <= PERIOD_S


@pytest.mark.parametrize("state", ["pre_check", "applying"])
def test_stuck__stage_does_not_reach_its_bake__is_told_within_two_periods(baking, days, state):
    for step in ("pre_check", state):
        baking.stages.filter(index=1).update(state=step)
    baking.stages.filter(index=0).update(state="passed")
    Placement.objects.update(due_at=days.stagehand.now() + timedelta(hours=1))
    assert days.until_told("loop.stuck") == PERIOD_S


def test_stalled__no_worker_takes_what_is_due__is_told_within_two_periods(baking, days):
    days.loop = False
    assert days.until_told("loop.stalled") == PERIOD_S + AUDIT_S
    days.pass_by(5 * PERIOD_S)
    assert said() == ["loop.stalled"]
    days.loop = True
    days.pass_by(3 * PERIOD_S)
    assert said() == ["loop.stalled", "loop.moving"]


def test_stalled__workers_hang_with_their_leases__is_told_within_two_periods(baking, days):
    days.loop = False
    for _ in range(2 * PERIOD_S):
        lease = days.stagehand.now() + timedelta(seconds=20)
        Placement.objects.update(lease_until=lease)
        days.pass_by(1)
    assert said() == ["loop.unfinished"]


@pytest.mark.parametrize(("share", "said_of"), [(0.9, "above"), (0.1, "below"), (0.0, "below")])
def test_drift__somebody_sets_another_share__is_told_at_the_next_look(baking, days, share, said_of):
    DryRunTarget.objects.update(share=share)
    assert days.until_told("rollout.hold") <= 2
    told = OutboxMessage.objects.get(type="rollout.hold")
    assert f"observed {said_of} desired" in told.payload["reason"]
    days.pass_by(3 * PERIOD_S)
    assert DryRunTarget.objects.get().share == min(share, 0.25)
    assert said() == ["rollout.hold"]


def test_drift__cannot_be_set_down__is_told_again_by_the_auditor(baking, stagehand, days):
    stagehand.executor = lambda _name: Stubborn()
    assert days.until_told("rollout.hold") <= 2
    begun = days.second
    while not {"loop.unconfirmed", "loop.failing"} & set(said()):
        days.pass_by(1)
        assert days.second - begun <= 2 * PERIOD_S


def test_drift__exposure_that_was_rolled_back_is_there_again__goes_down_at_the_next_look(
    baking, days
):
    services.abort(baking.pk, "sre", "wrong build")
    days.pass_by(5)
    assert Rollout.objects.get().phase == Phase.ROLLED_BACK
    begun = OutboxMessage.objects.filter(type="rollout.rolling_back").count()
    DryRunTarget.objects.update(share=0.5)
    days.pass_by(2)
    assert DryRunTarget.objects.get().share == 0.0
    assert OutboxMessage.objects.filter(type="rollout.rolling_back").count() == begun + 1


# --- after an outage ----------------------------------------------------------------------------


@pytest.fixture
def outage(make_rollout, stagehand, days):
    """Everything was gone for ten minutes, in the middle of six rollouts' growth."""
    for name in ("edge", "cart", "stock", "mail", "shop", "till"):
        make_rollout(name)
    stagehand.reach = lambda step: step == "after_intend" and stop()
    days.pass_by(1)
    stagehand.reach = lambda _step: None
    days.loop = days.auditor = False
    days.pass_by(10 * PERIOD_S)
    days.auditor = True
    return days


def stop():
    raise ConnectionError("the database went")


def test_outage__is_over_and_the_loop_goes_on__nobody_is_told_of_old_rows(outage):
    outage.loop = True
    outage.pass_by(3 * PERIOD_S)
    assert said() == []


def test_outage__workers_need_twenty_seconds_to_come_back__nobody_is_told(outage):
    outage.pass_by(20)
    outage.loop = True
    outage.pass_by(3 * PERIOD_S)
    assert said() == []


def test_outage__auditor_is_back_and_the_loop_is_not__is_one_page_for_all(outage):
    assert outage.until_told("loop.stalled") <= 2 * PERIOD_S
    outage.pass_by(3 * PERIOD_S)
    assert said() == ["loop.stalled"]


def test_outage__trouble_that_was_told_before__is_not_called_over_by_an_auditor_just_back(
    baking, days
):
    days.loop = False
    days.until_told("loop.stalled")
    days.auditor = False
    days.pass_by(2 * PERIOD_S)
    days.auditor = True
    days.pass_by(5 * PERIOD_S)
    assert said() == ["loop.stalled"]
