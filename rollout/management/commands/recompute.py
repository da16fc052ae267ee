"""`recompute ROLLOUT`: compute every recorded decision again from its recorded inputs."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout import recompute
from rollout.models import Rollout


class Command(BaseCommand):
    help = "Compute the decisions of a rollout again; fails when one comes out differently."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rollout", type=uuid.UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        rollout = Rollout.every.filter(pk=options["rollout"]).first()
        if rollout is None:
            raise CommandError("there is no such rollout")
        problems = recompute.problems(rollout)
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} problems")
        self.stderr.write("The chain is whole and every decision comes out the same.")
