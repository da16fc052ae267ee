"""`manage.py classify [FILE] [--batch FILE]`: how risky is this change, and why. No database."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from attribution.errors import CaseError
from controlplane.batch import parse, run_batch
from controlplane.risk.classify import classify


class Command(BaseCommand):
    help = "Classify one case (JSON), or with --batch one case a line; `-` is standard input."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="one case")
        parser.add_argument("--batch", metavar="FILE", help="one case a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        if bool(options["file"]) == bool(options["batch"]):
            raise CommandError("Give either FILE or --batch FILE; `-` is standard input.")
        try:
            self._batch(options["batch"]) if options["batch"] else self._one(options["file"])
        except CaseError as problem:
            raise CommandError(f"{problem} {problem.pointer}".strip()) from None
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"Cannot read the file: {problem}") from None

    def _one(self, name: str) -> None:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
        found = classify(parse(text))
        print(json.dumps(found, indent=2, ensure_ascii=False))
        print(f"{found['level']} ({found['score']:.0f} of 100)", file=sys.stderr)

    def _batch(self, name: str) -> None:
        if name == "-":
            run_batch(sys.stdin, sys.stdout, classify)
            return
        # A stray byte becomes `\x..`, which is no JSON: that line answers with an error and the
        # rest go on.
        with Path(name).open(encoding="utf-8-sig", errors="backslashreplace") as stream:
            run_batch(stream, sys.stdout, classify)
