"""`zero_exposure`: take every target of the operator's file to zero, even without PostgreSQL.

For the hour in which the database is gone. A target that knows rollouts is asked which it serves,
and told zero for each, one generation above the newest that it has seen; one that knows only a
share is told zero. When the database is back, the loop sees exposure below desired and holds
(`drift`): nothing grows again by itself.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Protocol, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout.executors.base import Desired, Executor, ExecutorError, Key, executor


class KnowsRollouts(Protocol):
    """What an executor beside `exclusive` ones needs for this command."""

    def rollouts(self, config: dict[str, Any]) -> list[str]: ...


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

    def zero(self, name: str, rollouts: Sequence[uuid.UUID]) -> bool:
        """One target that cannot be reached, or is badly described, never stops the others."""
        try:
            made = executor(settings.OPERATOR.targets.get(name, {}).get("executor", "http"))
            left = [self.zero_one(made, name, rollout) for rollout in served(made, name, rollouts)]
        except (ExecutorError, LookupError, AttributeError) as error:
            self.stderr.write(f"{name}: {error}")
            return False
        return not any(left)

    def zero_one(self, made: Executor, name: str, rollout: str) -> float:
        config = {"target": name}
        seen = made.observe(config, Key(0, rollout, name, 0))
        key = Key(0, rollout, name, seen.generation + 1)
        made.apply(config, Desired(0.0), key)
        left = made.observe(config, key).share
        whose = f"rollout {rollout} " if rollout else ""
        self.stderr.write(f"{name}: {whose}was {seen.share:.0%}, is {left:.0%}")
        return left


def served(made: Executor, name: str, asked: Sequence[uuid.UUID]) -> list[str]:
    if made.exclusive:
        # Whoever's it is: the target has one share.
        return [""]
    if asked:
        return [str(rollout) for rollout in asked]
    return cast("KnowsRollouts", made).rollouts({"target": name})
