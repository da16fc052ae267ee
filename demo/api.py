"""The demo talks to Graygate as anybody else would: over REST, with a token for each role."""

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_S = 15


class ApiError(Exception):
    """Graygate refused; the message is its problem's title and detail."""


@dataclass(frozen=True)
class Api:
    url: str
    tokens: dict[str, str]

    def get(self, path: str, role: str = "viewer") -> Any:
        return self._send("GET", path, role)

    def post(self, path: str, body: Any, role: str) -> Any:
        return self._send("POST", path, role, body)

    def put(self, path: str, body: Any, role: str = "admin") -> Any:
        return self._send("PUT", path, role, body)

    def _send(self, method: str, path: str, role: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.tokens[role]}"},
            timeout=TIMEOUT_S,
        )
        if not answer.ok:
            raise ApiError(f"{method} {path}: {_problem(answer)}")
        return answer.json() if answer.content else None


def _problem(answer: requests.Response) -> str:
    try:
        told = answer.json()
        return f"{answer.status_code} {told.get('title')}: {told.get('detail')} {told}"
    except (ValueError, AttributeError):
        return f"{answer.status_code} {answer.reason}"
