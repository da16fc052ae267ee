"""Way `gateway`: the weights of two Services in the rules of a Gateway API HTTPRoute.

Every rule that names the canary Service has to name the stable one beside it and no third; all of
them get the same weights. What is observed is what the route says, once a gateway has accepted
this very generation of it; before that nobody knows what is in force, and that is an error.
"""

import copy
from typing import Any

from rollout.executors.base import Desired, Key, Observed
from rollout.executors.kubernetes.api import Api, Object, change, count, generation_of
from rollout.executors.kubernetes.target import WHOLE, Target

ROUNDING = 1e-9


def observe(api: Api, target: Target, key: Key) -> Observed:
    route = api.get(_path(target))
    shares = [share_of(target, refs) for refs in split_rules(api, target, route)]
    if problem := not_in_force(route):
        raise api.error(f"HTTPRoute {target.route} {problem}")
    return Observed(max(shares), generation=generation_of(api, route, key))


def apply(api: Api, target: Target, desired: Desired, key: Key) -> None:
    canary = weight_for(desired.share)
    weights = {target.canary: canary, target.stable: WHOLE - canary}

    def weighted(route: Object) -> Object:
        # A merge patch replaces a list whole: nothing of the rules may be lost.
        made = copy.deepcopy(route)
        for refs in split_rules(api, target, made):
            for ref in refs:
                ref["weight"] = weights[ref["name"]]
        return {"rules": made["spec"]["rules"]}

    change(api, _path(target), key, weighted)


def weight_for(share: float) -> int:
    return max(1, int(share * WHOLE + ROUNDING)) if share > 0 else 0


def split_rules(api: Api, target: Target, route: Object) -> list[list[dict[str, Any]]]:
    """The backendRefs of each rule that is split. Raises ExecutorError for one that cannot be."""
    found = []
    for index, rule in enumerate(route["spec"].get("rules") or []):
        refs = rule.get("backendRefs") or []
        names = [ref.get("name") for ref in refs]
        if target.canary not in names:
            continue
        if sorted(map(str, names)) != sorted((target.canary, target.stable)):
            message = f"rule {index} has to name {target.canary} and {target.stable}, nothing else"
            raise api.error(f"HTTPRoute {target.route}: {message}", permanent=True)
        found.append(refs)
    if not found:
        message = f"HTTPRoute {target.route} has no rule that names {target.canary}"
        raise api.error(message, permanent=True)
    return found


def share_of(target: Target, refs: list[dict[str, Any]]) -> float:
    # The API's default for a weight is 1.
    weights = {ref["name"]: count(ref, "weight", 1) for ref in refs}
    total = sum(weights.values())
    return weights[target.canary] / total if total else 0.0


def not_in_force(route: Object) -> str:
    """Why what the route says need not be so, or nothing. Every gateway that has it counts."""
    parents = route.get("status", {}).get("parents") or []
    if not parents:
        return "has not been accepted by any gateway"
    for parent in parents:
        conditions = {c.get("type"): c for c in parent.get("conditions") or []}
        for wanted in ("Accepted", "ResolvedRefs"):
            one = conditions.get(wanted, {})
            if count(one, "observedGeneration") < count(route["metadata"], "generation"):
                return "has not been looked at by its gateway since it was changed"
            if one.get("status") != "True":
                return f"is not {wanted}: {str(one.get('reason', ''))[:100]}"
    return ""


def _path(target: Target) -> str:
    base = f"/apis/gateway.networking.k8s.io/v1/namespaces/{target.namespace}"
    return f"{base}/httproutes/{target.route}"
