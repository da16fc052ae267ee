"""Celery is only a doorbell: a lost or doubled message costs one tick, never safety.

No ETA, no countdown, no result, no chain that carries state: what is due is a row in PostgreSQL.
"""

import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery, Task
from celery.signals import import_modules, worker_init
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from kombu.transport import TRANSPORT_ALIASES

from controlplane.bells import BELLS, BY_TASK, STALE_AFTER_S, THREADS, place, queues
from controlplane.throttle import Throttle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

# In a worker no statement may take longer, wait longer for a lock, or leave a transaction open.
# Threads cannot be killed: this, and the time-out of every call outwards, is what ends a task.
STATEMENTS = (
    "-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
)


class Answer(Task[Any, None]):
    """Every bell is answered so: within its places, and written down when it came to an end."""

    abstract = True
    # Not each ring's: once an interval is as fine as the loop itself.
    recorded = Throttle(settings.GRAYGATE_INTERVAL_S)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        # Rows exist when the apps are loaded; this module is read before.
        from controlplane import heard  # noqa: PLC0415

        with place(self.name) as free:
            if not free:
                return
            super().__call__(*args, **kwargs)
        if (bell := BY_TASK.get(self.name)) and self.recorded.due(bell.name):
            heard.record_answered(bell.name)
            heard.show_alive()


# By name: the package redis is needed only by those who name such a broker.
TRANSPORT_ALIASES.update(
    dict.fromkeys(("redis", "rediss"), "controlplane.redis_doorbell:Transport")
)

app = Celery("graygate", task_cls=Answer)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.update(
    task_queues=queues(),
    task_default_queue="tidy",
    task_default_exchange="graygate",
    task_create_missing_queues=False,
    task_routes={bell.task: {"queue": bell.queue} for bell in BELLS},
    worker_concurrency=THREADS,
    beat_schedule={
        bell.name: {
            "task": bell.task,
            "schedule": bell.every_s,
            # Not retried: beat connects anew instead, and the next ring is on its way.
            "options": {"expires": STALE_AFTER_S, "queue": bell.queue, "retry": False},
        }
        for bell in BELLS
    },
)

if folder := getattr(settings, "GRAYGATE_BROKER_FOLDER", None):
    for part in ("messages", "control"):
        Path(folder, part).mkdir(parents=True, exist_ok=True)


# Before anything else is imported or printed: an address that cannot be read is not shown either.
@import_modules.connect(sender=app)
def refuse_bad_settings(**_: Any) -> None:
    """Celery runs the system checks too, and does not look at what they say."""
    import django  # noqa: PLC0415 - set up here and nowhere else

    django.setup()
    try:
        call_command("check")
    except SystemCheckError as problem:
        sys.exit(str(problem))


@worker_init.connect
def bound_statements(**_: Any) -> None:
    options = connections.settings["default"]["OPTIONS"]
    options["options"] = f"{options.get('options', '')} {STATEMENTS}".strip()
