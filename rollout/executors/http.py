"""The `http` executor: a signed webhook that declares the desired exposure.

PUT <url of the target in the operator's file>, Standard Webhooks headers, body:
    {"target", "rollout", "key", "generation", "exposure", "units", "version"}
GET <url>?rollout=<id>, signed likewise, answers the same shape as it stands; without `rollout`
it answers {"rollouts": [ids]}, those with exposure. The receiver must
refuse a generation below the newest it has seen for that rollout with 409 (fencing: target) and
answer a repeated one as before (repeat: safe). Redirects are never followed: an address that the
operator did not list is never called.
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from django.conf import settings

from attribution.bounded_http import ExchangeError, exchange
from rollout import signing
from rollout.executors.base import Desired, ExecutorError, Key, Observed

CONFLICT = 409
GOOD = range(200, 300)


class HttpExecutor:
    bounded = True
    fencing: Literal["target", "none"] = "target"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 5.0
    grain = 0.0
    exclusive = False

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        name = config.get("target")
        unknown = sorted(set(config) - {"target"})
        problems = [f"http takes only `target`, not `{key}`" for key in unknown]
        if not isinstance(name, str) or _target(name) is None:
            problems.append(f"no target {name!r} in the operator's file")
        return problems

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        body = {
            "target": key.target,
            "rollout": key.rollout,
            "key": str(key),
            "generation": key.generation,
            "exposure": desired.share,
            "units": list(desired.units),
            "version": desired.version,
        }
        self._call("PUT", config, str(key), json.dumps(body).encode())

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        params = {"rollout": key.rollout}
        answer = self._call("GET", config, str(uuid.uuid4()), params=params)
        try:
            return Observed(
                float(answer["exposure"]), tuple(answer["units"]), int(answer["generation"])
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ExecutorError(f"{key.target}: the answer has no exposure to read") from error

    def rollouts(self, config: Mapping[str, Any]) -> list[str]:
        """Which rollouts the target serves now: for the hour without a database."""
        answer = self._call("GET", config, str(uuid.uuid4()))
        return [str(one) for one in answer.get("rollouts", ())]

    def _call(
        self,
        method: str,
        config: Mapping[str, Any],
        message_id: str,
        body: bytes = b"",
        params: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        name = config.get("target", "")
        target = _target(name)
        if target is None:
            raise ExecutorError(f"no target {name!r} in the operator's file", permanent=True)
        headers = signing.sign(target["secret"], message_id, int(time.time()), body)
        try:
            status, content = exchange(
                method,
                target["url"],
                timeout_s=self.timeout_s,
                headers={**headers, "content-type": "application/json"},
                body=body,
                params=params,
            )
        except ExchangeError as error:
            raise ExecutorError(f"{name}: {error}") from error
        if status == CONFLICT:
            raise ExecutorError(f"{name}: refused, a newer call was seen", permanent=True)
        if status not in GOOD:
            raise ExecutorError(f"{name}: HTTP {status}")
        try:
            answer = json.loads(content)
        except ValueError as error:
            raise ExecutorError(f"{name}: the answer is not JSON") from error
        if not isinstance(answer, dict):
            raise ExecutorError(f"{name}: the answer is not an object")
        return answer


def _target(name: str) -> dict[str, Any] | None:
    """None: the operator's file has none of that name, or one of another executor."""
    target: dict[str, Any] | None = settings.OPERATOR.targets.get(name)
    return None if target is None or target.get("executor", "http") != "http" else target
