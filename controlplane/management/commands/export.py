"""`export -d DIR`: what is stored, as the files that `apply` reads."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from attribution.clock import database_now
from controlplane.configuration.exporting import files_of, write
from controlplane.configuration.stored import read_stored


class Command(BaseCommand):
    help = "Write services, guardrails, policies, freezes and silences as YAML files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-d", "--directory", required=True, metavar="DIR")
        parser.add_argument(
            "--prune", action="store_true", help="delete files of what is not stored any more"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with transaction.atomic():
            files = files_of(read_stored(), database_now())
        try:
            others = write(files, Path(options["directory"]))
            for other in others if options["prune"] else ():
                other.unlink()
        except OSError as problem:
            raise CommandError(f"Cannot write: {problem}") from None
        word = "deleted" if options["prune"] else "left alone; --prune deletes it"
        for other in others:
            self.stderr.write(f"? {other}: not stored any more, {word}")
        self.stderr.write(f"{len(files)} files.")
