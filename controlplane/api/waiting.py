"""The long poll: wait until a change's decision is another one, cheaply."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from controlplane.decision import FINAL, decision_of
from controlplane.models import Change
from rollout.models import Hold, Rollout

LONGEST_S = 30.0
LOOK_EVERY_S = 0.5
# Each waiting request keeps a thread of the web server: some must stay free for everyone else.
SLOTS = threading.BoundedSemaphore(4)


def etag_of(decision: dict[str, Any]) -> str:
    canonical = json.dumps(decision, sort_keys=True, default=str)
    return f'"{hashlib.sha256(canonical.encode()).hexdigest()[:20]}"'


def wait_for_decision(
    change_id: uuid.UUID, known: str | None, seconds: float
) -> tuple[dict[str, Any], bool]:
    """The decision once its ETag differs from `known` (None: from what it is now), once it is
    settled, or after `seconds`. The second value: there was no slot to wait in.
    Raises Change.DoesNotExist.
    """
    deadline = time.monotonic() + min(seconds, LONGEST_S)
    seen = _version(change_id)
    decision = decision_of(Change.objects.get(pk=change_id))
    if _answers(decision, known or etag_of(decision)) or seconds <= 0:
        return decision, False
    known = known or etag_of(decision)
    with _slot() as free:
        while free and time.monotonic() < deadline:
            _rest(min(LOOK_EVERY_S, max(0.0, deadline - time.monotonic())))
            if (version := _version(change_id)) == seen:
                continue
            seen = version
            decision = decision_of(Change.objects.get(pk=change_id))
            if _answers(decision, known):
                break
    return decision, not free


def _answers(decision: dict[str, Any], known: str) -> bool:
    return decision["decision"] in FINAL or etag_of(decision) != known


def _version(change_id: uuid.UUID) -> tuple[Any, ...]:
    """What changes whenever the decision may have: one small read."""
    change = Change.objects.values_list("state", "updated_at", "rollout_id").get(pk=change_id)
    if change[2] is None:
        return change
    rollout = Rollout.every.filter(pk=change[2]).values_list("phase", "version").first()
    holds = Hold.objects.filter(rollout_id=change[2], released_at=None).order_by("kind")
    return *change, rollout, tuple(holds.values_list("kind", flat=True))


def _rest(seconds: float) -> None:
    """Sleep without a database connection: a hundred waiting pipelines must not take them all."""
    if not connection.in_atomic_block:
        connection.close()
    time.sleep(seconds)


@contextmanager
def _slot() -> Iterator[bool]:
    free = SLOTS.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            SLOTS.release()
