"""The `haproxy` executor: weights of a backend's servers, set and read over the runtime API.

The operator's file says where a target is, which backend it is, and which of its servers carry the
new version; every other server of the backend is stable. HAProxy knows one share and no rollouts
(`exclusive`), and takes whatever call comes last (`fencing: none`). What is reached is the largest
share ≤ the desired one that whole weights allow; zero is weight 0 on every canary server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings

from rollout.executors.base import Desired, ExecutorError, Key, Observed
from rollout.executors.haproxy_runtime import (
    NAME,
    NO_ADDRESS,
    RuntimeApi,
    RuntimeApiError,
    ServerState,
    endpoint,
)
from rollout.executors.weights import (
    GRAIN,
    NoCanaryError,
    Server,
    orders,
    share_shown,
    weights_for,
)

FIELDS = frozenset({"executor", "address", "backend", "canary"})


@dataclass(frozen=True)
class Pool:
    """One backend of one HAProxy."""

    target: str
    address: str
    backend: str
    canary: tuple[str, ...]


class HaproxyExecutor:
    bounded = True
    fencing: Literal["target", "none"] = "none"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 5.0
    grain = GRAIN
    exclusive = True

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        unknown = sorted(set(config) - {"target"})
        problems = [f"haproxy takes only `target`, not `{key}`" for key in unknown]
        try:
            pool_of(config)
        except ExecutorError as error:
            problems.append(str(error))
        return problems

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        """Computed from the servers as they are now. What lowers exposure is sent first, and
        nothing that raises it unless all of that was taken.
        """
        del key
        pool = pool_of(config)
        api = RuntimeApi(pool.address, self.timeout_s)
        try:
            canary, stable = sides(pool, api.servers(pool.backend))
            new = weights_for(canary, stable, desired.share)
            for part in orders(canary, stable, new):
                api.set_weights(pool.backend, part)
        except NoCanaryError as error:
            message = f"{pool.target}: every canary server is in maintenance"
            raise ExecutorError(message) from error
        except RuntimeApiError as error:
            raise ExecutorError(f"{pool.target}: {error}", permanent=error.refused) from error

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        del key
        pool = pool_of(config)
        try:
            states = RuntimeApi(pool.address, self.timeout_s).servers(pool.backend)
        except RuntimeApiError as error:
            raise ExecutorError(f"{pool.target}: {error}", permanent=error.refused) from error
        return Observed(share_shown(*sides(pool, states)))


def pool_of(config: Mapping[str, Any]) -> Pool:
    name = config.get("target")
    entry = settings.OPERATOR.targets.get(name) if isinstance(name, str) else None
    if entry is None or entry.get("executor") != "haproxy":
        raise ExecutorError(f"no haproxy target {name!r} in the operator's file", permanent=True)
    if wrong := problems(entry):
        raise ExecutorError(f"target {name!r}: {'; '.join(wrong)}", permanent=True)
    return Pool(str(name), entry["address"], entry["backend"], tuple(entry["canary"]))


def problems(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with a target of the operator's file; never repeats its address."""
    found = [f"haproxy knows no `{field}`" for field in sorted(set(entry) - FIELDS)]
    if not _is_address(entry.get("address")):
        found.append(NO_ADDRESS)
    if not _is_name(entry.get("backend")):
        found.append("`backend` is not the name of a backend")
    canary = entry.get("canary")
    if not isinstance(canary, list) or not canary or not all(map(_is_name, canary)):
        found.append("`canary` is not a list of names of servers")
    elif len(set(canary)) != len(canary):
        found.append("`canary` names a server twice")
    return found


def _is_address(address: object) -> bool:
    if not isinstance(address, str):
        return False
    try:
        return address.startswith("/") or bool(endpoint(address))
    except ValueError:
        return False


def _is_name(name: object) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def sides(pool: Pool, states: list[ServerState]) -> tuple[list[Server], list[Server]]:
    """Canary and stable servers of the backend, and which of them count."""
    if missing := sorted(set(pool.canary) - {state.name for state in states}):
        message = f"{pool.target}: backend {pool.backend} has no server {', '.join(missing)}"
        raise ExecutorError(message, permanent=True)
    canary = [_server(s, counts=not s.maintenance) for s in states if s.name in pool.canary]
    # A backup takes requests only when every other server is down: it takes nothing off the canary.
    rest = [s for s in states if s.name not in pool.canary and not s.backup]
    if not rest:
        message = f"{pool.target}: backend {pool.backend} has no stable server beside the canary"
        raise ExecutorError(message, permanent=True)
    return canary, [_server(s, counts=s.serving) for s in rest]


def _server(state: ServerState, *, counts: bool) -> Server:
    return Server(state.name, state.weight, state.initial, counts)
