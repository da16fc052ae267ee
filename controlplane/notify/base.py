"""What a notifier is, and where the endpoints come from: the operator's file and nowhere else."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, runtime_checkable

from django.conf import settings
from django.utils.module_loading import import_string

Endpoint = Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """`error` empty: delivered. `gone`: the receiver wants no more, ever (410)."""

    error: str = ""
    gone: bool = False
    # Seconds the receiver asks us to wait.
    retry_after_s: float | None = None
    # Something in what was sent is not taken; alone, the rest of it would be.
    refused: bool = False


class Notifier(Protocol):
    """`send` returns within `timeout_s` or so and raises nothing."""

    timeout_s: float

    def send(self, endpoint: Endpoint, message_id: str, body: bytes, timestamp: int) -> Sent: ...


@runtime_checkable
class Keeper(Notifier, Protocol):
    """A notifier of what is wrong now: `send` notes the message in standing.py, and `post` shows
    all alerts of the endpoint that are due, within `timeout_s` or so; it raises nothing.
    """

    def post(self, endpoint: Endpoint, alerts: Sequence[dict[str, Any]]) -> Sent: ...


@cache
def notifier(name: str) -> Notifier:
    known = settings.GRAYGATE_NOTIFIERS
    if name not in known:
        raise LookupError(f"no notifier {name!r}; registered are {', '.join(sorted(known))}")
    found: Notifier = import_string(known[name])()
    return found


def endpoints() -> dict[str, Endpoint]:
    return {str(one["name"]): one for one in settings.OPERATOR.webhooks if "name" in one}


def keeper(endpoint: Endpoint) -> Keeper | None:
    """Of an endpoint that shows what is wrong now; None: it is told messages."""
    try:
        found = notifier(str(endpoint.get("notifier", "webhook")))
    except (LookupError, ImportError):
        return None  # each attempt at a delivery says so
    return found if isinstance(found, Keeper) else None


def address_mark(endpoint: Endpoint) -> str:
    """Tells one address from another without showing it: it may hold a token."""
    return hashlib.sha256(str(endpoint.get("url")).encode()).hexdigest()[:12]
