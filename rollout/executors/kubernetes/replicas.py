"""Way `replicas`: two Deployments behind one Service, and how the pods are split between them.

Of `replicas` pods the canary gets the share, rounded down, and at least one. What is observed is
the canary's ready pods ÷ all ready pods: the Service sends each of them as much.

The stable side gives pods up only as the canary has them ready, so that growth costs no capacity.
Going down is more urgent than capacity: there the canary gives up at once what leaves `keep`
ready pods in all, and the rest as stable pods become ready.
"""

from rollout.executors.base import Desired, ExecutorError, Key, Observed
from rollout.executors.kubernetes.api import Api, Object, change, count, generation_of
from rollout.executors.kubernetes.target import Target

# Absorbs 0.29 × 100 = 28.999…
ROUNDING = 1e-9


def observe(api: Api, target: Target, key: Key) -> Observed:
    canary, stable = api.get(_path(target, target.canary)), api.get(_path(target, target.stable))
    exposed, rest = exposed_pods(canary), ready(stable)
    generation = min(generation_of(api, each, key) for each in (canary, stable))
    return Observed(exposed / (exposed + rest) if exposed else 0.0, generation=generation)


def apply(api: Api, target: Target, desired: Desired, key: Key) -> None:
    wanted = pods_for(desired.share, target.replicas)
    canary = _path(target, target.canary)
    if wanted < count(api.get(canary)["spec"], "replicas", 1):
        _shrink(api, target, key, wanted)
    else:
        change(api, canary, key, lambda _: {"replicas": wanted})
        _yield_to(api, target, key, wanted)


def _shrink(api: Api, target: Target, key: Key, wanted: int) -> None:
    """The stable side first; that it fails is told only once the canary is down."""
    there, failed = _raised(api, target, key, target.replicas - wanted)

    def lowered(canary: Object) -> Object:
        # Marked in any case: from now on no older call raises it.
        now = count(canary["spec"], "replicas", 1)
        return {"replicas": max(wanted, min(now, target.keep - there))}

    change(api, _path(target, target.canary), key, lowered)
    if failed is not None:
        raise failed


def _raised(api: Api, target: Target, key: Key, rest: int) -> tuple[int, ExecutorError | None]:
    """How many stable pods are ready, none if nobody knows; and what went wrong."""
    path = _path(target, target.stable)
    failed = None
    try:
        change(api, path, key, lambda _: {"replicas": rest})
    except ExecutorError as error:
        failed = error
    try:
        return ready(api.get(path)), failed
    except ExecutorError as error:
        return 0, failed or error


def _yield_to(api: Api, target: Target, key: Key, wanted: int) -> None:
    here = ready(api.get(_path(target, target.canary)))

    def lowered(stable: Object) -> Object:
        now = count(stable["spec"], "replicas", 1)
        return {"replicas": max(target.replicas - wanted, min(now, target.replicas - here))}

    change(api, _path(target, target.stable), key, lowered)


def pods_for(share: float, replicas: int) -> int:
    return max(1, int(share * replicas + ROUNDING)) if share > 0 else 0


def ready(deployment: Object) -> int:
    return count(deployment.get("status", {}), "readyReplicas")


def exposed_pods(canary: Object) -> int:
    """Ready ones. Once none is wanted: all that are left, for they may become ready yet; and one
    as long as the controller has not seen that none is wanted.
    """
    status = canary.get("status", {})
    if count(canary["spec"], "replicas", 1) > 0:
        return ready(canary)
    unseen = count(status, "observedGeneration") < count(canary["metadata"], "generation")
    return max(ready(canary), count(status, "replicas"), int(unseen))


def _path(target: Target, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{target.namespace}/deployments/{name}"
