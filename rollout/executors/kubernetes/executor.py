"""The `kubernetes` executor: a share made of replicas, of an HTTPRoute's weights, or by Argo.

The operator's file says which cluster, which objects, and which of the three ways. An older call
is refused by a mark on the objects (marks.py), so `fencing: target`.
"""

import copy
from collections.abc import Mapping
from typing import Any, Literal, Self

from rollout.executors.answers import is_share
from rollout.executors.base import Desired, ExecutorError, Key, Observed
from rollout.executors.kubernetes import argo, gateway, replicas
from rollout.executors.kubernetes.api import Api
from rollout.executors.kubernetes.target import Target, target_of

OBSERVE = {"replicas": replicas.observe, "gateway": gateway.observe, "argo": argo.observe}
APPLY = {"replicas": replicas.apply, "gateway": gateway.apply, "argo": argo.apply}


class KubernetesExecutor:
    bounded = True
    fencing: Literal["target", "none"] = "target"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 5.0
    grain = 0.0
    exclusive = True

    def on(self, config: Mapping[str, Any]) -> Self:
        """With the grain of this one target."""
        try:
            target = target_of(config)
        except ExecutorError:
            return self
        made = copy.copy(self)
        made.grain = target.grain
        return made

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        unknown = sorted(set(config) - {"target"})
        found = [f"kubernetes takes only `target`, not `{key}`" for key in unknown]
        try:
            target_of(config)
        except ExecutorError as error:
            found.append(str(error))
        return found

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        target = target_of(config)
        if not is_share(desired.share):
            raise ExecutorError(f"{target.name}: {desired.share!r} is no share", permanent=True)
        APPLY[target.way](self._api(target), target, desired, key)

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        target = target_of(config)
        return OBSERVE[target.way](self._api(target), target, key)

    def _api(self, target: Target) -> Api:
        return Api(target.name, target.server, target.access, self.timeout_s)
