"""How far the database has come, counted in it and copied into a file outside it.

Each round of the loop counts one further, and writes the number down in GRAYGATE_VAR, before it
does any work. A database that knows a smaller number than the file is older than what was done
with it: a back-up was restored, or a replica took over that had not heard everything.
"""

import fcntl
import logging
import os
import uuid
from pathlib import Path

from django.conf import settings
from django.db import connection

from rollout.models import WaterMark

log = logging.getLogger(__name__)
COUNT = """
    INSERT INTO rollout_watermark (id, database, number) VALUES (1, %s, %s)
    ON CONFLICT (id) DO UPDATE SET number = greatest(rollout_watermark.number + 1, excluded.number)
    RETURNING database, number
"""


def copy() -> Path:
    return Path(settings.VAR_DIR) / "water-mark"


def behind() -> int:
    """Count one further. 0: as it should be; else the number that the database once had."""
    # Read before the count: whatever was committed by then is smaller than what it gives.
    known, reached = _read()
    database, number = count()
    if database == known and number <= reached:
        return reached
    _write(database, number)
    return 0


def is_older() -> bool:
    """Whether the database was exchanged for an older one since this worker's round began."""
    known, reached = _read()
    row = WaterMark.objects.first()
    return row is not None and str(row.database) == known and row.number < reached


def count(at_least: int = 1) -> tuple[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [uuid.uuid4(), at_least])
        database, number = cursor.fetchone()
    return str(database), int(number)


def _read() -> tuple[str, int]:
    """Which database, and how far. One that cannot be read says nothing."""
    try:
        database, number = copy().read_text().split()
        return database, int(number)
    except (OSError, ValueError):
        return "", 0


def _write(database: str, number: int) -> None:
    """In place and always as long: a full disk has room for that. Never backwards."""
    try:
        copy().parent.mkdir(parents=True, exist_ok=True)
        file = os.open(copy(), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            known, reached = _read()
            if known != database or number > reached:
                line = f"{database} {number:020d}\n".encode()
                os.pwrite(file, line, 0)
                os.ftruncate(file, len(line))
        finally:
            os.close(file)
    except OSError as error:
        log.error("%s cannot be written: a restore would not be noticed: %s", copy(), error)  # noqa: TRY400 - each second, one line
