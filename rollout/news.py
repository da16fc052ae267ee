"""What the outbox tells of a rollout, written in the transaction that made it true."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rollout import ledger
from rollout.effects import open_holds
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
            "left_to_do": LEFT_TO_DO.get(kind, []),
            # What is so now: an answer to one hold is not the end of another.
            "phase": rollout.phase,
            "holds": sorted(each.kind for each in open_holds(rollout)),
        },
        now,
    )


LEFT_TO_DO = {
    "rollout.halted": [
        "Exposure does not grow. Look at the evidence: promote (waive), retry or abort.",
    ],
    "rollout.halted_together": [
        "Exposure does not grow. Others fail with it: find what they share.",
        "Then answer it: retry, promote or abort.",
    ],
    "rollout.held_together": ["Exposure does not grow until a person resumes it."],
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
