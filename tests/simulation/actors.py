"""Threads of which exactly one runs: each has its own database connection, and waits at every
named point until the schedule hands it the baton again.

Locks are PostgreSQL's own. An actor that waits for one which a parked actor holds is `blocked`: the
schedule goes on with the others, and the actor stops again as soon as the lock was granted, so that
the order is the seed's and never the machine's.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

CHANGES = ("INSERT", "UPDATE", "DELETE")
# Only how often the server is asked whether somebody waits for a lock; it decides nothing.
ASK_AFTER_S = 0.012
LONGEST_PATIENCE_S = 0.2
SETUP = "SET synchronous_commit = off; SET deadlock_timeout = '20ms'; SET jit = off"

END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class DiedError(BaseException):
    """Like SIGKILL: no `except Exception` sees it, and no transaction commits."""


class Actor:
    def __init__(self, troupe: "Troupe", name: str) -> None:
        self.troupe, self.name = troupe, name
        self.go = threading.Semaphore(0)
        self.mutex = threading.Lock()
        self.job: Callable[[], Any] | None = None
        self.what = ""
        self.at = "idle"
        self.dies = False
        self.ended = False
        self.in_statement = self.blocked = False
        # Statements within a transaction until it stops once; negative: never.
        self.stop_in = -1
        self.error: BaseException | None = None
        self.pid = 0
        self.thread = threading.Thread(target=self._live, name=name, daemon=True)
        self.thread.start()

    @property
    def idle(self) -> bool:
        return self.job is None

    def _live(self) -> None:
        self.troupe.here.actor = self
        while True:
            self.go.acquire()
            if self.ended:
                connection.close()
                return
            self._work()
            self.job, self.at = None, "idle"
            self.troupe.baton.release()

    def _work(self) -> None:
        self.error = None
        try:
            self._connect()
            self.job()
        except DiedError as death:
            self.error = death
        except Exception as error:  # noqa: BLE001 - as Celery does: the task failed
            self.error = error
        self.dies, self.stop_in = False, -1
        # A broken connection is not used for the next task.
        if self.error is not None and connection.connection and not connection.is_usable():
            connection.close()

    def _connect(self) -> None:
        if connection.connection is None:
            connection.ensure_connection()
            connection.connection.execute(SETUP)
        if self._watched not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._watched)

    # --- in the actor's thread ---------------------------------------------------------------

    def park(self, point: str) -> None:
        self.at = point
        self.troupe.baton.release()
        self._wait()

    def _wait(self) -> None:
        self.go.acquire()
        if self.dies:
            raise DiedError(self.name)

    def _watched(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,  # noqa: FBT001 - Django's signature
        context: Any,
    ) -> Any:
        if connection.in_atomic_block and self.stop_in >= 0:
            self.stop_in -= 1
            if self.stop_in < 0:
                self.park("in_transaction")
        # One that was lost in the middle of a task is made again within it.
        connection.ensure_connection()
        self.pid = connection.connection.info.backend_pid
        with self.statement():
            found = execute(sql, params, many, context)
        if not connection.in_atomic_block and sql.startswith(CHANGES):
            self.troupe.committed(self)
        return found

    @contextmanager
    def statement(self) -> Iterator[None]:
        """What may wait for a lock. Whoever had to waits for the baton as well."""
        self.in_statement = True
        try:
            yield
        finally:
            with self.mutex:
                self.in_statement = False
                waits = self.blocked
            if waits:
                self.at, self.blocked = "lock_granted", False
                self._wait()


class Troupe:
    """All actors of a process. `committed` is called after each commit, by whoever committed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.baton = threading.Semaphore(0)
        self.here = threading.local()
        self.committed: Callable[[Actor], None] = lambda _actor: None
        self.actors = {name: Actor(self, name) for name in names}
        self._commit = BaseDatabaseWrapper.commit

    def __enter__(self) -> Self:
        real, here = self._commit, self.here

        def commit(wrapper: BaseDatabaseWrapper) -> None:
            actor = getattr(here, "actor", None)
            if actor is None:
                real(wrapper)
                return
            # Foreign keys are looked at now: who waits for one has not yet committed. Else it would
            # be done as soon as another has committed, and be taken for a part of that.
            with actor.statement(), wrapper.wrap_database_errors:
                wrapper.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with actor.statement():
                real(wrapper)
            self.committed(actor)

        BaseDatabaseWrapper.commit = commit
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        BaseDatabaseWrapper.commit = self._commit
        if kind is not None:
            # Told to stop in the middle of a step: whoever runs may wait for somebody for
            # ever, and this connection may be in the middle of a query.
            connection.close()
            connection.cursor().execute(END_OTHERS)
            return
        self.clear()
        for actor in self.actors.values():
            actor.ended = True
            actor.go.release()
            actor.thread.join(10)

    @property
    def me(self) -> Actor:
        return self.here.actor

    def begin(self, actor: Actor, what: str, job: Callable[[], Any]) -> None:
        actor.job, actor.what, actor.at = job, what, "begin"

    def step(self, actor: Actor) -> None:
        """Until it stops at its next point, ends, or waits for a lock."""
        actor.go.release()
        patience = ASK_AFTER_S
        while not self.baton.acquire(timeout=patience):
            # A machine that is busy with others is not asked all the time.
            patience = min(patience * 2, LONGEST_PATIENCE_S)
            with actor.mutex:
                if actor.in_statement and self.waits_for_lock(actor):
                    actor.blocked, actor.at = True, "blocked"
                    break
        self._look_after_blocked()

    def _look_after_blocked(self) -> None:
        for actor in self.actors.values():
            while actor.blocked:
                with actor.mutex:
                    if actor.in_statement and self.waits_for_lock(actor):
                        break
                time.sleep(0.0002)

    def waits_for_lock(self, actor: Actor) -> bool:
        found = connection.connection.execute(
            "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", [actor.pid]
        )
        return found.fetchone() is not None

    def drop_connection(self, actor: Actor) -> None:
        """As when a server or a network goes away: its transaction is rolled back by the server."""
        ask = connection.connection.execute
        ask("SELECT pg_terminate_backend(%s)", [actor.pid])
        while ask("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [actor.pid]).fetchone():
            time.sleep(0.0005)
        self._look_after_blocked()

    def clear(self) -> None:
        """Whoever is in the middle of something dies."""
        while busy := [a for a in self.actors.values() if not a.idle]:
            for actor in busy:
                actor.dies = True
                if not actor.blocked:
                    self.step(actor)
