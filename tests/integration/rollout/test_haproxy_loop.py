"""Rollouts through the real loop on real HAProxies, and what happens to those meanwhile."""

import pytest
import requests

from attribution.models import Exposure
from rollout import services
from rollout.executors.base import Desired, Key
from rollout.executors.haproxy import HaproxyExecutor
from rollout.machine import HoldKind, Phase
from rollout.spec import StageSpec, TargetSpec
from tests.integration.rollout.balancers import STOCK, balancer, operator
from tests.integration.rollout.conftest import FAIL
from tests.integration.rollout.test_holds import fresh, holds
from tests.integration.rollout.test_loop import told
from tests.parts import wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock_stands")]
CART = STOCK.replace("backend stock", "backend cart")


@pytest.fixture
def two(settings):
    with balancer(STOCK + CART) as first, balancer() as second:
        cart = first.target(backend="cart")
        settings.OPERATOR = operator(
            {"lb1": first.target(), "lb2": second.target(), "lb1-cart": cart}
        )
        yield first, second


def tick_until(stagehand, condition, seconds=2):
    """A machine that is slow may need more looks than one."""
    for _ in range(30):
        if condition():
            return
        stagehand.tick(seconds=seconds)
    pytest.fail("not after 30 looks")


def on(*targets, service="stock"):
    return tuple(TargetSpec(service, "haproxy", {"target": target}) for target in targets)


def make(make_rollout, *targets, **given):
    return make_rollout("stock", targets=on(*targets), **given)


def desired(rollout):
    return {p.target: p.desired for p in rollout.placements.all()}


def exposed(rollout):
    rows = Exposure.objects.filter(change_id=rollout.change_id).order_by("at", "id")
    return [round(row.share, 3) for row in rows]


def test_rollout__over_two_haproxies_and_two_backends__grows_on_all_and_is_watched(
    make_rollout, stagehand, two
):
    first, second = two
    cart = make_rollout("cart")
    services.abort(cart.pk, "sre", "only its service is needed")
    targets = (*on("lb1", "lb2"), *on("lb1-cart", service="cart"))
    rollout = make_rollout("stock", targets=targets, guardrails={})
    stagehand.tick(seconds=1, times=2)
    shown = [first.canary_share(), second.canary_share(), first.canary_share("cart")]
    assert shown == [0.25, 0.25, 0.25]
    assert set(desired(rollout).values()) == {0.25}
    assert rollout.stages.first().state == "baking"


def test_rollout__evidence_stays_good__reaches_everybody(make_rollout, stagehand, two):
    first, second = two
    rollout = make(make_rollout, "lb1", "lb2")
    stagehand.tick(seconds=11, times=4)
    assert fresh(rollout).phase == Phase.WATCHING
    assert first.weights() == second.weights() == {"s0": 0, "s1": 0, "c0": 256}
    assert exposed(rollout)[-1] == 1.0


def test_rollout__own_guardrail_fails__goes_to_zero_in_every_haproxy(make_rollout, stagehand, two):
    first, second = two
    rollout = make(make_rollout, "lb1", "lb2")
    stagehand.tick(seconds=1, times=2)
    stagehand.evidence = FAIL
    stagehand.tick(seconds=3, times=2)
    configured = {"s0": 100, "s1": 100, "c0": 0}
    assert first.weights() == second.weights() == configured
    assert fresh(rollout).phase == Phase.ROLLING_BACK
    stagehand.tick(seconds=7)
    assert fresh(rollout).phase == Phase.ROLLED_BACK
    assert exposed(rollout)[-1] == 0.0


def test_exposure__two_targets_of_a_service__is_told_below_as_their_mean(
    make_rollout, stagehand, two
):
    rollout = make(make_rollout, "lb1", "lb2")
    stagehand.tick(seconds=1, times=3)
    assert exposed(rollout) == [0.125, 0.25]


def test_stage__share_between_two_weights__is_reached_within_the_grain(
    make_rollout, stagehand, two
):
    first, _ = two
    share = 0.2347
    rollout = make(make_rollout, "lb1", stages=(StageSpec(share, min_s=10),))
    stagehand.tick(seconds=1, times=3)
    assert rollout.stages.first().state == "baking"
    assert 0 < share - first.canary_share() < HaproxyExecutor.grain
    assert holds(rollout) == []
    assert rollout.placements.get().generation == 1


# --- drift -----------------------------------------------------------------------------------


@pytest.fixture
def baking(make_rollout, stagehand, two):
    rollout = make(make_rollout, "lb1", "lb2", control_level="L2")
    stagehand.tick(seconds=1, times=2)
    assert rollout.stages.first().state == "baking"
    return rollout


def test_drift__weight_raised_by_hand__is_set_down_by_a_new_generation(baking, stagehand, two):
    first, second = two
    before = baking.placements.get(target="lb1").generation
    first.ask("set weight stock/c0 256")
    stagehand.tick(seconds=2)
    assert first.canary_share() == 0.25
    assert baking.placements.get(target="lb1").generation == before + 1
    assert baking.placements.get(target="lb2").generation == before
    assert second.canary_share() == 0.25


def test_drift__weight_lowered_by_hand__holds_and_never_grows_by_itself(baking, stagehand, two):
    first, _ = two
    first.ask("set weight stock/c0 1")
    stagehand.tick(seconds=5, times=20)
    assert first.weights()["c0"] == 1
    assert holds(baking) == [HoldKind.DRIFT]
    services.resume(baking.pk, "sre", "it was me")
    stagehand.tick(seconds=2)
    assert first.canary_share() == 0.25


def test_drift__stable_server_is_taken_out__the_canary_is_set_down(baking, stagehand, two):
    first, _ = two
    first.ask("set server stock/s0 state maint")
    stagehand.tick(seconds=2)
    weights = first.weights()
    assert weights["c0"] / (weights["c0"] + weights["s1"]) == pytest.approx(0.25, abs=0.004)


def test_drift__canary_goes_to_maintenance__holds_and_says_that_somebody_cut_it(
    baking, stagehand, two
):
    first, _ = two
    first.ask("set server stock/c0 state maint")
    stagehand.tick(seconds=2, times=2)
    assert holds(baking) == [HoldKind.DRIFT]
    assert "lb1" in baking.holds.get(released_at=None).reason


# --- restarts --------------------------------------------------------------------------------


def test_restart__configuration_has_no_canary_weight__holds_as_drift(baking, stagehand, two):
    first, _ = two
    first.restart()
    stagehand.tick(seconds=2, times=3)
    assert first.weights() == {"s0": 100, "s1": 100, "c0": 0}
    assert holds(baking) == [HoldKind.DRIFT]


def test_restart__configuration_gives_the_canary_more__is_set_down(baking, stagehand, two):
    first, _ = two
    first.backends = first.backends.replace("c0 127.0.0.1:9 weight 0", "c0 127.0.0.1:9 weight 100")
    first.restart()
    assert first.canary_share() > 0.3
    stagehand.tick(seconds=2)
    assert first.canary_share() == 0.25
    assert holds(baking) == []


def test_reload__with_a_server_state_file__keeps_the_weights(make_rollout, stagehand, settings):
    state = "global\n  server-state-file {folder}/state\n"
    loaded = STOCK.replace("backend stock", "backend stock\n  load-server-state-from-file global")
    with balancer(state + loaded) as lb:
        settings.OPERATOR = operator({"lb1": lb.target()})
        rollout = make(make_rollout, "lb1", control_level="L2")
        stagehand.tick(seconds=1, times=2)
        (lb.folder / "state").write_text(lb.ask("show servers state").rstrip("\n") + "\n")
        lb.restart()
        assert lb.canary_share() == 0.25
        stagehand.tick(seconds=2, times=2)
        assert holds(rollout) == []


# --- a HAProxy that is away ------------------------------------------------------------------


def test_rollback__one_haproxy_is_gone__the_other_goes_to_zero_and_it_fails_in_time_then_heals(
    baking, stagehand, two
):
    first, second = two
    second.stop()
    services.abort(baking.pk, "sre", "bad")
    stagehand.tick(seconds=2)
    assert first.canary_share() == 0.0
    assert baking.placements.get(target="lb2").failures == 1
    stagehand.tick(seconds=61, times=6)
    assert fresh(baking).phase == Phase.ROLLBACK_FAILED
    assert "rollout.rollback_failed" in told(baking)
    # It comes back as its configuration says, and that is more than nothing.
    second.backends = second.backends.replace("weight 0", "weight 50")
    second.start()
    stagehand.tick(seconds=61, times=2)
    assert second.canary_share() == 0.0
    assert fresh(baking).phase == Phase.ROLLED_BACK


def test_rollback__haproxy_hangs__is_cut_off_and_set_to_zero_when_it_answers_again(
    baking, stagehand, two, monkeypatch
):
    first, second = two
    monkeypatch.setattr(HaproxyExecutor, "timeout_s", 2.0)
    second.freeze()
    services.abort(baking.pk, "sre", "bad")
    tick_until(stagehand, lambda: first.canary_share() == 0.0)
    error = baking.placements.get(target="lb2").last_error
    assert "no whole answer within 2 s" in error
    second.thaw()
    tick_until(stagehand, lambda: fresh(baking).phase == Phase.ROLLED_BACK, seconds=10)
    assert second.canary_share() == 0.0


def test_rollback__older_call_may_still_land__waits_for_it_and_sets_it_down(baking, stagehand, two):
    first, _ = two
    services.abort(baking.pk, "sre", "bad")
    stagehand.tick(seconds=1)
    assert first.canary_share() == 0.0
    assert fresh(baking).phase == Phase.ROLLING_BACK
    HaproxyExecutor().apply({"target": "lb1"}, Desired(0.25), Key(0, str(baking.pk), "lb1", 1))
    stagehand.tick(seconds=2)
    assert first.canary_share() == 0.0
    assert fresh(baking).phase == Phase.ROLLING_BACK
    stagehand.tick(seconds=3, times=3)
    assert fresh(baking).phase == Phase.ROLLED_BACK


def test_stage__static_balancing__never_bakes_and_says_why(make_rollout, stagehand, settings):
    hashed = STOCK.replace("balance roundrobin", "balance source").replace("weight 0", "weight 10")
    with balancer(hashed) as lb:
        lb.ask("set weight stock/c0 0")
        settings.OPERATOR = operator({"lb1": lb.target()})
        rollout = make(make_rollout, "lb1")
        stagehand.tick(seconds=2, times=4)
        assert rollout.stages.first().state == "applying"
        assert "static LB algorithm" in rollout.placements.get().last_error
        assert lb.canary_share() == 0.0


def test_traffic__follows_the_weights__and_none_meets_the_canary_at_zero(
    make_rollout, stagehand, settings, tmp_path
):
    answers = """
frontend old
  mode http
  bind {folder}/old.sock
  http-request return status 200 content-type text/plain string old
frontend new
  mode http
  bind {folder}/new.sock
  http-request return status 200 content-type text/plain string new
backend stock
  balance roundrobin
  server s0 unix@{folder}/old.sock weight 100
  server c0 unix@{folder}/new.sock weight 0
"""
    with balancer(answers) as lb:
        settings.OPERATOR = operator({"lb1": lb.target()})
        rollout = make(make_rollout, "lb1", control_level="L2")
        wait_until(lambda: asked(lb, 1) == ["old"], 60, "HAProxy serves")
        stagehand.tick(seconds=1, times=2)
        assert asked(lb, 100).count("new") == pytest.approx(25, abs=5)
        services.abort(rollout.pk, "sre", "bad")
        stagehand.tick(seconds=1)
        assert asked(lb, 50) == ["old"] * 50


def asked(lb, times):
    url = f"http://127.0.0.1:{lb.entry}/"
    return [requests.get(url, timeout=10).text for _ in range(times)]
