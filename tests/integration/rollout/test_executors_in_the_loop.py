"""Rollouts through the real loop on a deploy script, and on Kubernetes, whose pods take time."""

import pytest

from rollout import services
from rollout.machine import HoldKind, Phase
from rollout.spec import StageSpec, TargetSpec
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.server import cluster
from tests.integration.rollout.conftest import FAIL
from tests.integration.rollout.programs import wrapped
from tests.integration.rollout.test_haproxy_loop import tick_until
from tests.integration.rollout.test_holds import fresh, holds

__all__ = ["wrapped"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock_stands")]


def on(executor):
    return (TargetSpec("edge", executor, {"target": "edge"}),)


def stages(*shares):
    return tuple(StageSpec(share, min_s=10, max_s=100) for share in shares)


def placement(rollout):
    return rollout.placements.get()


@pytest.fixture
def in_cluster(settings):
    with cluster() as made:

        def targeted(with_objects):
            settings.OPERATOR = operator({"edge": with_objects(made)})
            return made

        yield targeted


@pytest.mark.parametrize("example", ["weight.sh", "weight.py"])
def test_command__evidence_is_good_then_bad__grows_in_percents_and_goes_to_zero(
    make_rollout, stagehand, wrapped, tmp_path, example
):
    wrapped(example)
    weight = tmp_path / "weight"
    rollout = make_rollout(targets=on("command"), stages=stages(0.055, 0.5))
    assert placement(rollout).grain == 0.01
    tick_until(stagehand, lambda: weight.read_text() == "5\n")
    tick_until(stagehand, lambda: weight.read_text() == "50\n", seconds=11)
    stagehand.evidence = FAIL
    tick_until(stagehand, lambda: fresh(rollout).phase == Phase.ROLLED_BACK, seconds=11)
    assert weight.read_text() == "0\n"


def test_command__weight_is_cut_by_hand__holds_and_grows_no_more(
    make_rollout, stagehand, wrapped, tmp_path
):
    wrapped("weight.sh")
    weight = tmp_path / "weight"
    rollout = make_rollout(targets=on("command"), stages=stages(0.25, 0.5))
    tick_until(stagehand, lambda: rollout.stages.first().state == "baking")
    weight.write_text("0\n")
    tick_until(stagehand, lambda: HoldKind.DRIFT in holds(rollout))
    assert weight.read_text() == "0\n"


def test_replicas__pods_start_one_by_one__the_stage_bakes_only_when_they_are_ready(
    make_rollout, stagehand, in_cluster
):
    api = in_cluster(lambda made: shop.with_deployments(made, pods=10))
    api.pace = 1
    rollout = make_rollout(targets=on("kubernetes"), stages=stages(0.5, 1.0))
    tick_until(stagehand, lambda: api.named("stock-canary")["spec"]["replicas"] == 5)
    assert rollout.stages.first().state == "applying"
    tick_until(stagehand, lambda: rollout.stages.first().state == "baking")
    assert api.named("stock-canary")["status"]["readyReplicas"] >= 4
    assert holds(rollout) == []


def test_replicas__aborted_from_everybody__is_rolled_back_when_no_canary_pod_is_left(
    make_rollout, stagehand, in_cluster
):
    api = in_cluster(lambda made: shop.with_deployments(made, pods=10))
    rollout = make_rollout(targets=on("kubernetes"), stages=stages(1.0))
    tick_until(stagehand, lambda: placement(rollout).observed == 1.0)
    api.pace = 1
    services.abort(rollout.pk, "sre", "enough")
    tick_until(stagehand, lambda: fresh(rollout).phase == Phase.ROLLED_BACK)
    assert api.named("stock-canary")["spec"]["replicas"] == 0
    assert api.named("stock")["spec"]["replicas"] == 10


def test_gateway__two_rollouts_one_after_the_other__have_the_target_in_turn(
    make_rollout, stagehand, in_cluster
):
    in_cluster(shop.with_route)
    first = make_rollout(targets=on("kubernetes"), stages=stages(0.25, 1.0))
    tick_until(stagehand, lambda: placement(first).observed == 0.25)
    services.abort(first.pk, "sre", "enough")
    tick_until(stagehand, lambda: fresh(first).phase == Phase.ROLLED_BACK)
    second = make_rollout(targets=on("kubernetes"), stages=stages(0.5, 1.0))
    tick_until(stagehand, lambda: placement(second).observed == 0.5)
    assert placement(second).confirmed_generation == placement(second).generation


def test_argo__stages_are_its_steps__goes_through_them_and_aborts(
    make_rollout, stagehand, in_cluster
):
    api = in_cluster(shop.with_rollout)
    rollout = make_rollout(targets=on("kubernetes"), stages=stages(0.25, 0.5, 1.0))
    tick_until(stagehand, lambda: placement(rollout).observed == 0.5, seconds=11)
    stagehand.evidence = FAIL
    tick_until(stagehand, lambda: fresh(rollout).phase == Phase.ROLLED_BACK, seconds=11)
    assert api.named("stock")["status"]["abort"] is True
    assert placement(rollout).observed == 0.0


def test_argo__stage_is_no_step__says_so_and_exposes_nobody(make_rollout, stagehand, in_cluster):
    in_cluster(shop.with_rollout)
    rollout = make_rollout(targets=on("kubernetes"), stages=stages(0.1, 1.0))
    tick_until(stagehand, lambda: "no step of 10%" in placement(rollout).last_error)
    assert placement(rollout).observed == 0.0
    assert rollout.stages.first().state == "applying"
