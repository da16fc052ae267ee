"""A shop in the stand-in: a service with a canary, to be moved each of the three ways."""

from typing import Any

from tests.integration.rollout.cluster.server import TOKEN, Cluster

WEIGHTS = (25, 50, 100)


def with_deployments(made: Cluster, pods: int = 100) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "stock"}}}
    for name, replicas in (("stock", pods), ("stock-canary", 0)):
        made.add("deployments", name, {"replicas": replicas, "template": template})
    objects = {"canary": "stock-canary", "stable": "stock", "replicas": pods}
    return target(made, way="replicas", **objects)


def with_route(made: Cluster) -> dict[str, Any]:
    refs = [{"name": "stock", "port": 80}, {"name": "stock-canary", "port": 80, "weight": 0}]
    rules = [
        {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": refs},
        {"backendRefs": [{"name": "images", "port": 80}]},
    ]
    spec = {"parentRefs": [{"name": "edge"}], "hostnames": ["shop.example"], "rules": rules}
    made.add("httproutes", "stock", spec)
    return target(made, way="gateway", route="stock", canary="stock-canary", stable="stock")


def steps(*weights: int) -> list[dict[str, Any]]:
    """A pause first, and one after each weight."""
    return [{"pause": {}}, *(s for w in weights for s in ({"setWeight": w}, {"pause": {}}))]


def with_rollout(made: Cluster, given: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    canary = {"canaryService": "stock-canary", "stableService": "stock", "trafficRouting": {}}
    canary |= {"trafficRouting": {"nginx": {"stableIngress": "stock"}}}
    canary |= {"steps": steps(*WEIGHTS) if given is None else given}
    spec = {"replicas": 10, "strategy": {"canary": canary}}
    made.add("rollouts", "stock", spec, {"currentPodHash": "new", "stableRS": "old"})
    return target(made, way="argo", rollout="stock")


def target(made: Cluster, **given: Any) -> dict[str, Any]:
    access = {"server": made.url, "namespace": "shop", "bearer_token": TOKEN}
    return {"executor": "kubernetes", **access, **given}
