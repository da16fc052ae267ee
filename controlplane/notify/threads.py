"""Each endpoint on a thread of its own: a dead one delays no other."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait

from django.db import connection

log = logging.getLogger(__name__)


def each_on_a_thread(
    pool: ThreadPoolExecutor, work: Callable[[str], None], names: Iterable[str], patience_s: float
) -> None:
    """Waits `patience_s` at most, then leaves the threads to themselves."""
    wait([pool.submit(_run, work, name) for name in names], timeout=patience_s)


def _run(work: Callable[[str], None], name: str) -> None:
    try:
        work(name)
    except Exception:
        log.exception("what is due for %s stopped; it is tried again", name)
    finally:
        connection.close()
