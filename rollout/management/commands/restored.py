"""`restored`: say that the database was restored from a back-up. Nothing grows until `--over`."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from attribution.clock import database_now
from rollout import restored


class Command(BaseCommand):
    help = "After a restore: stop all growth, hold each rollout (or, with --over, end that stop)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--over", action="store_true", help="somebody has looked: it is over")
        parser.add_argument(
            "--actor", required=True, help="who says so; goes on record, with --over into the log"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["over"]:
            self.over(options["actor"])
            return
        reason = f"restored from a back-up, said at {database_now():%Y-%m-%d %H:%M:%S} UTC"
        held, failed = restored.declare(reason, options["actor"])
        self.stderr.write(f"All growth is frozen; {held} rollouts are held. Reversals go on.")
        refuse_if(failed)

    def over(self, actor: str) -> None:
        declared = restored.over(actor)
        if declared is None:
            self.stderr.write("Nothing was held back for a restore.")
            return
        refuse_if(declared.failed)
        self.stderr.write("Changes may start again; rollouts that are held wait for `resume`.")


def refuse_if(failed: list[UUID]) -> None:
    if failed:
        names = ", ".join(map(str, failed))
        raise CommandError(
            f"These rollouts could not be held (the log says why): {names}. "
            "The freeze keeps them back; it ends when they can be."
        )
