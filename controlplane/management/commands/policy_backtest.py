"""`manage.py policy_backtest DRAFT`: what a draft of policies would have done, beside today's."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from attribution.errors import CaseError
from attribution.moments import moment
from controlplane.assessing import policies
from controlplane.batch import lines_of, parse
from controlplane.ended import history
from controlplane.risk.policy import DEFAULT_POLICIES, PolicyRow
from controlplane.risk.policy_backtest import Effect, Ended, backtest, ended_of
from controlplane.risk.policy_rows import rows_of

COLUMNS = (
    "",
    "changes",
    "harmful",
    "caught",
    "needlessly blocked",
    "rejected",
    "approvals",
    "minutes",
)


class Command(BaseCommand):
    help = (
        "Replay changes whose end is known under DRAFT (a JSON list of policies) and under the "
        "present policies: caught, needlessly blocked, minutes in stages. JSON on standard output."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("draft", metavar="DRAFT")
        parser.add_argument(
            "--file",
            metavar="HISTORY",
            help='instead of the stored history, one {"level", "kind", "tier"?, "harmful"} a line, '
            "beside the built-in policies; needs no database",
        )
        parser.add_argument("--since", help="only changes that ended then or later, RFC 3339")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            draft = rows_of(_draft(Path(options["draft"])))
            ended, present = _given(options)
        except CaseError as problem:
            raise CommandError(f"{problem} {problem.pointer}".strip()) from None
        except OSError as problem:
            raise CommandError(f"Cannot read the file: {problem}") from None
        found = {"present": backtest(ended, present), "draft": backtest(ended, draft)}
        answer = {name: effect.as_dict() for name, effect in found.items()}
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        sys.stderr.write("\n".join(table(found)) + "\n")


def _draft(path: Path) -> Any:
    text = path.read_text(encoding="utf-8-sig", errors="backslashreplace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise CommandError(f"The draft is no JSON: {problem}") from None


def _given(options: dict[str, Any]) -> tuple[list[Ended], Sequence[PolicyRow]]:
    if options["file"]:
        return list(_read(Path(options["file"]))), DEFAULT_POLICIES
    return list(history(_since(options["since"]))), policies()


def _since(given: str | None) -> datetime | None:
    return moment(given, "--since") if given else None


def _read(path: Path) -> Iterator[Ended]:
    with path.open(encoding="utf-8-sig", errors="backslashreplace") as stream:
        for number, line in enumerate(lines_of(stream), start=1):
            if line.strip():
                yield ended_of(parse(line), f"line {number}")


def table(found: dict[str, Effect]) -> Iterator[str]:
    """For people: markdown."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"| {' | '.join('---' for _ in COLUMNS)} |"
    for name, effect in found.items():
        minutes = "-" if effect.minutes is None else f"{effect.minutes:g} each"
        cells = (
            f"{effect.changes}",
            f"{effect.harmful}",
            _of(effect.caught, effect.caught_share),
            _of(effect.needless, effect.needless_share),
            f"{effect.rejected}",
            f"{effect.approvals}",
            minutes,
        )
        yield f"| {name} | {' | '.join(cells)} |"


def _of(count: int, share: float | None) -> str:
    return f"{count}" if share is None else f"{count} ({share:.0%})"
