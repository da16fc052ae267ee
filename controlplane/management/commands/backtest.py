"""`manage.py backtest FILE`: how right judge and attribute are on labelled cases. No database."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from attribution.backtest import backtest
from attribution.errors import CaseError
from controlplane.batch import lines_of, opened, parse, written


class Command(BaseCommand):
    help = "Score labelled judge or attribute cases, one a line; `-` is standard input."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            report = _run(options["file"])
        except OSError as problem:
            raise CommandError(f"Cannot read the file: {problem}") from None
        print(written(report, indent=2))
        count = report["judge"]["cases"] + report["attribute"]["cases"]
        print(f"{count} cases, {len(report['errors'])} unreadable lines", file=sys.stderr)


def _run(name: str) -> dict[str, Any]:
    with opened(name) as stream:
        return backtest(_cases(stream))


def _cases(stream: TextIO) -> Iterator[dict[str, Any]]:
    for line in lines_of(stream):
        if not line.strip():
            continue
        try:
            yield parse(line)
        except CaseError as problem:
            yield {"unreadable": problem.detail}
