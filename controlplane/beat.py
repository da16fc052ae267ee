"""The ringer: Celery's beat without a file of its own, that no broker brings down.

- Nothing is kept between two starts: every bell rings at the start, and then in its interval.
- A broker that cannot be reached is tried again for ever, with one line in the log an attempt.
- A queue in which rings wait unheard gets no more of them: an absent worker fills no broker.
"""

import logging
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from celery.beat import ScheduleEntry, Scheduler, Service
from celery.signals import beat_init
from django.conf import settings
from django.db import DatabaseError, connection
from kombu import Connection

from controlplane.bells import BY_TASK, MOST_WAITING, queues
from controlplane.heard import record_rung, show_alive
from controlplane.throttle import Throttle

log = logging.getLogger(__name__)
LONGEST_BACK_OFF_S = 5.0
LONG_AGO = timedelta(days=1)
# How often it is said that nobody answers.
SAY_EVERY_S = 5.0


class Ringer(Scheduler):
    # Set by a signal, looked at between two steps.
    ending = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._queues = {queue.name: queue for queue in queues()}
        self._rung: set[str] = set()
        self._said = Throttle(SAY_EVERY_S)
        self._told = Throttle(settings.GRAYGATE_INTERVAL_S)
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = entry.default_now() - LONG_AGO

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Ring, unless too many rings of the queue wait already. Never raises for the broker."""
        try:
            if self._heard(entry, producer):
                self.apply_async(entry, producer=producer, advance=False)
                self._rung.add(str(entry.name))
        except Exception as error:  # noqa: BLE001 - each transport has its own; any means "not sent"
            log.warning("the bell %s was not rung: %s", entry.name, reason(error))
            self._hang_up()
        self._tell()

    def _heard(self, entry: ScheduleEntry, producer: Any) -> bool:
        queue = BY_TASK[str(entry.task)].queue
        declared: Any = self._queues[queue](producer.channel).queue_declare()
        waiting = declared.message_count
        if waiting >= MOST_WAITING and self._said.due(queue):
            log.warning("%d rings wait in the queue %s: is a worker running?", waiting, queue)
        return bool(waiting < MOST_WAITING)

    def _tell(self) -> None:
        """Write down now and then that bells ring; without a database they ring all the same."""
        if not self._rung or not self._told.due("rung"):
            return
        try:
            record_rung(self._rung)
            self._rung.clear()
        except DatabaseError as error:
            log.warning("that the bells ring could not be written down: %s", type(error).__name__)
        finally:
            connection.close()
        show_alive()

    def _hang_up(self) -> None:
        """The next ring connects anew, and declares its queue anew."""
        self.__dict__.pop("producer", None)
        broken = self.__dict__.pop("connection", None)
        if broken is not None:
            # A polite goodbye would wait for an answer.
            broken.collect(socket_timeout=1)

    def _ensure_connected(self) -> Connection:
        for pause in back_offs():
            try:
                self.connection.connect()
            except Exception as error:  # noqa: BLE001 - also refused log-ins and starting brokers
                where = self.connection.as_uri()
                log.error("no broker at %s: %s; again in %g s", where, reason(error), pause)  # noqa: TRY400 - one line
                time.sleep(pause)
                if Ringer.ending:
                    break
            else:
                return self.connection
        raise SystemExit


@beat_init.connect
def end_when_asked(sender: Service, **_: Any) -> None:
    """Celery's own handler raises in the midst of whatever runs, and a broker's client that is
    interrupted so may swallow it.
    """

    def ask(*_: Any) -> None:
        Ringer.ending = True
        sender.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)


def back_offs() -> Iterator[float]:
    pause = 0.5
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_BACK_OFF_S)


def reason(error: BaseException) -> str:
    """The first cause, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
