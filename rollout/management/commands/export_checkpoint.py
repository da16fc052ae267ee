"""`export_checkpoint [FILE]`: the heads of the ledger's chains, for `verify_ledger --from FILE`."""

import fcntl
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from attribution.clock import database_now
from rollout.checkpoints import CheckpointError, Reader, lines


class Command(BaseCommand):
    help = "Append the heads of the ledger's chains to a file; keep it away from the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="- or left out: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] == "-":
            for line in lines(database_now(), "", None):
                sys.stdout.write(line.decode())
            return
        path = Path(options["file"])
        try:
            with path.open("a+b") as file:
                count = appended(file)
        except (OSError, CheckpointError) as error:
            raise CommandError(f"{path}: {error}") from error
        self.stderr.write(f"{count} heads written to {path}.")


def appended(file: BinaryIO) -> int:
    """How many heads. Two exports at a time wait for each other."""
    fcntl.flock(file, fcntl.LOCK_EX)
    file.seek(0)
    reader = Reader(file)
    for _ in reader.heads():
        pass
    count = -2
    if cut_off(file):
        file.write(b"\n")
    for line in lines(database_now(), reader.previous, reader.at):
        file.write(line)
        count += 1
    file.flush()
    os.fsync(file.fileno())
    return count


def cut_off(file: BinaryIO) -> bool:
    """The last line of an export that did not come to its end has none itself."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
