import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access import Role
from controlplane.environment import OperatorFile
from tests.factories import UserFactory, token_of
from tests.integration.api.conftest import Caller
from tests.integration.fuzzing.operations import Operation, World, world
from tests.integration.fuzzing.watching import (
    Afterwards,
    content,
    logged,
    problem_with,
    undone,
)

# `make fuzz EXAMPLES=…` looks longer and sends every value to every place.
EXAMPLES = int(os.environ.get("GRAYGATE_FUZZ_EXAMPLES", "0"))

WHOLE_EVERY = 12


@dataclass
class Sender:
    """Sends, looks at the answer and at what it left behind, and takes all of it back."""

    api: Caller
    browser: Client
    world: World
    before: dict[str, str]
    taken: int = 0

    def send(self, operation: Operation, body: bytes, **headers: str) -> tuple[int, list[str]]:
        path, _ = self.world.of(operation)
        self.world.walk.offset = timedelta()
        with undone():
            with logged() as lines:
                answer = self._request(operation, path, body, headers)
            if trouble := problem_with(answer, lines):
                return answer.status_code, [trouble]
            if answer.status_code < 400:
                return answer.status_code, self._after(answer, path)
            changed = {name for name, one in content().items() if one != self.before[name]}
            return answer.status_code, [f"refused, and changed {changed}"] if changed else []

    def _request(self, operation: Operation, path: str, body: bytes, headers: Any) -> Any:
        kind = headers.pop("content_type", "application/json")
        named = {"Authorization": f"Bearer {self.api.text}", **operation.headers, **headers}
        return self.api.client.generic(
            operation.method, f"/api/v1/{path}", data=body, content_type=kind, headers=named
        )

    def _after(self, answer: Any, path: str) -> list[str]:
        if content() == self.before:
            return []
        self.taken += 1
        look = Afterwards(self.api, self.browser, self.world.walk)
        where = answer.headers.get("Location", f"/api/v1/{path}").removeprefix("/api/v1/")
        # It takes a second: for every one in the long run, else for one of so many.
        whole = EXAMPLES or self.taken % WHOLE_EVERY == 1
        return look.near(where) + (look.everything() if whole else [])


@pytest.fixture
def sender(db, settings):
    settings.OPERATOR = OperatorFile(allowed_destinations=("http://127.0.0.1:*",))
    found = world()
    browser = Client(raise_request_exception=False)
    browser.force_login(UserFactory(username="web", role=Role.ADMIN))
    return Sender(Caller(token_of("admin", "ann-of-the-api")), browser, found, content())
