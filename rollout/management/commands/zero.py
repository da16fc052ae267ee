"""`zero`: take every target of the operator's file to zero, even without PostgreSQL.

For the hour in which the database is gone, or full. A target that knows rollouts is asked which it
serves, and told zero for each; one that knows only a share is told zero. When the database is
back, the loop holds what was zeroed (`drift`): nothing grows again by itself.
"""

import getpass
import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout import emergency
from rollout.emergency import Zeroed


class Command(BaseCommand):
    help = "Zero the exposure of rollouts on the operator file's targets; needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--target", action="append", help="only this one; may be repeated")
        parser.add_argument("--rollout", action="append", type=uuid.UUID, default=[])
        parser.add_argument("--actor", default=None, help="who orders this; your login if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["target"] or sorted(settings.OPERATOR.targets)
        if not names:
            raise CommandError("GRAYGATE_OPERATOR_FILE names no targets")
        marked = self.marked(names, options["actor"] or login())
        rows = emergency.zero(names, [str(one) for one in options["rollout"]])
        self.stderr.write(f"{'target':<24} {'executor':<12} {'was':>6} {'is':>6}  rollout, error")
        for row in rows:
            self.stderr.write(line_of(row))
        if failed := sorted({row.target for row in rows if not row.at_zero}):
            raise CommandError(f"NOT at zero: {', '.join(failed)}. Cut them by hand.")
        if not marked:
            raise CommandError("At zero; but the loop will not know: keep the kill switch on.")
        self.stderr.write("Every target was observed at zero. Nothing there grows by itself again.")

    def marked(self, names: list[str], actor: str) -> bool:
        try:
            emergency.mark(names, actor)
        except OSError as error:
            self.stderr.write(f"{emergency.marker()} cannot be written ({error.strerror}).")
            return False
        return True


def line_of(row: Zeroed) -> str:
    more = " ".join(filter(None, [row.rollout, row.error]))
    return f"{row.target:<24} {row.executor:<12} {shown(row.was):>6} {shown(row.left):>6}  {more}"


def shown(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"


def login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an operator"
