"""The kubernetes executor against the stand-in: replicas, gateway, argo; what a cluster refuses."""

import contextlib
import json
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as looked_at
from hypothesis import strategies as st

from controlplane.environment import OperatorFile
from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.kubernetes.executor import KubernetesExecutor
from rollout.executors.kubernetes.marks import ANNOTATION
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.server import TOKEN, cluster

EDGE = {"target": "edge"}
WAYS = {
    "replicas": shop.with_deployments,
    "gateway": shop.with_route,
    "argo": shop.with_rollout,
}
# Objects that each way writes to.
WRITTEN = {"replicas": ("stock", "stock-canary"), "gateway": ("stock",), "argo": ("stock",)}


def key(generation=1, rollout="r1"):
    return Key(1, rollout, "edge", generation)


@pytest.fixture
def api():
    with cluster() as made:
        yield made


@pytest.fixture
def executor():
    return KubernetesExecutor()


@pytest.fixture
def split(api, settings):
    """Makes the target `edge` one of ten pods."""
    entry = shop.with_deployments(api, pods=10)

    def made(**given):
        settings.OPERATOR = operator({"edge": entry | given})
        return api

    return made()


@pytest.fixture
def routed(api, settings):
    settings.OPERATOR = operator({"edge": shop.with_route(api)})
    return api


@pytest.fixture
def argo(api, settings):
    settings.OPERATOR = operator({"edge": shop.with_rollout(api)})
    return api


@pytest.fixture(params=sorted(WAYS))
def any_way(request, api, settings):
    settings.OPERATOR = operator({"edge": WAYS[request.param](api)})
    api.way = request.param
    return api


def replicas(api):
    return {name: api.named(name)["spec"]["replicas"] for name in ("stock", "stock-canary")}


def seen(executor, generation=1):
    return executor.observe(EDGE, key(generation)).share


# --- what every way owes -----------------------------------------------------------------------


def test_patch__of_each_way__carries_mark_and_resource_version_and_no_unknown_field(
    any_way, executor
):
    executor.apply(EDGE, Desired(0.25), key())
    assert any_way.patches
    for _path, body in any_way.patches:
        assert set(body["metadata"]) <= {"resourceVersion", "annotations"}
        assert body["metadata"]["resourceVersion"].isdigit()
    for name in WRITTEN[any_way.way]:
        mark = json.loads(any_way.named(name)["metadata"]["annotations"][ANNOTATION])
        assert mark == {"rollout": "r1", "generation": 1, "ended": []}


def test_apply__nothing_to_change__sends_no_patch(any_way, executor):
    reach(executor, 0.25)
    any_way.patches.clear()
    executor.apply(EDGE, Desired(0.25), key())
    assert any_way.patches == []


def test_apply__somebody_changes_the_object_meanwhile__is_read_anew(any_way, executor):
    left = [2]

    def meddle():
        if left[0]:
            left[0] -= 1
            any_way.touch("stock")

    any_way.before_patch = meddle
    reach(executor, 0.25)
    assert seen(executor) == 0.25


def test_apply__somebody_changes_the_object_each_time__is_an_error_in_the_end(any_way, executor):
    any_way.before_patch = lambda: [any_way.touch(name) for name in WRITTEN[any_way.way]]
    with pytest.raises(ExecutorError, match="each time") as error:
        executor.apply(EDGE, Desired(0.25), key())
    assert not error.value.permanent


def test_apply__newer_call_between_look_and_patch__wins(any_way, executor):
    """An older call that has read the object, and then sleeps while zero is applied."""

    def newer():
        any_way.before_patch = lambda: None
        reach(executor, 0.0, generation=2)

    any_way.before_patch = newer
    with pytest.raises(ExecutorError, match="refused") as error:
        reach(executor, 0.25)
    assert error.value.permanent
    assert (seen(executor, 2), executor.observe(EDGE, key(2)).generation) == (0.0, 2)


def test_apply__rollout_that_was_followed_by_another__is_refused(any_way, executor):
    executor.apply(EDGE, Desired(0.25), key(7, "r1"))
    reach(executor, 0.0, rollout="r2")
    with pytest.raises(ExecutorError, match="another rollout has this target now"):
        executor.apply(EDGE, Desired(0.25), key(8, "r1"))
    assert executor.observe(EDGE, key(1, "r2")).generation == 1
    assert executor.observe(EDGE, key(7, "r1")).generation == 0


def test_apply__without_a_rollout__takes_to_zero_whoever_has_it(any_way, executor):
    """`zero_exposure`, in the hour without a database."""
    reach(executor, 0.25)
    found = executor.observe(EDGE, Key(0, "", "edge", 0))
    assert (found.share, found.generation) == (0.25, 1)
    executor.apply(EDGE, Desired(0.0), Key(0, "", "edge", 2))
    assert executor.observe(EDGE, key(2)).share == 0.0
    assert executor.observe(EDGE, key(2)).generation == 2


@pytest.mark.parametrize("annotation", ["", "{}", "[" * 9999, '{"rollout": 1}', "7"])
def test_mark__is_not_ours__is_an_error_and_nothing_is_written(any_way, executor, annotation):
    for name in WRITTEN[any_way.way]:
        any_way.named(name)["metadata"]["annotations"] = {ANNOTATION: annotation}
    for call in (
        lambda: executor.apply(EDGE, Desired(0.25), key()),
        lambda: executor.observe(EDGE, key()),
    ):
        with pytest.raises(ExecutorError, match=r"edge: the annotation .* is not Graygate's"):
            call()
    assert any_way.patches == []


def reach(executor, share, generation=1, rollout="r1"):
    """As the loop does: the same call, until it is so."""
    for _ in range(20):
        executor.apply(EDGE, Desired(share), key(generation, rollout))
        found = executor.observe(EDGE, key(generation, rollout))
        if found.share == share and found.generation == generation:
            return
    pytest.fail(f"{share} was not reached: {found}")


# --- what a cluster refuses --------------------------------------------------------------------


def test_rbac__forbids_the_patch__is_told_in_the_servers_words_for_good(any_way, executor):
    kind = {"replicas": "deployments", "gateway": "httproutes", "argo": "rollouts"}[any_way.way]
    any_way.forbidden = {("patch", kind)}
    with pytest.raises(ExecutorError, match=f"HTTP 403: {kind} .* is forbidden") as error:
        executor.apply(EDGE, Desired(0.25), key())
    assert error.value.permanent


def test_rbac__forbids_the_stable_side_only__the_canary_goes_down_and_it_is_told(split, executor):
    reach(executor, 0.5)
    split.forbidden = {("patch", "stock")}
    with pytest.raises(ExecutorError, match='"stock" is forbidden'):
        executor.apply(EDGE, Desired(0.0), key(2))
    assert replicas(split) == {"stock": 5, "stock-canary": 0}


@pytest.mark.parametrize(
    ("access", "code"), [({"bearer_token": "other"}, 401), ({"namespace": "elsewhere"}, 404)]
)
def test_server__says_no__is_an_error_and_never_zero(api, settings, executor, access, code):
    settings.OPERATOR = operator({"edge": shop.with_deployments(api) | access})
    with pytest.raises(ExecutorError, match=f"edge: HTTP {code}") as error:
        seen(executor)
    # A token is renewed by others; an object that is not there has to be made.
    assert error.value.permanent == (code == 404)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"metadata": {"name": "other", "resourceVersion": "1"}}',
        b'{"metadata": {"name": "stock", "resourceVersion": "1"}, "spec": [], "status": {}}',
        b"[" * 100_000,
    ],
)
def test_server__answers_nonsense__is_an_error_and_never_zero(any_way, executor, raw):
    any_way.raw = raw
    with pytest.raises(ExecutorError, match="edge: the answer is not the object"):
        seen(executor)


def test_server__is_gone__says_so_without_the_address(any_way, executor, settings):
    entry = settings.OPERATOR.targets["edge"]
    settings.OPERATOR = operator({"edge": entry | {"server": "http://127.0.0.1:9"}})
    with pytest.raises(ExecutorError, match=r"^edge: \w+$"):
        seen(executor)


def test_server__hangs__is_cut_off(any_way, executor):
    executor.timeout_s = 0.5
    with any_way.lock, pytest.raises(ExecutorError, match=r"edge: (ReadTimeout|no whole answer)"):
        seen(executor)


# --- replicas ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "canary"), [(0.01, 1), (0.19, 1), (0.2, 2), (0.29, 2), (0.7, 7), (1.0, 10), (0.0, 0)]
)
def test_replicas__share__is_rounded_down_to_pods_and_at_least_one(split, executor, share, canary):
    executor.apply(EDGE, Desired(share), key())
    assert replicas(split) == {"stock": 10 - canary, "stock-canary": canary}
    assert seen(executor) == canary / 10
    assert abs(seen(executor) - share) <= executor.on(EDGE).grain


def test_replicas__pods_start_slowly__ready_ones_are_observed_and_no_capacity_is_lost(
    split, executor
):
    split.pace = 1
    total = []
    for _ in range(30):
        executor.apply(EDGE, Desired(0.5), key())
        ready = [
            split.named(name)["status"].get("readyReplicas", 0)
            for name in ("stock", "stock-canary")
        ]
        total.append(sum(ready))
        assert seen(executor) <= 0.5
    assert (seen(executor), replicas(split)) == (0.5, {"stock": 5, "stock-canary": 5})
    assert min(total) >= 10


def test_replicas__rolled_back_from_everybody__keeps_half_of_the_pods_answering(split, executor):
    reach(executor, 1.0)
    split.pace = 0
    executor.apply(EDGE, Desired(0.0), key(2))
    # No stable pod is ready yet: what is not needed of the canary is gone, the rest answers.
    assert replicas(split) == {"stock": 10, "stock-canary": 5}
    assert seen(executor, 2) == 1.0
    split.pace = 1
    for _ in range(20):
        executor.apply(EDGE, Desired(0.0), key(2))
        sides = [split.named(name)["status"] for name in ("stock", "stock-canary")]
        assert sum(side.get("readyReplicas", 0) for side in sides) >= 5
    assert replicas(split) == {"stock": 10, "stock-canary": 0}
    assert seen(executor, 2) == 0.0


def test_replicas__rolled_back_while_enough_stable_pods_are_ready__is_at_zero_at_once(
    split, executor
):
    reach(executor, 0.5)
    split.pace = 0
    executor.apply(EDGE, Desired(0.0), key(2))
    assert replicas(split) == {"stock": 10, "stock-canary": 0}


def test_replicas__controller_has_not_seen_the_zero__is_not_observed_as_zero(split, executor):
    split.controllers_run = False
    executor.apply(EDGE, Desired(0.1), key())
    executor.apply(EDGE, Desired(0.0), key(2))
    # No canary pod was ever ready, but one may be made of the generation before.
    assert seen(executor, 2) > 0
    split.controllers_run = True
    assert seen(executor, 2) == 0.0


def test_replicas__canary_pods_are_not_ready__expose_nobody(split, executor):
    split.pace = 0
    executor.apply(EDGE, Desired(0.5), key())
    assert seen(executor) == 0.0
    assert replicas(split) == {"stock": 10, "stock-canary": 5}


def test_replicas__scaled_by_hand__is_observed(split, executor):
    reach(executor, 0.5)
    split.named("stock-canary")["spec"]["replicas"] = 10
    assert seen(executor) == pytest.approx(2 / 3)
    split.named("stock-canary")["spec"]["replicas"] = 0
    split.control("/apis/apps/v1/namespaces/shop/deployments/stock-canary")
    assert seen(executor) == 0.0


# --- gateway -----------------------------------------------------------------------------------


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


# --- argo --------------------------------------------------------------------------------------


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


# --- the property ------------------------------------------------------------------------------

SHARES = {"replicas": (0.0, 0.1, 0.5, 1.0), "gateway": (0.0, 0.1, 0.5, 1.0), "argo": (0.0, 0.25)}
calls = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans()), min_size=1, max_size=8
)


@pytest.mark.parametrize("way", sorted(WAYS))
@looked_at(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=calls)
def test_fencing__calls_in_any_order_one_inside_the_other__end_at_the_highest_generation(
    settings, way, calls
):
    """A generation stands for one share. Some calls are overtaken by the next between their look
    and their patch; the loop then sends the newest again.
    """
    executor = KubernetesExecutor()
    with cluster() as made:
        settings.OPERATOR = OperatorFile(targets={"edge": WAYS[way](made)})
        share = {}
        pending = list(calls)

        def one():
            if not pending:
                return
            generation, choice, overtaken = pending.pop(0)
            shares = SHARES[way]
            share.setdefault(generation, shares[choice % len(shares)])
            made.before_patch = one if overtaken else lambda: None
            # An older one is refused; nothing else is looked for here.
            with contextlib.suppress(ExecutorError):
                executor.apply(EDGE, Desired(share[generation]), key(generation))

        while pending:
            one()
        made.before_patch = lambda: None
        newest = max(share)
        reach(executor, share[newest], newest)
        for generation in share:
            if generation < newest:
                with pytest.raises(ExecutorError, match="refused"):
                    executor.apply(EDGE, Desired(1.0), key(generation))
        found = executor.observe(EDGE, key(newest))
        assert (found.share, found.generation) == (share[newest], newest)


# --- what the operator says --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"way": "magic"}, "`way`"),
        ({"server": "http://10.0.0.1:6443"}, "no https://"),
        ({"server": "https://me:hunter2@10.0.0.1"}, "no https://"),
        ({"server": "https://10.0.0.1/?x"}, "no https://"),
        ({"server": "ftp://10.0.0.1"}, "no https://"),
        ({"in_cluster": True}, "`server`, or `in_cluster`"),
        ({"namespace": "Shop"}, "`namespace`"),
        ({"canary": "a/../b"}, "`canary`"),
        ({"canary": "stock"}, "are the same"),
        ({"replicas": 1}, "`replicas`"),
        ({"replicas": True}, "`replicas`"),
        ({"keep": 11}, "`keep`"),
        ({"route": "stock"}, "knows no `route`"),
        ({"bearer_token_file": "/nowhere", "bearer_token": None}, "cannot be read"),
        ({"ca_file": "/nowhere"}, "cannot be read"),
    ],
)
def test_validate__bad_target_in_the_operators_file__is_said(
    split, executor, settings, given, says
):
    entry = settings.OPERATOR.targets["edge"] | given
    settings.OPERATOR = operator({"edge": entry})
    assert says in executor.validate(EDGE)[0]
    assert "hunter2" not in executor.validate(EDGE)[0]
    assert split.patches == []


def test_validate__in_cluster__wants_no_address_and_no_token(
    split, executor, settings, monkeypatch
):
    entry = dict(settings.OPERATOR.targets["edge"], in_cluster=True)
    del entry["server"], entry["bearer_token"]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    settings.OPERATOR = operator({"edge": entry})
    # Here is no pod with a service account: it says which file is missing.
    assert "`bearer_token_file` cannot be read" in executor.validate(EDGE)[0]


def test_token__in_a_file__is_read_anew_for_each_call(split, executor, settings, tmp_path):
    token = tmp_path / "token"
    token.write_text("old")
    entry = dict(settings.OPERATOR.targets["edge"], bearer_token_file=str(token))
    del entry["bearer_token"]
    settings.OPERATOR = operator({"edge": entry})
    with pytest.raises(ExecutorError, match="HTTP 401"):
        seen(executor)
    token.write_text(f"{TOKEN}\n")
    assert seen(executor) == 0.0


@pytest.mark.parametrize("share", [float("nan"), -0.1, 1.5, True])
def test_apply__no_share__is_refused_and_nothing_sent(any_way, executor, share):
    with pytest.raises(ExecutorError, match="is no share"):
        executor.apply(EDGE, Desired(share), key())
    assert any_way.patches == []


def test_call__takes_no_longer_than_it_may(any_way, executor):
    executor.timeout_s = 0.3
    began = time.monotonic()
    with any_way.lock, pytest.raises(ExecutorError):
        executor.apply(EDGE, Desired(0.25), key())
    assert time.monotonic() - began < 30
