import json
from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import token_of


@dataclass
class Caller:
    """A client with a token. Paths are below /api/v1/; bodies are JSON."""

    text: str

    def __post_init__(self) -> None:
        self.client = APIClient(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str):
        named = {"Authorization": f"Bearer {self.text}"} if self.text else {}
        return self.client.generic(
            method,
            f"/api/v1/{path}",
            data=self._encoded(body),
            content_type="application/json" if body is not None else "",
            headers={**named, **{key.replace("_", "-"): value for key, value in headers.items()}},
        )

    @staticmethod
    def _encoded(body: Any) -> bytes:
        return (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )

    def get(self, path: str, **headers: str):
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self("POST", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any):
        return self("PUT", path, body)

    def delete(self, path: str):
        return self("DELETE", path)


@pytest.fixture
def calling(db):
    """calling("operator", "olga") → a caller with that role."""

    def make(role: str, name: str | None = None, scopes=None) -> Caller:
        return Caller(token_of(role, name, scopes))

    return make


@pytest.fixture
def nobody():
    return Caller("")
