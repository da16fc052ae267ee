"""What the simulation found: nothing that people decided may hang on the clock's going forward."""

from datetime import timedelta

import pytest

from rollout import gates, services
from rollout.machine import Phase
from tests.integration.rollout.test_holds import fresh
from tests.integration.rollout.test_loop import world_share

pytestmark = pytest.mark.django_db


def test_accept__clock_set_back_after_the_failure__two_people_still_count(make_rollout, stagehand):
    rollout = make_rollout(reversible=False)
    stagehand.tick()
    services.abort(rollout.pk, "sre", "")
    stagehand.tick()
    stagehand.offset -= timedelta(seconds=30)
    services.accept(rollout.pk, "sre", "fixed forward")
    services.accept(rollout.pk, "owner", "agreed")
    assert fresh(rollout).phase == Phase.WRITTEN_OFF


def test_kill_switch__clock_set_back_after_it__is_still_in_force(
    make_rollout, stagehand, monkeypatch
):
    monkeypatch.setattr(gates, "database_now", stagehand.now)
    rollout = make_rollout()
    stagehand.tick()
    stagehand.offset += timedelta(seconds=45)
    gates.set_freeze(gates.KILL_SWITCH, {}, "incident 7", "sre")
    stagehand.tick(seconds=-30)
    assert world_share(rollout) == 0.25
