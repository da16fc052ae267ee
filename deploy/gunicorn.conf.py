"""gunicorn -c deploy/gunicorn.conf.py controlplane.wsgi

Processes share nothing but PostgreSQL: any of them answers any request, on one host or on several.
"""

import os
import sys
from pathlib import Path
from typing import Any

bind = os.environ.get("GRAYGATE_BIND", "127.0.0.1:8000").split(",")
workers = int(os.environ.get("GRAYGATE_WEB_PROCESSES", "2"))
# Four of each process may be kept by long polls; the others serve everyone else.
threads = int(os.environ.get("GRAYGATE_WEB_THREADS", "8"))
worker_class = "gthread"
# Of a process that is silent, not of a request.
timeout = 60
# Longer than the longest poll (30 s): a restart cuts off nobody who waits for a decision.
graceful_timeout = 40
# Longer than a proxy keeps an idle connection, so that it is the proxy that closes it.
keepalive = 75
# In memory: the sign of life of a process must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 — a file without content
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """A bad setting is a readable error before anything is served."""
    import django  # noqa: PLC0415 — the settings are read when gunicorn starts, not by --check-config
    from django.core.management import call_command  # noqa: PLC0415
    from django.core.management.base import SystemCheckError  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    django.setup()
    try:
        call_command("check")
    except SystemCheckError as problem:
        sys.exit(str(problem))
