"""Ways `gateway` and `argo`: who splits the requests there, and what that can express."""

import json

import pytest

from rollout.executors.base import Desired, ExecutorError
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.fixtures import (
    EDGE,
    api,
    argo,
    executor,
    key,
    reach,
    routed,
    seen,
)

__all__ = ["api", "argo", "executor", "routed"]


# --- gateway -------------------------------------------------------------------------------------


def refs(api):
    return api.named("stock")["spec"]["rules"][0]["backendRefs"]


def test_gateway__weights_move__and_nothing_else_of_the_route_is_lost(routed, executor):
    before = json.loads(json.dumps(routed.named("stock")["spec"]))
    executor.apply(EDGE, Desired(0.25), key())
    assert [ref.pop("weight") for ref in refs(routed)] == [750, 250]
    after = routed.named("stock")["spec"]
    before["rules"][0]["backendRefs"][1].pop("weight")
    assert after == before


@pytest.mark.parametrize("accepted", ["False", "Unknown"])
def test_gateway__route_is_not_accepted__nobody_knows_the_share(routed, executor, accepted):
    routed.accepted = accepted
    with pytest.raises(ExecutorError, match="is not Accepted: BackendNotFound"):
        seen(executor)


def test_gateway__has_not_looked_at_the_new_weights__nobody_knows_the_share(routed, executor):
    routed.controllers_run = False
    executor.apply(EDGE, Desired(0.5), key())
    with pytest.raises(ExecutorError, match="has not been looked at by its gateway"):
        seen(executor)
    routed.controllers_run = True
    assert seen(executor) == 0.5


def test_gateway__no_gateway_at_all__is_an_error(routed, executor):
    routed.controllers_run = False
    routed.named("stock")["status"] = {}
    with pytest.raises(ExecutorError, match="not been accepted by any gateway"):
        seen(executor)


def test_gateway__two_rules_differ__the_larger_share_is_observed(routed, executor):
    rules = routed.named("stock")["spec"]["rules"]
    more = [{"name": "stock", "weight": 1}, {"name": "stock-canary", "weight": 3}]
    rules.append({"backendRefs": more})
    assert seen(executor) == 0.75
    executor.apply(EDGE, Desired(0.0), key())
    assert (seen(executor), more[1]["weight"] or rules[2]["backendRefs"][1]["weight"]) == (0.0, 3)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["stock-canary"], "rule 0 has to name"),
        (["stock", "stock-canary", "third"], "rule 0 has to name"),
        (["stock"], "has no rule that names stock-canary"),
    ],
)
def test_gateway__rule_cannot_be_split__is_an_error_for_good(routed, executor, names, says):
    routed.named("stock")["spec"]["rules"] = [{"backendRefs": [{"name": n} for n in names]}]
    for call in (lambda: seen(executor), lambda: executor.apply(EDGE, Desired(0.5), key())):
        with pytest.raises(ExecutorError, match=says) as error:
            call()
        assert error.value.permanent


# --- argo ----------------------------------------------------------------------------------------


def test_argo__share_of_a_later_step__is_reached_by_a_promote_a_call(argo, executor):
    executor.apply(EDGE, Desired(0.5), key())
    assert seen(executor) <= 0.25
    reach(executor, 0.5)
    assert {tuple(body.get("status", {})) for _, body in argo.patches} <= {
        (),
        ("pauseConditions",),
    }


def test_argo__all_its_weights_in_turn__then_zero_is_an_abort(argo, executor):
    for generation, weight in enumerate(shop.WEIGHTS, start=1):
        reach(executor, weight / 100, generation)
    # The Rollout itself was not completed: that is a person's.
    assert argo.named("stock")["status"]["stableRS"] == "old"
    reach(executor, 0.0, 9)
    assert argo.patches[-1][1]["status"] == {"abort": True}
    assert argo.named("stock")["status"]["abort"] is True


def test_argo__retried_after_an_abort__begins_at_its_first_step(argo, executor):
    reach(executor, 0.5)
    reach(executor, 0.0, 2)
    reach(executor, 0.25, 1, "r2")
    assert argo.named("stock")["status"]["abort"] is False


def test_argo__share_that_is_no_step__is_refused_for_good_and_changes_nothing(argo, executor):
    with pytest.raises(ExecutorError, match="no step of 10%, only of 0, 25, 50, 100") as error:
        executor.apply(EDGE, Desired(0.1), key())
    assert error.value.permanent
    assert seen(executor) == 0.0


def test_argo__down_to_an_earlier_step__is_refused_for_good(argo, executor):
    reach(executor, 0.5)
    with pytest.raises(ExecutorError, match="does not go back to an earlier weight") as error:
        executor.apply(EDGE, Desired(0.25), key(2))
    assert error.value.permanent
    reach(executor, 0.0, 3)


def test_argo__no_update_is_under_way__takes_zero_and_nothing_else(argo, executor):
    argo.named("stock")["status"]["currentPodHash"] = "old"
    reach(executor, 0.0)
    with pytest.raises(ExecutorError, match="no update is under way"):
        executor.apply(EDGE, Desired(0.25), key(2))


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([{"setWeight": 20}, {"pause": {}}], "after a pause"),
        ([{"pause": {}}, {"setWeight": 20}], "end with a pause"),
        ([{"pause": {}}, {"setWeight": 5}, {"setWeight": 9}, {"pause": {}}], "after a pause"),
        ([{"pause": {}}, {"setWeight": 20}, {"pause": {"duration": "1h"}}], "ends by itself"),
        ([{"pause": {}}, {"analysis": {}}], "neither a weight nor a pause"),
    ],
)
def test_argo__steps_that_go_on_by_themselves__are_refused_but_zero_still_works(
    api, settings, executor, steps, says
):
    settings.OPERATOR = operator({"edge": shop.with_rollout(api, steps)})
    with pytest.raises(ExecutorError, match=says) as error:
        executor.apply(EDGE, Desired(0.2), key())
    assert error.value.permanent
    executor.apply(EDGE, Desired(0.0), key(2))
    assert api.named("stock")["status"]["abort"] is True


def test_argo__no_steps__are_refused(api, settings, executor):
    settings.OPERATOR = operator({"edge": shop.with_rollout(api, [])})
    with pytest.raises(ExecutorError, match="begin at weight 0"):
        seen(executor)


def test_argo__first_step_at_weight_zero__is_as_good_as_a_pause(api, settings, executor):
    steps = [{"setWeight": 0}, {"pause": {}}, {"setWeight": 30}, {"pause": {}}]
    settings.OPERATOR = operator({"edge": shop.with_rollout(api, steps)})
    reach(executor, 0.3)


def test_argo__without_traffic_routing__is_refused(argo, executor):
    del argo.named("stock")["spec"]["strategy"]["canary"]["trafficRouting"]
    with pytest.raises(ExecutorError, match="no trafficRouting"):
        seen(executor)
