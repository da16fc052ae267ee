"""`kill_switch on|off`: freeze all growth at once, everywhere. Reversals go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout import gates


class Command(BaseCommand):
    help = "Freeze all growth of exposure at once (on), or lift that freeze (off)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("switch", choices=["on", "off"])
        parser.add_argument("--reason", default="")
        parser.add_argument("--actor", required=True, help="who orders this; goes on record")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["switch"] == "on":
            if not options["reason"]:
                raise CommandError("--reason is needed: everybody will ask")
            gates.set_freeze(gates.KILL_SWITCH, {}, options["reason"], options["actor"])
            self.stderr.write("All growth is frozen; halts and rollbacks go on.")
        elif gates.lift_freeze(gates.KILL_SWITCH):
            self.stderr.write("The kill switch is off: exposure may grow again.")
        else:
            self.stderr.write("The kill switch was not on.")
