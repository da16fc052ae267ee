"""`manage.py submit FILE --wait`: the CI client's `submit`, for whoever has Graygate at hand.
The exit codes are the client's. Speaks REST and nothing else: it needs no database.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from controlplane.client.graygate import add_common, add_submit, run


class Command(BaseCommand):
    help = "Submit a change (JSON) over REST and wait for the decision. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_common(parser, os.environ)
        add_submit(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        if code := run("submit", Namespace(**options), os.environ):
            sys.exit(code)
