"""Since when the auditor has been looking without a gap.

After an outage of everything (the database, the broker, all workers) each row is old, and nothing
of that is a trouble yet: what is late is told when the auditor itself has seen it be late.
"""

from datetime import datetime, timedelta

from rollout.models import Vigil

# The auditor looks every five seconds; whoever misses a minute was away.
GAP = timedelta(seconds=60)


def since(now: datetime) -> datetime:
    """The caller holds the auditor's lock."""
    row, _ = Vigil.objects.get_or_create(pk=1, defaults={"since": now, "last_at": now})
    if not timedelta() <= now - row.last_at <= GAP:
        row.since = now
    row.last_at = now
    row.save(update_fields=["since", "last_at"])
    return row.since
