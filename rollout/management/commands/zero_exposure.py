"""`zero_exposure`: take every target of the operator's file to zero, even without PostgreSQL.

For the hour in which the database is gone. It asks each target which rollouts it serves, and
declares zero for each, one generation above the newest that the target has seen. When the
database is back, the loop sees exposure below desired and holds (`drift`): nothing grows again
by itself.
"""

import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.http import HttpExecutor


class Command(BaseCommand):
    help = "Zero the exposure of rollouts on the operator file's targets; needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--target", action="append", help="only this one; may be repeated")
        parser.add_argument("--rollout", action="append", type=uuid.UUID, default=[])

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["target"] or sorted(settings.OPERATOR.targets)
        if not names:
            raise CommandError("GRAYGATE_OPERATOR_FILE names no targets")
        failed = [name for name in names if not self.zero(name, options["rollout"])]
        if failed:
            raise CommandError(f"NOT at zero: {', '.join(failed)}. Cut them by hand.")

    def zero(self, name: str, rollouts: list[uuid.UUID]) -> bool:
        executor, config = HttpExecutor(), {"target": name}
        try:
            ids = [str(r) for r in rollouts] or executor.rollouts(config)
            for rollout in ids:
                seen = executor.observe(config, Key(0, rollout, name, 0))
                key = Key(0, rollout, name, seen.generation + 1)
                executor.apply(config, Desired(0.0), key)
                left = executor.observe(config, key).share
                self.stderr.write(f"{name}: rollout {rollout} was {seen.share:.0%}, is {left:.0%}")
                if left > 0:
                    return False
        except ExecutorError as error:
            self.stderr.write(f"{name}: {error}")
            return False
        return True
