"""The ledger: append-only decisions in a hash chain per rollout, and the outbox beside them.

Both are written in the transaction that makes them true; a database trigger refuses UPDATE and
DELETE of decisions, and the chain shows what was done to them by other means.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from django.db import connection

from rollout.models import Decision, OutboxMessage, Rollout

SYSTEM = "graygate"


def entry_hash(entry: Decision) -> str:
    body = {
        "id": str(entry.id),
        "rollout": str(entry.rollout_id),
        "change": str(entry.change_id),
        "sequence": entry.sequence,
        "at": entry.at.timestamp(),
        "decision": entry.decision,
        "reasons": entry.reasons,
        "actor": entry.actor,
        "inputs": entry.inputs,
        "previous": entry.previous_hash,
    }
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def as_stored(value: Mapping[str, Any]) -> Any:
    """What jsonb will give back (no -0.0, 1e16 as an integer): only that can be hashed again.

    A number that is none (NaN, infinity) would be refused and take the decision with it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [json.dumps(_finite(value))])
        return json.loads(cursor.fetchone()[0])


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def append(
    rollout: Rollout,
    decision: str,
    reasons: Sequence[str],
    actor: str,
    inputs: Mapping[str, Any],
    at: datetime,
) -> Decision:
    """Write the next entry. The caller holds the rollout's row lock, so the chain has one head."""
    last = rollout.decisions.order_by("-sequence").values("sequence", "hash").first()
    entry = Decision(
        id=uuid.uuid4(),
        rollout=rollout,
        change_id=rollout.change_id,
        sequence=last["sequence"] + 1 if last else 1,
        at=at,
        decision=decision,
        reasons=list(reasons),
        actor=actor,
        inputs=as_stored(inputs),
        previous_hash=last["hash"] if last else "",
    )
    entry.hash = entry_hash(entry)
    entry.save(force_insert=True)
    return entry


def verify(rollout: Rollout) -> list[str]:
    """What is wrong with the chain, a line a problem; empty: nothing."""
    problems: list[str] = []
    previous = ""
    for number, entry in enumerate(rollout.decisions.order_by("sequence"), start=1):
        if entry.sequence != number:
            return [*problems, f"entry {number} is missing"]
        problems += wrong_with(entry, previous)
        previous = entry.hash
    return problems


def wrong_with(entry: Decision, previous: str) -> list[str]:
    """Of one entry that is where it belongs. `previous`: the hash of the one before it."""
    found = []
    if entry.previous_hash != previous:
        found.append(f"entry {entry.sequence} does not follow the one before it")
    if entry.hash != entry_hash(entry):
        found.append(f"entry {entry.sequence} was altered")
    return found


def publish(
    kind: str, change_id: uuid.UUID, payload: Mapping[str, Any], at: datetime
) -> OutboxMessage:
    return OutboxMessage.objects.create(
        type=kind, change_id=change_id, payload=dict(payload), at=at
    )
