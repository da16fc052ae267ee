"""What the doorbell rings: every open change moves one step when its time has come."""

import logging
import uuid
from datetime import datetime, timedelta

from django.db import transaction

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import Guardrail
from controlplane import handover, outcomes, quality_gates, shadow
from controlplane.models import Change
from rollout.machine import ChangeState, step

log = logging.getLogger(__name__)

# Later than this a scheduled change has missed its window: a person has to say so again.
SCHEDULE_GRACE = timedelta(hours=1)
OPEN = (
    ChangeState.PENDING_APPROVAL,
    ChangeState.APPROVED,
    ChangeState.SCHEDULED,
)
NEVER_STARTED = (ChangeState.REJECTED, ChangeState.EXPIRED, ChangeState.CANCELED)


def move(change: Change, event: str, reason: str) -> Change:
    """The caller holds the row's lock. Raises IllegalTransitionError."""
    change.state = step("change", change.state, event)
    if change.state in NEVER_STARTED:
        # Nothing will read the change's own metrics.
        Guardrail.objects.filter(change_id=change.id).delete()
    return note(change, reason)


def note(change: Change, reason: str) -> Change:
    change.reasons = [reason, *change.reasons][:20]
    change.save()
    return change


def advance_changes() -> int:
    """Move what is due by one step each; a change that cannot move stops no other."""
    moved = 0
    due = Change.objects.filter(state__in=OPEN).order_by("created_at")
    for change_id in due.values_list("pk", flat=True):
        try:
            moved += _advance(change_id)
        except Exception:
            log.exception("change %s could not be advanced; it is tried again", change_id)
    return moved + outcomes.record_outcomes() + shadow.conclude()


@transaction.atomic
def _advance(change_id: uuid.UUID) -> bool:
    open_changes = Change.objects.select_for_update(skip_locked=True).filter(state__in=OPEN)
    change = open_changes.filter(pk=change_id).first()
    if change is None:
        return False
    now = database_now()
    if change.state == ChangeState.PENDING_APPROVAL:
        return _expire(change, now)
    if change.state == ChangeState.SCHEDULED:
        return _wake(change, now)
    return _start(change, now)


def _expire(change: Change, now: datetime) -> bool:
    if change.expires_at is None or now < change.expires_at:
        return False
    move(change, "expire", "nobody approved it in time")
    return True


def _wake(change: Change, now: datetime) -> bool:
    if change.scheduled_for is None or now < change.scheduled_for:
        return False
    if waits_for := quality_gates.closed(change, change.assessments.latest().policy):
        return _kept_waiting(change, waits_for, now)
    if now > change.scheduled_for + SCHEDULE_GRACE:
        move(change, "missed", "missed its time: cancel it and submit it again")
        return True
    return _execute(change)


def _start(change: Change, now: datetime) -> bool:
    if change.scheduled_for is not None and now > change.scheduled_for + SCHEDULE_GRACE:
        return False
    try:
        level, gated = handover.level_of(change), handover.is_gated_now(change)
    except CaseError as problem:
        return _given_up(change, problem)
    policy = change.assessments.latest().policy
    # What is only observed waits for nothing.
    waits_for = quality_gates.closed(change, policy) if gated else ""
    if waits_for:
        return _kept_waiting(change, waits_for, now)
    return _go(change, level, now)


def _go(change: Change, level: str, now: datetime) -> bool:
    if level in handover.HANDED_OUT:
        return _hand_out(change, level)
    if change.scheduled_for is not None and now < change.scheduled_for:
        move(change, "schedule", f"waits until {change.scheduled_for.isoformat()}")
        return True
    return _execute(change)


def _kept_waiting(change: Change, waits_for: str, now: datetime) -> bool:
    """Said once, and again when it waits for something else."""
    if quality_gates.given_up(change, now):
        move(change, "cancel", f"{waits_for}; not in time")
        return True
    if change.reasons[:1] != [waits_for]:
        note(change, waits_for)
    return False


def _given_up(change: Change, problem: CaseError) -> bool:
    move(change, "cancel", f"cannot be carried out any more: {problem}")
    return True


def _hand_out(change: Change, level: str) -> bool:
    """Others carry it out; Graygate watches it where anything tells how it does."""
    try:
        with transaction.atomic():
            rollout = shadow.watch(change)
    except CaseError as problem:
        return _given_up(change, problem)
    change.rollout_id = rollout.pk if rollout else None
    watched = "watched" if rollout else "no guardrail watches it"
    move(change, "hand_out", f"{level}: yours to carry out; {watched}")
    return True


def _execute(change: Change) -> bool:
    """One rollout a change: the row is locked and `rollout_id` is unique."""
    try:
        with transaction.atomic():
            rollout = handover.hand_over(change)
    except CaseError as problem:
        return _given_up(change, problem)
    change.rollout_id = rollout.pk
    move(change, "execute", f"handed over as rollout {rollout.pk}")
    return True
