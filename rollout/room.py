"""When PostgreSQL has no room left. That is the fault of no row."""

from django.db import DatabaseError

# Class 53: no disk, memory or connection left. 25006: it only lets itself be read.
NO_RESOURCES, READ_ONLY = "53", "25006"


def is_out_of_room(error: Exception) -> bool:
    if not isinstance(error, DatabaseError):
        return False
    state = str(getattr(error.__cause__, "sqlstate", "") or "")
    return state.startswith(NO_RESOURCES) or state == READ_ONLY
