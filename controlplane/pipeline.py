"""What a CI pipeline does with Graygate: submit, wait, and turn the decision into an exit code.

Speaks REST and nothing else: it needs no database and no Django models.
"""

import json
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    # How long the server may take on purpose (long poll).
    wait_s: float = 0.0


@dataclass(frozen=True)
class Answer:
    body: dict[str, Any]
    etag: str = ""
    retry_after_s: float = 0.0


@dataclass
class Client:
    """`deadline` in the time of time.monotonic()."""

    url: str
    token: str
    deadline: float

    def left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def submit(self, body: Any, key: str) -> Answer:
        """Safe to repeat: the key makes one change of however many attempts."""
        headers = {"Idempotency-Key": key}
        return self._until_answered(
            Request("POST", "/api/v1/changes", headers, body=json.dumps(body))
        )

    def decision(self, change: str, etag: str) -> Answer:
        """Comes back when the decision differs from the one with this ETag, or after the wait."""
        # Without an ETag there is nothing to differ from: take what is true now.
        wait_s = min(LONG_POLL_S, self.left()) if etag else 0.0
        headers = {"If-None-Match": etag} if etag else {}
        path = f"/api/v1/changes/{change}/decision"
        return self._until_answered(
            Request("GET", path, headers, {"wait": f"{wait_s:.0f}"}, wait_s=wait_s)
        )

    def _until_answered(self, request: Request) -> Answer:
        """Raises UnreachableError when the time is up, RefusedError for a definite no."""
        while True:
            try:
                response = self._send(request)
                problem = f"HTTP {response.status_code}"
                if response.status_code not in AGAIN:
                    return answer_of(response)
            except requests.RequestException as error:
                problem = type(error).__name__
            if self.left() <= RETRY_EVERY_S:
                raise UnreachableError(problem)
            time.sleep(RETRY_EVERY_S)

    def _send(self, request: Request) -> requests.Response:
        own = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return requests.request(
            request.method,
            self.url.rstrip("/") + request.path,
            params=dict(request.query),
            headers={**own, **request.headers},
            data=request.body,
            timeout=REQUEST_TIMEOUT_S + request.wait_s,
            allow_redirects=False,
        )


def answer_of(response: requests.Response) -> Answer:
    """Raises RefusedError with what the server says is wrong, pointers included."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        pause = response.headers.get("Retry-After", "")
        etag = response.headers.get("ETag", "")
        return Answer(body, etag, float(pause) if pause.isdigit() else 0.0)
    problem = body if isinstance(body, dict) else {}
    lines = [f"HTTP {response.status_code}: {problem.get('detail') or problem.get('title') or ''}"]
    lines += [f"  {one.get('pointer')}: {one.get('detail')}" for one in problem.get("errors", [])]
    raise RefusedError("\n".join(lines).strip())


def printable(value: Any) -> Any:
    """Texts on one line and without control characters: a terminal obeys these, and a CI system
    takes a line of its own that begins with `::` for an order.
    """
    if isinstance(value, str):
        line = " ".join(value.split())
        return "".join(one for one in line if unicodedata.category(one) != "Cc")
    if isinstance(value, Mapping):
        return {key: printable(inner) for key, inner in value.items()}
    return [printable(inner) for inner in value] if isinstance(value, list | tuple) else value


def exit_code(decision: str, until: str, *, waiting: bool) -> int | None:
    """None: keep waiting. `waiting` false: the time is up, or nobody asked to wait."""
    if decision == "completed" or (until == "allowed" and decision in ALLOWED):
        return REACHED
    code = BY_DECISION.get(decision)
    if code == REFUSED:
        return REFUSED
    # An approval may come, a halt may end: both are worth waiting for.
    return None if waiting else code or TIMED_OUT


def follow(
    client: Client, answer: Answer, until: str, told: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Poll until the decision is what was waited for, or final, or the time is up. `told` is
    called with each decision that differs from the one before.
    """
    seen = None
    while True:
        if answer.body["decision"] != seen:
            seen = answer.body["decision"]
            told(answer.body)
        reached = exit_code(answer.body["decision"], until, waiting=True) is not None
        if reached or not client.left():
            return answer.body
        started = time.monotonic()
        answer = client.decision(answer.body["change"], answer.etag)
        # A server without a free place to wait answers at once; it is not to be asked in a loop.
        pause = max(answer.retry_after_s, 1.0 - (time.monotonic() - started))
        time.sleep(max(0.0, min(pause, client.left())))
