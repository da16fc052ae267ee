"""`manage.py guardrail_precision`: how often each guardrail was right, and which to demote."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from attribution.clock import database_now
from controlplane.guardrail_record import proposals, standings
from controlplane.precision import Standing, as_json

MOST_DAYS = 366


class Command(BaseCommand):
    help = (
        "Of halts and rollbacks (those of shadow too) how often each guardrail was right, by "
        "feedback. Proposes what to do about noisy ones; changes nothing. --json: an object a "
        "guardrail and line, on standard output."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, default=90.0)
        parser.add_argument("--service", help="only guardrails of this service")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["days"]
        if not 0 < days <= MOST_DAYS:
            raise CommandError(f"--days is above 0 and at most {MOST_DAYS}")
        found = standings(database_now() - timedelta(days=days))
        found = [one for one in found if options["service"] in {None, one.service}]
        proposed = proposals(found)
        for one in found:
            proposal = proposed.get((one.service, one.guardrail))
            if options["json"]:
                line = as_json(one) | {"proposal": proposal}
                self.stdout.write(json.dumps(line, ensure_ascii=False))
            else:
                self.stderr.write(_line(one, proposal))
        if not found and not options["json"]:
            self.stderr.write(f"No guardrail stopped a change in the last {days:g} days.")


def _line(one: Standing, proposal: str | None) -> str:
    low, high = one.interval
    known = f"{one.precision:.0%} ({low:.0%} to {high:.0%})" if one.judged else "not judged"
    counts = f"{one.right} right, {one.wrong} wrong, {one.unanswered} that nobody has judged"
    advice = f"; noisy, proposed: {proposal}" if proposal else ""
    return f"{one.service}/{one.guardrail}: {known}; {counts}{advice}"
