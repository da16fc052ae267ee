"""Way `replicas`: pods take their time, and capacity is kept."""

import pytest

from rollout.executors.base import Desired, ExecutorError
from tests.integration.rollout.cluster.fixtures import (
    EDGE,
    api,
    executor,
    key,
    reach,
    replicas,
    seen,
    split,
)

__all__ = ["api", "executor", "split"]


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


@pytest.mark.parametrize("told", [-1, 2.0, "2", True, 10**30, [2]])
@pytest.mark.parametrize("name", ["stock", "stock-canary"])
def test_replicas__api_answers_what_is_no_count_of_pods__is_an_error_and_never_zero(
    split, executor, told, name
):
    reach(executor, 0.2)
    split.controllers_run = False
    split.named(name)["status"]["readyReplicas"] = told
    with pytest.raises(ExecutorError, match="readyReplicas"):
        seen(executor)
