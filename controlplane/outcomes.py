"""How changes ended: what classification and policy are measured against later."""

import uuid

from django.db import transaction
from django.db.models import Max

from attribution.models import Exposure, Guardrail
from controlplane.models import Change, Outcome
from rollout.machine import ChangeState, Phase
from rollout.models import Rollout

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
    return sum(_record(rollout_id) for rollout_id in _due())


def _due() -> list[uuid.UUID]:
    """Ended rollouts of changes without an outcome, or with one that they have moved on from."""
    handed = Change.objects.filter(state=ChangeState.EXECUTING, rollout_id__isnull=False)
    new = handed.filter(outcome__isnull=True).values("rollout_id")
    unsettled = handed.filter(outcome__result__in=UNSETTLED, outcome__recovered_at=None)
    ended = Rollout.objects.filter(phase__in=ENDED)
    due = list(ended.filter(pk__in=new).values_list("pk", flat=True))
    for rollout in ended.filter(pk__in=unsettled.values("rollout_id")):
        outcome = Outcome.objects.get(change_id=rollout.change_id)
        if (outcome.result, outcome.recovered_at) != (rollout.phase, rollout.recovered_at):
            due.append(rollout.pk)
    return due


@transaction.atomic
def _record(rollout_id: uuid.UUID) -> bool:
    rollout = Rollout.objects.get(pk=rollout_id)
    change = Change.objects.select_for_update().get(pk=rollout.change_id)
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
