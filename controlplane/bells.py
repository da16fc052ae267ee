"""The bells: which task rings how often, in which queue, and how many may be answered at once.

Every queue is short and forgetful. A ring that nobody heard is worth nothing: the next one is on
its way, and what is due is a row in PostgreSQL.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kombu import Exchange, Queue

# By the worker's clock, set by beat's: hosts whose clocks differ by more hear nothing at all.
STALE_AFTER_S = 30.0
# Waiting rings of one queue. Beat rings no more while so many wait, on every kind of broker.
MOST_WAITING = 20
QUEUES = ("see", "act", "govern", "tidy")


@dataclass(frozen=True)
class Bell:
    name: str
    task: str
    every_s: float
    queue: str
    # In one worker process. One that comes while all are taken is answered with nothing done.
    places: int = 1


BELLS = (
    # A source that answers slowly keeps a place, never the one of another bell.
    Bell("collect", "attribution.collect", 1, "see", places=3),
    Bell("attribute", "attribution.attribute", 1, "see"),
    # Each service about once a minute, many or few of them a ring.
    Bell("versions", "attribution.versions", 10, "see"),
    # So many targets may hang at the same time before this worker serves no other.
    Bell("reconcile", "rollout.reconcile", 1, "act", places=4),
    Bell("audit", "rollout.audit", 5, "act"),
    Bell("changes", "controlplane.changes", 1, "govern"),
    Bell("deliver", "controlplane.deliver", 1, "govern", places=2),
    Bell("alerts", "controlplane.alerts", 1, "govern"),
    Bell("heartbeat", "controlplane.heartbeat", 60, "govern"),
    # Little at a time, so that no worker is kept from the loop for long.
    Bell("prune-samples", "attribution.prune", 3600, "tidy"),
    Bell("prune-news", "rollout.prune", 3600, "tidy"),
    Bell("prune-answers", "controlplane.prune", 3600, "tidy"),
)
BY_TASK = {bell.task: bell for bell in BELLS}
# A thread for every place, and one for rings that find theirs taken: no bell waits for another.
THREADS = sum(bell.places for bell in BELLS) + 1

_places = {bell.task: threading.BoundedSemaphore(bell.places) for bell in BELLS}


def queues() -> list[Queue]:
    """Celery sends to each by its name: a flushed broker loses no binding that would be missed."""
    return [
        Queue(
            name,
            exchange=Exchange("graygate"),
            routing_key=name,
            # RabbitMQ's own bounds. Redis knows none: beat looks before it rings.
            message_ttl=STALE_AFTER_S,
            max_length=10 * MOST_WAITING,
        )
        for name in QUEUES
    ]


@contextmanager
def place(task: str) -> Iterator[bool]:
    """Whether this process has a place left for the task; it is given back at the end."""
    places = _places.get(task)
    free = places is None or places.acquire(blocking=False)
    try:
        yield free
    finally:
        if free and places is not None:
            places.release()
