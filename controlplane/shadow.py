"""Changes that others carry out (L0, L1): watched while they last, and ended by what was seen."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from attribution.clock import database_now
from attribution.models import Guardrail, Service
from controlplane import handover
from controlplane.models import Change
from rollout import services as rollouts
from rollout.executors.watched import NAME
from rollout.machine import ChangeState, Phase, step
from rollout.models import Rollout
from rollout.spec import RolloutSpec, StageSpec, TargetSpec

log = logging.getLogger(__name__)
MOST_A_ROUND = 200
# How the change has ended, by how its shadow has.
ENDS = {
    Phase.COMPLETED: ("succeed", "seen in production, and still there when the watch ended"),
    Phase.ROLLED_BACK: ("fail", "taken out of production again"),
    Phase.CANCELED: ("lose", "never seen in production, or a newer version came first"),
}
# What enforcing is where the policy itself leaves it to others.
ENFORCED = "L3"


def watch(change: Change) -> Rollout | None:
    """Its shadow; None: no guardrail says how it does. Raises CaseError as hand_over does."""
    services = handover.services_of(change)
    guardrails = handover.guardrails_of(services, handover.own_guardrails(change))
    if not any(guardrails.values()):
        return None
    return rollouts.watch(_spec(change, services, guardrails))


def _spec(
    change: Change, services: Sequence[Service], guardrails: handover.Guardrails
) -> RolloutSpec:
    """Two stages, as they are seen: on for a share, and on for everybody."""
    assessed = handover.assessed(change)
    policy = assessed["policy"]
    names = [service.name for service in services]
    would = handover.policy_level(policy, change, guardrails)
    return handover.frozen_spec(
        change,
        services,
        guardrails,
        assessed,
        control_level=handover.control_level(policy, change, services, guardrails),
        stages=(StageSpec(share=1.0, min_s=0.0), StageSpec(share=1.0, min_s=0.0)),
        targets=tuple(TargetSpec(name, NAME, {"service": name}) for name in names),
        would_level=ENFORCED if would in handover.HANDED_OUT else would,
    )


# --- how they end ----------------------------------------------------------------------------


def conclude() -> int:
    """Idempotent: the changes whose shadow has ended, and those that nobody can watch."""
    now = database_now()
    ended = Rollout.every.filter(shadow=True, phase__in=ENDS).values("pk")
    external = Change.objects.filter(state=ChangeState.EXTERNAL).order_by("created_at")
    watched = external.filter(rollout_id__in=ended)
    patience = now - timedelta(seconds=settings.GRAYGATE_SHADOW_S)
    unwatched = external.filter(rollout_id=None, updated_at__lt=patience)
    found = [*watched.values_list("pk", flat=True)[:MOST_A_ROUND]]
    found += unwatched.values_list("pk", flat=True)[:MOST_A_ROUND]
    return sum(_tried(change_id) for change_id in found)


def _tried(change_id: uuid.UUID) -> bool:
    try:
        return _conclude(change_id)
    except Exception:
        log.exception("change %s could not be ended; it is tried again", change_id)
        return False


@transaction.atomic
def _conclude(change_id: uuid.UUID) -> bool:
    change = Change.objects.select_for_update().get(pk=change_id)
    if change.state != ChangeState.EXTERNAL:
        return False
    event, reason = _end(change.rollout_id)
    change.state = step("change", change.state, event)
    change.reasons = [reason, *change.reasons][:20]
    change.save()
    # Nothing will read the change's own metrics.
    Guardrail.objects.filter(change_id=change.pk).delete()
    return True


def _end(rollout_id: uuid.UUID | None) -> tuple[str, str]:
    if rollout_id is None:
        return "lose", "no guardrail watched it, and nobody told how it ended"
    rollout = Rollout.every.get(pk=rollout_id)
    return ENDS[Phase(rollout.phase)]


def said(rollout: Rollout) -> list[str]:
    """What enforcing would have done, a sentence each, in the order of time."""
    verbs = {"would_halt": "halted", "would_rollback": "rolled back"}
    rows = rollout.decisions.filter(decision__in=verbs).order_by("sequence").defer("inputs")
    return [
        f"shadow: would have {verbs[row.decision]} at {_clock(row.at)}: {'; '.join(row.reasons)}"
        for row in rows
    ]


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"
