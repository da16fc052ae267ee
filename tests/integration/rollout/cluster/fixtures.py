"""The executor on a target `edge` in the stand-in, and calls as the loop makes them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rollout.executors.base import Desired, Key
from rollout.executors.kubernetes.executor import KubernetesExecutor
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.server import Cluster, cluster

EDGE = {"target": "edge"}
WAYS: dict[str, Callable[[Cluster], dict[str, Any]]] = {
    "replicas": shop.with_deployments,
    "gateway": shop.with_route,
    "argo": shop.with_rollout,
}
# Objects that each way writes to.
WRITTEN = {"replicas": ("stock", "stock-canary"), "gateway": ("stock",), "argo": ("stock",)}


def key(generation: int = 1, rollout: str = "r1") -> Key:
    return Key(1, rollout, "edge", generation)


def seen(executor: KubernetesExecutor, generation: int = 1) -> float:
    return executor.observe(EDGE, key(generation)).share


def reach(
    executor: KubernetesExecutor, share: float, generation: int = 1, rollout: str = "r1"
) -> None:
    """As the loop does: the same call, until it is so."""
    for _ in range(20):
        executor.apply(EDGE, Desired(share), key(generation, rollout))
        found = executor.observe(EDGE, key(generation, rollout))
        if found.share == share and found.generation == generation:
            return
    pytest.fail(f"{share} was not reached: {found}")


@pytest.fixture
def api() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


@pytest.fixture
def executor() -> KubernetesExecutor:
    return KubernetesExecutor()


@pytest.fixture
def split(api, settings) -> Cluster:
    """Ten pods."""
    settings.OPERATOR = operator({"edge": shop.with_deployments(api, pods=10)})
    return api


@pytest.fixture
def routed(api, settings) -> Cluster:
    settings.OPERATOR = operator({"edge": shop.with_route(api)})
    return api


@pytest.fixture
def argo(api, settings) -> Cluster:
    settings.OPERATOR = operator({"edge": shop.with_rollout(api)})
    return api


@pytest.fixture(params=sorted(WAYS))
def any_way(request, api, settings) -> Cluster:
    settings.OPERATOR = operator({"edge": WAYS[request.param](api)})
    api.way = request.param
    return api


def replicas(api: Cluster) -> dict[str, int]:
    return {name: api.named(name)["spec"]["replicas"] for name in ("stock", "stock-canary")}
