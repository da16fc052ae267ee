"""Messages become standing alerts: one row for each endpoint and alert key says what is wrong now.

Ordered by when the message was written, not by when it came: an end that overtakes its beginning
stays the end. Noting a message twice changes nothing.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from attribution.clock import database_now
from controlplane.models import StandingAlert
from controlplane.notify.base import Endpoint
from controlplane.notify.messages import NEVER_SILENT, PREFIX, RESOLVES, trouble_of, wants
from controlplane.notify.postable import Postable, annotations_of, labels_of, postable
from rollout.audit import COARSE_WATCH
from rollout.machine import Phase
from rollout.models import Rollout

# An alert fires so long after the last word: if Graygate dies, that is not a recovery.
OUTLASTS = timedelta(hours=24)
# An end is told again for so long: an Alertmanager that restarts has forgotten it.
END_REPEATED = timedelta(minutes=15)
# In refreshes: a rollback is shown at least so long, or nobody is notified of one that is over.
SEEN_AFTER = 2
OVER = (Phase.COMPLETED, Phase.CANCELED, Phase.WRITTEN_OFF)


def refresh() -> timedelta:
    return timedelta(seconds=settings.GRAYGATE_ALERT_REFRESH_S)


# --- what a message changes ------------------------------------------------------------------


@transaction.atomic
def note(endpoint: Endpoint, message: dict[str, Any]) -> None:
    """`message` as webhooks receive it: type, timestamp, data."""
    kind = str(message["type"]).removeprefix(PREFIX)
    data, at = message["data"], datetime.fromisoformat(message["timestamp"])
    trouble = trouble_of(kind, data)
    if trouble is None and kind not in RESOLVES:
        return
    row, made = StandingAlert.objects.select_for_update().get_or_create(
        endpoint=endpoint["name"], key=data["alert_key"], defaults={"told_at": at}
    )
    if not made and is_old(row, at):
        return
    row.told_at = at
    # What a silence kept back is not shown by an answer to something else.
    begun = kind not in RESOLVES or (not made and row.ends_at is None)
    if trouble is None or not begun or not wants(endpoint.get("types"), trouble):
        end(row, at)
    elif trouble == row.trouble and row.ends_at is None:
        # Another hold, told while the gravest one lasts, does not take its words away.
        row.annotations = annotations_of(trouble, data) if kind == trouble else row.annotations
    else:
        begin(row, trouble, data, at)
    row.due_at = database_now() if row.labels else None
    row.save()


def is_old(row: StandingAlert, at: datetime) -> bool:
    return at < row.told_at or (at == row.told_at and row.ends_at is not None)


def end(row: StandingAlert, at: datetime) -> None:
    row.ends_at = row.ends_at or at


def begin(row: StandingAlert, trouble: str, data: dict[str, Any], at: datetime) -> None:
    """What was there before under other labels is another alert, and has ended."""
    labels = labels_of(trouble, row.key, data)
    kept = [*row.former, *([ended(row, at)] if row.labels else [])]
    row.former = [each for each in kept if each["labels"] != labels]
    row.trouble, row.labels = trouble, labels
    row.annotations = annotations_of(trouble, data)
    row.starts_at, row.ends_at, row.shown_at = at, None, None
    row.rollout_id = rollout_of(trouble, data)


def ended(row: StandingAlert, at: datetime) -> Postable:
    return postable(row.labels, row.annotations, row.starts_at or at, row.ends_at or at)


def rollout_of(trouble: str, data: dict[str, Any]) -> UUID | None:
    """None for what the loop is told about: that ends by itself, not with the rollout."""
    try:
        return UUID(str(data.get("rollout"))) if trouble.startswith("rollout.") else None
    except ValueError:
        return None


# --- what time changes -----------------------------------------------------------------------


def end_outlived(rows: list[StandingAlert], now: datetime) -> None:
    """An alert must not stand for ever because nobody will ever write its end."""
    open_ones = [row for row in rows if row.ends_at is None and row.rollout_id]
    rollouts = Rollout.objects.in_bulk([row.rollout_id for row in open_ones])
    for row in open_ones:
        rollout = rollouts.get(row.rollout_id)
        if why := outlived(rollout, now):
            row.annotations = {**row.annotations, "description": why}
            row.ends_at = row.told_at = now


def outlived(rollout: Rollout | None, now: datetime) -> str:
    """Why its alert ends without a message; empty: it stands."""
    if rollout is None or rollout.phase in OVER:
        return "The rollout is over."
    if rollout.phase == Phase.ROLLED_BACK and rollout.ended_at is not None:
        unwatched = now - rollout.ended_at > COARSE_WATCH
        return "Nobody watches any longer whether the metric recovers." if unwatched else ""
    return ""


def fires(row: StandingAlert, now: datetime) -> bool:
    """Whether it is shown as firing. What nobody has had the time to see is shown, though over."""
    if row.ends_at is None:
        return bool(row.labels)
    unseen = row.shown_at is None or now < seen_at(row)
    return bool(row.labels) and row.trouble in NEVER_SILENT and unseen


def seen_at(row: StandingAlert) -> datetime:
    return (row.shown_at or row.told_at) + SEEN_AFTER * refresh()


def shown(row: StandingAlert, now: datetime) -> list[Postable]:
    """The row as it is posted: what is there now, and what it was before."""
    if fires(row, now):
        fired = postable(row.labels, row.annotations, row.starts_at or now, now + OUTLASTS)
        return [fired, *row.former]
    return [ended(row, now), *row.former]


def next_due(row: StandingAlert, now: datetime, *, fired: bool) -> datetime | None:
    """After it was taken; `fired`: as a firing one."""
    if row.ends_at is None:
        return now + refresh()
    if fired:
        return max(now, seen_at(row))
    return now + refresh() if now < row.ends_at + END_REPEATED else None
