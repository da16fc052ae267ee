"""What a pipeline is told: one decision, derived from the change and its rollout."""

from typing import Any

from django.conf import settings

from controlplane.models import Assessment, Change
from controlplane.quality_gates import closed
from controlplane.shadow import said
from rollout.gates import conflict
from rollout.machine import ChangeState, Phase, shown_state
from rollout.models import Rollout

BY_STATE = {
    ChangeState.SUBMITTED: "needs_approval",
    ChangeState.ASSESSING: "needs_approval",
    ChangeState.PENDING_APPROVAL: "needs_approval",
    ChangeState.APPROVED: "allowed",
    ChangeState.EXTERNAL: "allowed",
    ChangeState.EXECUTING: "allowed",
    ChangeState.SCHEDULED: "scheduled",
    ChangeState.REJECTED: "rejected",
    ChangeState.SUCCEEDED: "completed",
    ChangeState.FAILED: "failed",
    # Nobody told how it ended: not good news.
    ChangeState.UNKNOWN: "failed",
    ChangeState.EXPIRED: "expired",
    ChangeState.CANCELED: "canceled",
}
# By machine.shown_state. Watching is still under way: `completed` comes when it is over.
BY_ROLLOUT = {
    Phase.PENDING: "allowed",
    Phase.RUNNING: "running",
    Phase.WATCHING: "running",
    "halted": "halted",
    "paused": "paused",
    Phase.ROLLING_BACK: "halted",
    Phase.ROLLED_BACK: "rolled_back",
    Phase.ROLLBACK_FAILED: "rollback_failed",
    Phase.WRITTEN_OFF: "rollback_failed",
    Phase.COMPLETED: "completed",
    Phase.CANCELED: "canceled",
}
# From here on the decision does not change any more by itself.
FINAL = frozenset(
    {"rejected", "completed", "rolled_back", "rollback_failed", "failed", "canceled", "expired"}
)


def decision_of(change: Change) -> dict[str, Any]:
    rollout = Rollout.objects.filter(pk=change.rollout_id).first() if change.rollout_id else None
    assessment = change.assessments.order_by("-at", "-id").first()
    return {
        "change": str(change.id),
        "state": change.state,
        "decision": _running(rollout) if rollout else _before(change, assessment),
        "level": assessment.level if assessment else None,
        "reasons": _reasons(change, rollout),
        "rollout": str(change.rollout_id) if change.rollout_id else None,
        "url": url_of(change.id),
    }


def _reasons(change: Change, rollout: Rollout | None) -> list[str]:
    if rollout is not None:
        return reasons_of(rollout, change)
    watched = Rollout.every.filter(change_id=change.pk, shadow=True).first()
    return [*(said(watched) if watched else []), *change.reasons]


def _before(change: Change, assessment: Assessment | None) -> str:
    """Whoever is told `allowed` goes ahead: not while a check is missing."""
    told = BY_STATE[ChangeState(change.state)]
    if change.state == ChangeState.APPROVED and assessment and closed(change, assessment.policy):
        return "scheduled"
    return told


def _running(rollout: Rollout) -> str:
    holds = frozenset(rollout.holds.filter(released_at=None).values_list("kind", flat=True))
    return BY_ROLLOUT[shown_state(rollout.phase, holds)]


def reasons_of(rollout: Rollout, change: Change) -> list[str]:
    """What it waits for and open holds first, then the ledger's newest decision with a reason."""
    waiting = [conflict(rollout)] if rollout.phase == Phase.PENDING else []
    holds = [f"{hold.kind}: {hold.reason}" for hold in rollout.holds.filter(released_at=None)]
    newest = rollout.decisions.exclude(reasons=[]).order_by("-sequence").first()
    told = [*filter(None, waiting), *holds, *(newest.reasons if newest else [])]
    return told or list(change.reasons)


def url_of(change_id: object) -> str:
    return f"{settings.GRAYGATE_URL.rstrip('/')}/changes/{change_id}/"


def url_of_anomaly(anomaly_id: object) -> str:
    return f"{settings.GRAYGATE_URL.rstrip('/')}/anomalies/{anomaly_id}/"
