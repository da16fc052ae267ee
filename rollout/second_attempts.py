"""A rolled back change again, from stage one of the same frozen plan: a new rollout, linked.

It starts as any other does: freezes, conflicts and gates are asked anew. What was seen of the first
attempt is not held against it; attribution may suspect it of what is noticed from now on.
"""

import uuid
from dataclasses import replace

from attribution import anomalies
from rollout import effects
from rollout.machine import HoldKind, IllegalTransitionError, Phase
from rollout.models import Rollout
from rollout.services import ACTIVE, Locked, NotAllowedError, create, keep_guardrails, locked
from rollout.spec import RolloutSpec
from rollout.suspicion import taken_back_for

UNDER_WAY = (*ACTIVE, Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED)


def begin(
    rollout_id: uuid.UUID, actor: str, reason: str, control_level: str, version: int | None = None
) -> Rollout:
    """At the lower of the control level of then and `control_level`.

    Raises IllegalTransitionError, NotAllowedError, VersionMismatchError.
    """
    with locked(rollout_id, actor, reason, version) as it:
        if it.rollout.phase != Phase.ROLLED_BACK:
            raise IllegalTransitionError("rollout", it.rollout.phase, "retry")
        spec = RolloutSpec.from_json(it.rollout.spec)
        # Whoever hands over another version of it meanwhile waits, or is seen here.
        effects.lock_until_commit(f"artefact/{spec.environment}/{spec.artefact}")
        if why := in_the_way(it.rollout) or attempted(it.rollout):
            raise NotAllowedError(why)
        keep_guardrails(spec)
        again = replace(spec, control_level=min(spec.control_level, control_level))
        return _again(it, again)


def _again(it: Locked, spec: RolloutSpec) -> Rollout:
    # The anomaly that the first one's halt opened is answered, and so is its alert.
    anomalies.end_anomaly("judge", str(it.rollout.change_id), it.now)
    effects.release(it.rollout, it.now, *HoldKind)
    it.record("retry", "rollout.answered")
    new = create(spec, undoes=it.rollout.undoes, retries=it.rollout, actor=it.actor)
    new.evidence_since = it.now
    new.save(update_fields=["evidence_since"])
    return new


def attempted(rollout: Rollout) -> str:
    """Attempts form a line: a change is read from its newest, so no other is tried again."""
    newer = rollout.retried_by.order_by("-created_at").first()
    return f"rollout {newer.pk} is its second attempt: try that one again" if newer else ""


def in_the_way(rollout: Rollout) -> str:
    """Why there may be no second attempt now; empty: there may."""
    same = Rollout.every.filter(artefact=rollout.artefact, environment=rollout.environment)
    others = same.exclude(pk=rollout.pk).order_by("-created_at")
    if other := others.filter(phase__in=UNDER_WAY).first():
        return f"rollout {other.pk} of the same artefact is under way"
    later = others.filter(created_at__gt=rollout.created_at, phase=Phase.COMPLETED).first()
    if later is not None:
        return f"rollout {later.pk} of the same artefact came after it: submit the change anew"
    if rollout.recovered_at is None and rollout.in_vain_at is None and taken_back_for(rollout):
        return "the anomaly that it was taken back for goes on: wait until it is known whose it is"
    return ""
