"""One clock, turned by the schedule, and random names that repeat with the seed.

Everything in the product asks `attribution.clock.database_now`; here each name bound to it answers
the schedule's time instead. Nothing sleeps.
"""

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

from attribution import clock as product_clock

BEGIN = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def shown(self) -> str:
        return f"{(self.now - BEGIN).total_seconds():+.1f}s"


class SeededNames:
    """Stands in for the module `os` within `uuid`: ids come from the seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def urandom(self, count: int) -> bytes:
        return self.rng.randbytes(count)


@contextmanager
def virtual(clock: Clock, names: Random) -> Iterator[None]:
    real = product_clock.database_now
    bound = [
        (module, name)
        for module in list(sys.modules.values())
        if (getattr(module, "__name__", "") or "").startswith(
            ("attribution", "rollout", "controlpl")
        )
        for name, value in list(vars(module).items())
        if value is real
    ]
    for module, name in bound:
        setattr(module, name, clock)
    uuid.os = SeededNames(names)
    try:
        yield
    finally:
        uuid.os = os
        for module, name in bound:
            setattr(module, name, real)
