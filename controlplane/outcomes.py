"""How changes ended: what classification and policy are measured against later."""

import logging
import uuid

from django.db import transaction
from django.db.models import F, Max, OuterRef, Q, Subquery

from attribution import settlings
from attribution.models import Exposure, Guardrail
from controlplane.models import Change, Outcome
from rollout.machine import ChangeState, Phase
from rollout.models import Rollout
from rollout.settled import settled

log = logging.getLogger(__name__)
MOST_A_ROUND = 200
ENDED = (
    Phase.COMPLETED,
    Phase.ROLLED_BACK,
    Phase.ROLLBACK_FAILED,
    Phase.WRITTEN_OFF,
    Phase.CANCELED,
)
# These may still go on: a failed rollback is retried, a rolled back metric recovers.
UNSETTLED = (Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)


def record_outcomes() -> int:
    """Idempotent: one row a change, brought up to date until nothing more can happen to it."""
    return sum(_tried(rollout_id) for rollout_id in _due())


def _due() -> list[uuid.UUID]:
    """Ended rollouts of changes without an outcome, or with one that they have moved on from."""
    rollout = Rollout.objects.filter(pk=OuterRef("rollout_id"))
    untold = Q(outcome=None) | Q(outcome__result__in=UNSETTLED, outcome__recovered_at=None)
    moved = Q(outcome=None) | ~Q(outcome__result=F("phase")) | Q(recovered__isnull=False)
    changes = (
        Change.objects.filter(untold, state=ChangeState.EXECUTING, rollout_id__isnull=False)
        .annotate(
            phase=Subquery(rollout.values("phase")),
            recovered=Subquery(rollout.values("recovered_at")),
        )
        .filter(moved, phase__in=ENDED)
    )
    found = changes.order_by().values_list("rollout_id", flat=True)[:MOST_A_ROUND]
    return [rollout_id for rollout_id in found if rollout_id is not None]


def _tried(rollout_id: uuid.UUID) -> bool:
    try:
        recorded = _record(rollout_id)
    except Exception:
        # One that cannot be recorded keeps no other from it.
        log.exception("outcome of rollout %s was not recorded; it is tried again", rollout_id)
        return False
    try:
        _learn(rollout_id)
    except Exception:
        log.exception("rollout %s taught nothing of how long canaries settle", rollout_id)
    return recorded


def _learn(rollout_id: uuid.UUID) -> None:
    rollout = Rollout.objects.get(pk=rollout_id)
    if rollout.phase == Phase.COMPLETED and rollout.ended_at is not None:
        settlings.record(rollout.change_id, rollout.ended_at, settled(rollout))


@transaction.atomic
def _record(rollout_id: uuid.UUID) -> bool:
    rollout = Rollout.objects.get(pk=rollout_id)
    change = Change.objects.select_for_update().get(pk=rollout.change_id)
    if change.rollout_id != rollout_id:
        return False  # tried again meanwhile
    Outcome.objects.update_or_create(
        change=change,
        defaults={
            "result": rollout.phase,
            "level": rollout.spec["level"],
            "ended_at": rollout.ended_at or rollout.progressed_at,
            "max_exposure": _max_exposure(change.id),
            "recovered_at": rollout.recovered_at,
        },
    )
    if rollout.phase not in UNSETTLED or rollout.recovered_at is not None:
        # Nothing reads the change's own metrics any more.
        Guardrail.objects.filter(change_id=change.id).delete()
    return True


def _max_exposure(change_id: uuid.UUID) -> float:
    found = Exposure.objects.filter(change_id=change_id).aggregate(most=Max("share"))
    return float(found["most"] or 0.0)
