"""`manage.py serve`: the whole of Graygate on one machine, until Ctrl-C."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from controlplane.one_machine import processes, run


class Command(BaseCommand):
    help = (
        "Bring the database up to date and run web, worker and beat as one foreground process. "
        "For several machines see deploy/systemd."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", metavar="HOST:PORT", help="where the pages are")

    def handle(self, *_args: Any, **options: Any) -> None:
        bind = options["bind"] or os.environ.get("GRAYGATE_BIND", "127.0.0.1:8000")
        call_command("migrate", verbosity=0)
        connections.close_all()
        environment = {**os.environ, "GRAYGATE_BIND": bind}
        # What links in messages lead to, unless it is told.
        environment.setdefault("GRAYGATE_URL", f"http://{bind}")
        base, logs = settings.BASE_DIR, settings.VAR_DIR / "log"
        self.stderr.write(f"Graygate: http://{bind}  (logs in {logs}; Ctrl-C ends it)")
        sys.exit(run(processes(base), base, logs, environment, self.stderr.write))
