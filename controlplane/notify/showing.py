"""Standing alerts that are due, posted: all of an endpoint in few requests, each endpoint on a
thread of its own.

1. Claim what is due (transaction: lease, SKIP LOCKED), and what will be soon: it goes along.
2. Post it, outside any transaction.
3. Settle (transaction): due again after the refresh, or soon if it was not taken; never given up.

A crash between 2 and 3 lets the lease run out, and the same alerts are posted again.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.dateparse import parse_datetime

from attribution.clock import database_now
from controlplane.models import StandingAlert
from controlplane.notify.base import Endpoint, Keeper, Sent, endpoints, keeper
from controlplane.notify.standing import END_REPEATED, end_outlived, fires, next_due, refresh, shown
from controlplane.notify.threads import each_on_a_thread

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BATCH = 100
# In one go for one endpoint; the rest comes with the next ring.
MOST_BATCHES = 10
PATIENCE_S = 2.0
LONGEST_BACKOFF_S = 60.0
LONGEST_RETRY_AFTER_S = 600.0

_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="show")


def show_due(patience_s: float = PATIENCE_S) -> int:
    """How many endpoints had something due. What the operator's file does not list rests."""
    due = StandingAlert.objects.filter(due_at__lte=database_now(), endpoint__in=kept())
    names = list(due.order_by().values_list("endpoint", flat=True).distinct())
    each_on_a_thread(_pool, show, names, patience_s)
    return len(names)


def kept() -> list[str]:
    return [name for name, one in endpoints().items() if keeper(one) is not None]


def untaken() -> QuerySet[StandingAlert]:
    """Whose newest state the endpoint has not taken yet."""
    behind = Q(taken_at=None) | Q(taken_at__lt=F("told_at"))
    return StandingAlert.objects.filter(behind, due_at__isnull=False, endpoint__in=kept())


def show(name: str) -> None:
    endpoint = endpoints()[name]
    poster = keeper(endpoint)
    for _ in range(MOST_BATCHES):
        rows = claim(name)
        if not rows or poster is None or not post(poster, endpoint, rows):
            return


@transaction.atomic
def claim(name: str) -> list[StandingAlert]:
    """Nothing while another worker is at it: a busy endpoint is one that is slow to answer."""
    now = database_now()
    rows = StandingAlert.objects.filter(endpoint=name)
    if rows.filter(lease_until__gt=now).exists() or not rows.filter(due_at__lte=now).exists():
        return []
    soon = due_until(rows, now + refresh() / 4, now)
    taken = list(soon.select_for_update(skip_locked=True)[:BATCH])
    end_outlived(taken, now)
    for row in taken:
        row.lease_until = now + LEASE
        row.save()
    return taken


def due_until(
    rows: QuerySet[StandingAlert], until: datetime, now: datetime
) -> QuerySet[StandingAlert]:
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return rows.filter(free, due_at__lte=until).order_by("due_at", "pk")


def post(poster: Keeper, endpoint: Endpoint, rows: Sequence[StandingAlert]) -> bool:
    """Whether all were taken. When something is refused, each is posted by itself."""
    now = database_now()
    sent = poster.post(endpoint, [alert for row in rows for alert in shown(row, now)])
    if sent.refused and len(rows) > 1:
        taken = [post(poster, endpoint, [row]) for row in rows]
        return all(taken)
    settle(rows, sent, now)
    return not sent.error


@transaction.atomic
def settle(rows: Sequence[StandingAlert], sent: Sent, posted_at: datetime) -> None:
    """A message that came in between has set `due_at`, and keeps it."""
    now = database_now()
    posted = {row.pk: row for row in rows}
    for row in StandingAlert.objects.select_for_update().filter(pk__in=posted).order_by("pk"):
        row.lease_until = None
        if sent.error:
            _again(row, sent, now)
        else:
            _taken(row, posted[row.pk], posted_at, now)
        row.save()


def _again(row: StandingAlert, sent: Sent, now: datetime) -> None:
    row.failures += 1
    row.last_error = sent.error
    wait_s = min(LONGEST_BACKOFF_S, 2.0 ** min(row.failures, 10))
    wait_s = max(wait_s, min(sent.retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
    row.due_at = now + timedelta(seconds=wait_s)
    log.warning("%s: %s was not taken: %s", row.endpoint, row.key, sent.error)


def _taken(row: StandingAlert, posted: StandingAlert, posted_at: datetime, now: datetime) -> None:
    row.failures, row.last_error, row.taken_at = 0, "", now
    fired = fires(posted, posted_at)
    if fired and row.shown_at is None and row.starts_at == posted.starts_at:
        row.shown_at = posted_at
    if row.told_at == posted.told_at:
        row.former = [each for each in row.former if _lately(each["endsAt"], now)]
        row.due_at = next_due(row, now, fired=fired)


def _lately(ends_at: str, now: datetime) -> bool:
    at = parse_datetime(ends_at)
    return at is not None and now < at + END_REPEATED
