"""`verify_ledger [--from FILE]`: is every entry of the ledger there, and as it was written?"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout.checkpoints import CheckpointError, Reader
from rollout.ledger_check import Fault, faults, faults_against

MOST_SHOWN = 100
SAY_EVERY_S = 5.0


class Command(BaseCommand):
    help = "Check every rollout's chain of decisions; fails and names the first fault of each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="file",
            type=Path,
            help="a file of export_checkpoint: without one a chain cut off at its end looks whole",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.entries, self.said_at = 0, monotonic()
        shown = list(islice(self.found(options["file"]), MOST_SHOWN))
        for fault in shown:
            self.stderr.write(str(fault))
        if shown:
            more = " or more" if len(shown) == MOST_SHOWN else ""
            raise CommandError(f"{len(shown)}{more} faults in {self.entries} entries")
        against = "" if options["file"] else " No checkpoint was given: a cut end would not show."
        self.stderr.write(f"All {self.entries} entries are there, as they were written.{against}")

    def found(self, file: Path | None) -> Iterator[Fault]:
        yield from faults(self.progress)
        if file is not None:
            yield from self.against(file)

    def against(self, path: Path) -> Iterator[Fault]:
        try:
            with path.open("rb") as file:
                reader = Reader(file)
                yield from faults_against(reader.heads())
        except (OSError, CheckpointError) as error:
            raise CommandError(f"{path}: {error}") from error
        for note in reader.unfinished:
            self.stderr.write(f"{path}: {note}")

    def progress(self, entries: int) -> None:
        self.entries = entries
        if monotonic() - self.said_at > SAY_EVERY_S:
            self.said_at = monotonic()
            self.stderr.write(f"{entries} entries checked")
