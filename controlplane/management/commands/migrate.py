"""`migrate`, as Django's, that waits for no lock for long.

Whoever waits for a table's lock makes everybody behind it wait too: the loop would stand still.
So a migration that does not get its lock in time gives up, undone as a whole, and is run again.
"""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections

LOCK_NOT_AVAILABLE = "55P03"
LOCK_TIMEOUT_S = 5.0


class Command(DjangoMigrate):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout",
            type=float,
            default=LOCK_TIMEOUT_S,
            help="seconds that it may wait for a lock, and others behind it; then it gives up",
        )

    def handle(self, *args: Any, **options: Any) -> str | None:
        wait_s = options["lock_timeout"]
        if not 0 < wait_s <= 3600:
            raise CommandError("--lock-timeout is a number of seconds, above 0 and up to an hour")
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{wait_s * 1000:.0f}"])
        try:
            return super().handle(*args, **options)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != LOCK_NOT_AVAILABLE:
                raise
            raise CommandError(
                f"A lock was not free within {wait_s:g} s. The migration that waited for it was "
                "undone, those before it stay: run migrate again, in a quieter moment."
            ) from error
        finally:
            # The connection goes on to be used where this was called from a program.
            if connection.connection is not None and connection.is_usable():
                with connection.cursor() as cursor:
                    cursor.execute("RESET lock_timeout")
