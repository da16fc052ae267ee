"""What a CI pipeline does with Graygate: submit, wait, and turn the decision into an exit code.

Speaks REST and nothing else: it needs no database and no Django models.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests

REACHED, USAGE, NEEDS_PEOPLE, REFUSED, TIMED_OUT = 0, 1, 2, 3, 4

ALLOWED = frozenset({"allowed", "scheduled", "running", "completed"})
BY_DECISION = {
    "needs_approval": NEEDS_PEOPLE,
    "halted": NEEDS_PEOPLE,
    "paused": NEEDS_PEOPLE,
    **dict.fromkeys(
        ("rejected", "failed", "canceled", "expired", "rolled_back", "rollback_failed"), REFUSED
    ),
}
LONG_POLL_S = 30
REQUEST_TIMEOUT_S = 10.0
RETRY_EVERY_S = 2.0
# Graygate is there but cannot answer now; 409: the same key is in flight.
AGAIN = frozenset({409, 425, 429, 500, 502, 503, 504})


class UnreachableError(Exception):
    """No answer that tells anything, until the time was up."""


class RefusedError(Exception):
    """An answer that repeating does not change: the request itself is wrong."""


@dataclass
class Client:
    url: str
    token: str
    deadline: float

    def left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def submit(self, body: Any, key: str) -> dict[str, Any]:
        """Safe to repeat: the key makes one change of however many attempts."""
        headers = {"Idempotency-Key": key}
        return self._until_answered("POST", "/api/v1/changes", {}, headers, json.dumps(body))

    def decision(self, change: str, wait_s: float) -> dict[str, Any]:
        at = f"/api/v1/changes/{change}/decision"
        return self._until_answered("GET", at, {"wait": f"{wait_s:.0f}"}, {}, None, wait_s)

    def _until_answered(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: str | None,
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        while True:
            try:
                response = requests.request(
                    method,
                    self.url.rstrip("/") + path,
                    params=dict(query),
                    headers={
                        "Authorization": f"Bearer {self.token}",
                        "Content-Type": "application/json",
                        **headers,
                    },
                    data=body,
                    timeout=REQUEST_TIMEOUT_S + wait_s,
                    allow_redirects=False,
                )
                problem = f"HTTP {response.status_code}"
                if response.status_code not in AGAIN:
                    return answer_of(response)
            except requests.RequestException as error:
                problem = type(error).__name__
            if self.left() <= RETRY_EVERY_S:
                raise UnreachableError(problem)
            time.sleep(RETRY_EVERY_S)


def answer_of(response: requests.Response) -> dict[str, Any]:
    """Raises RefusedError with what the server says is wrong, pointers included."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if isinstance(body, dict) and response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return body
    problem = body if isinstance(body, dict) else {}
    lines = [f"HTTP {response.status_code}: {problem.get('detail') or problem.get('title') or ''}"]
    lines += [f"  {one.get('pointer')}: {one.get('detail')}" for one in problem.get("errors", [])]
    raise RefusedError("\n".join(lines).strip())


def exit_code(decision: str, until: str, *, waiting: bool) -> int | None:
    """None: keep waiting. `waiting` false: the time is up, or nobody asked to wait."""
    if decision == "completed" or (until == "allowed" and decision in ALLOWED):
        return REACHED
    code = BY_DECISION.get(decision)
    if code == REFUSED:
        return REFUSED
    # An approval may come, a halt may end: both are worth waiting for.
    return None if waiting else code or TIMED_OUT


def follow(client: Client, answer: dict[str, Any], until: str, told: Any) -> dict[str, Any]:
    """Poll until the decision is what was waited for, or final, or the time is up. `told` is
    called with each decision that differs from the one before.
    """
    seen = None
    while True:
        if answer["decision"] != seen:
            seen = answer["decision"]
            told(answer)
        if exit_code(answer["decision"], until, waiting=True) is not None or not client.left():
            return answer
        started = time.monotonic()
        answer = client.decision(answer["change"], min(LONG_POLL_S, client.left()))
        # A server that answers at once must not be asked without pause.
        if time.monotonic() - started < 1.0:
            time.sleep(min(1.0, client.left()))
