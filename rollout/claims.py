"""Who works on a placement, and until when: lease and token, claim and confirm."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from rollout import effects, recovery
from rollout.executors.base import Executor, Observed
from rollout.machine import AT_REST, Phase
from rollout.models import Placement
from rollout.snapshot import agree

LONGEST_BACK_OFF_S = 60.0
# Reads and looks are not in step: looked at once a read, news would wait for up to an interval.
LOOKS_A_READ = 2


@transaction.atomic
def claim(now: datetime, lease_s: float) -> Placement | None:
    """The longest-due placement that nobody holds, with a new token and lease."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    placement = (
        Placement.objects.filter(free, due_at__lte=now)
        .order_by("due_at", "id")
        .select_related("rollout")
        .select_for_update(skip_locked=True, of=("self",))
        .first()
    )
    if placement is not None:
        placement.token += 1
        placement.lease_until = now + timedelta(seconds=lease_s)
        placement.save(update_fields=["token", "lease_until"])
    return placement


def lock_mine(placement: Placement) -> bool:
    """Whether its token still counts; then it is read anew, and until the transaction ends nobody
    else can take it.
    """
    mine = Placement.objects.filter(token=placement.token).select_for_update()
    try:
        placement.refresh_from_db(from_queryset=mine)
    except Placement.DoesNotExist:
        return False
    return True


def lease_left(placement: Placement, now: datetime) -> float:
    return (placement.lease_until - now).total_seconds() if placement.lease_until else 0.0


@transaction.atomic
def confirm(
    placement: Placement,
    executor: Executor,
    observed: Observed | None,
    error: str,
    now: datetime,
    *,
    again: bool = False,
) -> bool:
    """Compare-and-set on token and generation. False: a newer intent or lease owns the row.

    again: something was decided or applied, so look at once whether that leads to more.
    """
    row = (
        Placement.objects.select_for_update(of=("self",))
        .filter(pk=placement.pk, token=placement.token, generation=placement.generation)
        .select_related("rollout")
        .first()
    )
    if row is None:
        Placement.objects.filter(pk=placement.pk, token=placement.token).update(lease_until=None)
        return False
    if observed is not None:
        effects.record_observed(row, observed.share, list(observed.units), now)
        if not error and in_force(row, executor, observed):
            row.confirmed_generation = row.generation
    row.failures = row.failures + 1 if error else 0
    row.last_error = error
    settled = row.generation == row.confirmed_generation
    row.due_at = now if again and settled else next_due(row, now)
    row.lease_until = None
    row.save()
    return True


def in_force(row: Placement, executor: Executor, observed: Observed) -> bool:
    """What is observed is what this generation wanted, and not by chance an older one."""
    fenced = executor.fencing == "none" or observed.generation == row.generation
    return fenced and agree(row.desired, observed.share, row.grain)


def next_due(row: Placement, now: datetime) -> datetime | None:
    if row.rollout.phase in AT_REST:
        return None
    if row.rollout.phase == Phase.ROLLED_BACK and recovery.watch_ends(row.rollout, now):
        # The auditor goes on looking, less often.
        return None
    every = float(row.rollout.spec["interval_s"])
    if row.rollout.phase in {Phase.RUNNING, Phase.WATCHING}:
        every /= LOOKS_A_READ
    if row.rollout.phase == Phase.ROLLED_BACK and row.rollout.recovered_at is not None:
        every = LONGEST_BACK_OFF_S
    return now + timedelta(seconds=min(every * 2 ** min(row.failures, 6), LONGEST_BACK_OFF_S))


@transaction.atomic
def back_off(placement: Placement, error: str, now: datetime) -> None:
    mine = Placement.objects.filter(pk=placement.pk, token=placement.token)
    row = mine.select_for_update().first()
    if row is None:
        return
    row.failures += 1
    row.last_error = error[:1000]
    row.lease_until = None
    row.due_at = now + timedelta(seconds=min(2.0 ** min(row.failures, 6), LONGEST_BACK_OFF_S))
    row.save(update_fields=["failures", "last_error", "lease_until", "due_at"])
