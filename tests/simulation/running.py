"""Many schedules one after the other, in a database of their own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.test.utils import override_settings

from controlplane.notify.base import notifier
from rollout.executors.base import executor
from tests.simulation import rows
from tests.simulation.actors import Troupe
from tests.simulation.oncall import ENDPOINT, NOTIFIERS
from tests.simulation.schedule import CAST, Schedule
from tests.simulation.targets import EXECUTORS


@contextmanager
def stage() -> Iterator[Troupe]:
    """The caller gives a database whose rows may be deleted."""
    known = {
        "GRAYGATE_EXECUTORS": settings.GRAYGATE_EXECUTORS | EXECUTORS,
        "GRAYGATE_NOTIFIERS": settings.GRAYGATE_NOTIFIERS | NOTIFIERS,
        "OPERATOR": replace(settings.OPERATOR, webhooks=[ENDPOINT]),
    }
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with override_settings(**known), Troupe(CAST) as troupe:
            rows.use_connection()
            yield troupe
    finally:
        executor.cache_clear()
        notifier.cache_clear()
        logging.disable(before)


def run(seed: int | str, steps: int, troupe: Troupe, favoured: tuple[str, ...] = ()) -> Schedule:
    schedule = Schedule(seed, troupe, favoured)
    schedule.run(steps)
    return schedule
