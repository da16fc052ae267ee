"""`manage.py export_cases FILE`: stored findings with a known answer, one a line, for backtest."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from attribution.errors import CaseError
from attribution.moments import moment
from controlplane.labelled import By, cases_of, ended_anomalies, label_of


class Command(BaseCommand):
    help = (
        "Write attribute cases whose culprit is known, by a person's feedback or by rollback and "
        "recovery; `manage.py backtest FILE` reads them. `-` is standard output."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--since", help="only what was noticed then or later, RFC 3339")
        parser.add_argument(
            "--every", action="store_true", help="every finding of an anomaly, not its newest alone"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        since = _since(options["since"])
        try:
            with _opened(options["file"]) as stream:
                counts = write(stream, since, every=options["every"])
        except OSError as problem:
            raise CommandError(f"Cannot write the file: {problem}") from None
        told = ", ".join(f"{counts[by]} by {by}" for by in By)
        lines = f"{counts['cases']} cases of {counts['anomalies']} anomalies ({told})"
        print(f"{lines}; {counts['unknown']} anomalies without an answer", file=sys.stderr)


def _since(given: str | None) -> datetime | None:
    try:
        return moment(given, "/since") if given else None
    except CaseError as problem:
        raise CommandError(f"--since: {problem}") from None


def _opened(name: str) -> Any:
    return nullcontext(sys.stdout) if name == "-" else Path(name).open("w", encoding="utf-8")


def write(stream: TextIO, since: datetime | None, *, every: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    for anomaly in ended_anomalies(since):
        label = label_of(anomaly)
        if label is None:
            counts["unknown"] += 1
            continue
        counts["anomalies"] += 1
        counts[label.by] += 1
        for case in cases_of(anomaly, label, every=every):
            stream.write(json.dumps(case, ensure_ascii=False) + "\n")
            counts["cases"] += 1
    return counts
