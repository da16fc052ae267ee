"""The `http` executor: a signed webhook that declares the desired exposure.

PUT <url of the target in the operator's file>, Standard Webhooks headers, body:
    {"target", "rollout", "key", "generation", "exposure", "units", "version"}
GET <url>?rollout=<id>, signed likewise, answers the same shape as it stands. The receiver must
refuse a generation below the newest it has seen for that rollout with 409 (fencing: target) and
answer a repeated one as before (repeat: safe). Redirects are never followed: an address that the
operator did not list is never called.
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import requests
from django.conf import settings

from rollout import signing
from rollout.executors.base import Desired, ExecutorError, Key, Observed

MAX_ANSWER_BYTES = 1_000_000
CONFLICT = 409


class HttpExecutor:
    fencing: Literal["target", "none"] = "target"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 5.0

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        name = config.get("target")
        unknown = sorted(set(config) - {"target"})
        problems = [f"http takes only `target`, not `{key}`" for key in unknown]
        if name not in settings.OPERATOR.targets:
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
        self._call("PUT", config, key, json.dumps(body).encode())

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        answer = self._call("GET", config, key, b"")
        try:
            return Observed(
                float(answer["exposure"]), tuple(answer["units"]), int(answer["generation"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ExecutorError(f"{key.target}: the answer has no exposure to read") from error

    def _call(self, method: str, config: Mapping[str, Any], key: Key, body: bytes) -> Any:
        target = settings.OPERATOR.targets.get(config.get("target", ""))
        if target is None:
            raise ExecutorError(f"no target {config.get('target')!r} in the operator's file")
        message_id = f"{key}" if method == "PUT" else str(uuid.uuid4())
        headers = signing.sign(target["secret"], message_id, int(time.time()), body)
        try:
            with requests.request(
                method,
                target["url"],
                params={"rollout": key.rollout} if method == "GET" else None,
                data=body,
                headers={**headers, "content-type": "application/json"},
                timeout=self.timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
        except requests.RequestException as error:
            # The exception's text may hold the address with credentials: its kind is enough.
            raise ExecutorError(f"{key.target}: {type(error).__name__}") from error
        if response.status_code == CONFLICT:
            raise ExecutorError(f"{key.target}: refused, a newer call was seen", permanent=True)
        if not response.ok or response.is_redirect:
            raise ExecutorError(f"{key.target}: HTTP {response.status_code}")
        try:
            return json.loads(content)
        except ValueError as error:
            raise ExecutorError(f"{key.target}: the answer is not JSON") from error
