"""`manage.py shadow`: what enforcing would have done over the last days, change by change."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from attribution.clock import database_now
from controlplane.shadow_record import Shadowed, Standing, as_json, shadowed, standings

MOST_DAYS = 366
LONGEST_REASON = 140


class Command(BaseCommand):
    help = (
        "Changes that others carried out (L0, L1), and what enforcing would have halted or "
        "rolled back, with when and why. --json: an object a change and line, on standard output."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, default=30.0)
        parser.add_argument("--service", help="only changes of this service")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["days"]
        if not 0 < days <= MOST_DAYS:
            raise CommandError(f"--days is above 0 and at most {MOST_DAYS}")
        found = shadowed(database_now() - timedelta(days=days))
        if options["service"]:
            found = [each for each in found if options["service"] in each.services]
        if options["json"]:
            for each in found:
                self.stdout.write(json.dumps(as_json(each), ensure_ascii=False))
            return
        for each in found:
            self.stderr.write("\n".join(_lines(each)))
        for standing in standings(found):
            self.stderr.write(_line(standing))
        if not found:
            self.stderr.write(f"No change was watched in the last {days:g} days.")


def _lines(each: Shadowed) -> list[str]:
    seen = f"{each.seen_at:%Y-%m-%d %H:%M}" if each.seen_at else "not seen yet    "
    lines = [f"{seen}  {', '.join(each.services)}: {each.title} ({each.state})"]
    lines += [
        f"    would have {one.verb} at {one.at:%H:%M:%S}: {one.reason[:LONGEST_REASON]}"
        + (f" [{one.given[-1]}]" if one.given else "")
        for one in each.said
    ]
    return lines


def _line(of: Standing) -> str:
    return (
        f"{of.service}: {of.watched} watched, would have interfered with {of.interfered} "
        f"({of.right} right, {of.wrong} wrong, {of.unanswered} that nobody has judged)"
    )
