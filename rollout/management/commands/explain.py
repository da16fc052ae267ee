"""`explain DECISION`: one entry of the ledger, and whether it comes out again."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout.models import Decision
from rollout.recompute import explain


class Command(BaseCommand):
    help = "Compute one decision again from its stored inputs: the same, or the difference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decision", type=uuid.UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        entry = Decision.objects.filter(pk=options["decision"]).first()
        if entry is None:
            raise CommandError("there is no such decision (the ledger's `id`, not a change's)")
        found = explain(entry)
        self.stderr.write(found.text)
        for line in (*found.altered, *map(str, found.differences)):
            self.stderr.write(line)
        if found.altered or found.differences:
            raise CommandError("it is not what its inputs give")
        if found.same:
            self.stderr.write("Computed again from its stored inputs: the same.")
