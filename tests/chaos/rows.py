"""The rows of Graygate, read by a process that no fault strikes: it asks until it is answered."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DatabaseError, connection

from controlplane.models import Change
from rollout.models import Delivery, OutboxMessage, Rollout
from tests.chaos.ledger_says import Entry

T = TypeVar("T")
PATIENCE_S = 120.0


def patiently(read: Callable[[], T]) -> T:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return read()
        except DatabaseError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def change_of(title: str) -> Change | None:
    return patiently(lambda: Change.objects.filter(title=title).first())


def count_of(title: str) -> int:
    return patiently(lambda: Change.objects.filter(title=title).count())


def rollout_of(title: str) -> Rollout | None:
    change = change_of(title)
    if change is None or change.rollout_id is None:
        return None
    return patiently(lambda: Rollout.every.filter(pk=change.rollout_id).first())


def entries_of(rollout: Rollout) -> list[Entry]:
    fields = ("sequence", "at", "decision", "actor", "inputs")
    found = rollout.decisions.order_by("sequence")
    return patiently(lambda: [Entry(*row) for row in found.values_list(*fields)])


def open_holds(rollout: Rollout) -> list[tuple[str, float]]:
    """(kind, how long it stands in seconds), the oldest first."""

    def read() -> list[tuple[str, float]]:
        held = rollout.holds.filter(released_at=None).order_by("since")
        return [(one.kind, time.time() - one.since.timestamp()) for one in held]

    return patiently(read)


def told(rollout: Rollout, *types: str) -> bool:
    of = OutboxMessage.objects.filter(change_id=rollout.change_id, type__in=types)
    return patiently(of.exists)


@dataclass(frozen=True)
class Message:
    id: str
    type: str
    dispatched: bool
    # None: no delivery at all.
    delivery: dict[str, Any] | None


def messages(after: set[str]) -> list[Message]:
    """Those that are not among the known ones, with what became of their delivery."""

    def read() -> list[Message]:
        new = OutboxMessage.objects.exclude(pk__in=after)
        rows = Delivery.objects.filter(message__in=new).values()
        by_message = {str(row["message_id"]): row for row in rows}
        return [
            Message(str(m.pk), m.type, m.dispatched_at is not None, by_message.get(str(m.pk)))
            for m in new
        ]

    return patiently(read)
