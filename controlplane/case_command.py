"""What the pure commands share: one case from FILE, or one a line with --batch. No database."""

import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from attribution.errors import CaseError
from controlplane.batch import MOST_CHARACTERS, opened, parse, run_batch, written


class CaseCommand(BaseCommand, ABC):
    """Answers are JSON on standard output; what is for people goes to standard error."""

    requires_system_checks: list[str] = []

    @abstractmethod
    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        """The answer to one case. Raises CaseError."""

    @abstractmethod
    def say(self, answer: dict[str, Any]) -> str:
        """One line for a person about one answer."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="one case; `-`: standard input")
        parser.add_argument("--batch", metavar="FILE", help="one case a line; `-`: standard input")

    def handle(self, *_args: Any, **options: Any) -> None:
        if bool(options["file"]) == bool(options["batch"]):
            raise CommandError("Give either FILE or --batch FILE; `-` is standard input.")
        try:
            self._batch(options["batch"]) if options["batch"] else self._one(options["file"])
        except CaseError as problem:
            raise CommandError(f"{problem} {problem.pointer}".strip()) from None
        except OSError as problem:
            raise CommandError(f"Cannot read the file: {problem}") from None

    def _one(self, name: str) -> None:
        with opened(name) as stream:
            found = self.answer(parse(stream.read(MOST_CHARACTERS + 1)))
        sys.stdout.write(written(found, indent=2) + "\n")
        sys.stderr.write(self.say(found) + "\n")

    def _batch(self, name: str) -> None:
        with opened(name) as stream:
            run_batch(stream, sys.stdout, self.answer)
