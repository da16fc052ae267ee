"""What the outbox tells of a rollout, written in the transaction that made it true."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rollout import ledger
from rollout.effects import open_holds
from rollout.machine import HoldKind
from rollout.models import Rollout
from rollout.spec import RolloutSpec


def tell(
    rollout: Rollout,
    kind: str,
    reasons: Sequence[str],
    evidence: Mapping[str, Any],
    now: datetime,
) -> None:
    spec = RolloutSpec.from_json(rollout.spec)
    holds = sorted(each.kind for each in open_holds(rollout))
    ledger.publish(
        kind,
        rollout.change_id,
        {
            "change": str(rollout.change_id),
            "title": spec.title,
            "rollout": str(rollout.pk),
            "service": ", ".join(dict.fromkeys(t.service for t in spec.targets)),
            "environment": spec.environment,
            "team": spec.team,
            "reason": "; ".join(reasons),
            "reasons": list(reasons),
            "evidence": dict(evidence),
            "left_to_do": _left_to_do(kind, holds),
            # What is so now: an answer to one hold is not the end of another.
            "phase": rollout.phase,
            "holds": holds,
        },
        now,
    )


def _left_to_do(kind: str, holds: Sequence[str]) -> list[str]:
    return (
        AFTER_DRIFT
        if kind == "rollout.hold" and HoldKind.DRIFT in holds
        else LEFT_TO_DO.get(kind, [])
    )


# Nothing but a person ends it.
AFTER_DRIFT = [
    "Look at the target. `resume` lets the change go on from its stage; `abort` takes it back.",
]
LEFT_TO_DO = {
    "rollout.halted": [
        "Exposure does not grow. Look at the evidence: promote (waive), retry or abort.",
    ],
    "rollout.halted_together": [
        "Exposure does not grow. Others fail with it: find what they share.",
        "Then answer it: retry, promote or abort.",
    ],
    "rollout.held_together": [
        "Exposure does not grow. It was told of all that are held together, and what to do.",
    ],
    "rollout.rolling_back": ["Nothing yet: exposure is going to zero."],
    "rollout.rolled_back": [
        "Exposure is zero. Find the defect before the change is submitted again.",
        "This alert resolves by itself when the metric has recovered.",
    ],
    "rollout.rollback_failed": [
        "Take the exposure to zero by hand, or fix forward; then `retry` or `accept`.",
    ],
    "rollout.hold": ["Exposure does not grow until the reason is gone."],
}
