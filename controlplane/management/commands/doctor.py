"""`manage.py doctor`: is everything there that is needed, and what mends what is not?"""

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.discovery_table import printable
from controlplane.doctor import house, outside, watching
from controlplane.doctor.base import FAIL, Check, Finding, examine, untested

MOST_SERVICES = 5_000


class Command(BaseCommand):
    help = (
        "Test settings, database, clocks, broker, beat and workers, sources, endpoints, targets "
        "and each guardrail's query, and say what mends what fails. Changes nothing. Exit 0: no "
        "failure, 1: some."
    )
    # They are among what it tells.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument(
            "--services", type=int, default=MOST_SERVICES, help=f"most of them ({MOST_SERVICES})"
        )
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds for all of it")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 1 <= options["timeout"] <= 3_600 or options["services"] < 1:
            raise CommandError("--timeout is 1 to 3600 seconds, --services 1 or more")
        found = examined(options["timeout"], options["services"])
        failed = any(each.status == FAIL for each in found)
        if options["json"]:
            answer = {"status": "fail" if failed else "ok", "findings": list(map(asdict, found))}
            sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in table(found))
        if failed:
            raise SystemExit(1)


def examined(within_s: float, services: int) -> list[Finding]:
    """First what needs no rows; then, if the database is well, what stands in them."""
    until = time.monotonic() + within_s
    first = [
        Check("settings", house.of_settings),
        Check("database", house.of_database),
        Check("broker", house.of_broker),
        Check("web", house.of_web),
        *outside.checks(),
    ]
    found = examine(first, within_s / 2)
    if any(each.name in {"database", "migrations"} and each.status == FAIL for each in found):
        return [*found, untested("services", "beat, workers and services: first the database")]
    prepared: list[Check] = []
    found += examine([Check("services", lambda: _prepare(prepared, services))], within_s / 4)
    rows = [Check("beat", house.of_bells), *prepared]
    return found + examine(rows, max(1.0, until - time.monotonic()))


def _prepare(prepared: list[Check], services: int) -> list[Finding]:
    """Reading which services there are may hang, too."""
    prepared += watching.checks(services)
    return []


def table(found: Sequence[Finding]) -> Iterator[str]:
    width = min(40, max(len(each.name) for each in found))
    for each in found:
        yield printable(f"{each.status:8}  {each.name:{width}}  {each.detail}".rstrip())
        if each.repair:
            yield printable(f"{'':8}  {'':{width}}  → {each.repair}")
    counts = Counter(each.status for each in found)
    yield ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
