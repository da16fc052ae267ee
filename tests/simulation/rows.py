"""All rows that the invariants speak of, read at once."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

ALL = """
SELECT json_build_array(
 (SELECT coalesce(json_agg(json_build_array(id, phase, version, md5(spec::text), change_id,
   artefact, environment, halted_at, undo_until, ended_at) ORDER BY created_at, id), '[]')
   FROM rollout_rollout WHERE NOT shadow),
 (SELECT coalesce(json_agg(json_build_array(rollout_id, index, state, share, epoch)
   ORDER BY rollout_id, index), '[]') FROM rollout_stage),
 (SELECT coalesce(json_agg(json_build_array(id, rollout_id, kind, actor, released_at IS NULL)
   ORDER BY id), '[]') FROM rollout_hold),
 (SELECT coalesce(json_agg(json_build_array(id, rollout_id, target, service, executor, desired,
   desired_units, observed, observed_units, observed_at, calls_until, generation,
   confirmed_generation, token, lease_until, due_at, failures, taken_over) ORDER BY id), '[]')
   FROM rollout_placement),
 (SELECT coalesce(json_agg(json_build_array(rollout_id, sequence, decision, actor)
   ORDER BY rollout_id, sequence), '[]') FROM rollout_decision),
 (SELECT coalesce(json_agg(json_build_array(id, type, change_id, dispatched_at IS NOT NULL)
   ORDER BY at, id), '[]') FROM rollout_outboxmessage),
 (SELECT coalesce(json_agg(json_build_array(name, scope, starts_at, ends_at) ORDER BY name), '[]')
   FROM rollout_freeze),
 (SELECT coalesce(json_agg(json_build_array(name, guardrail, service, starts_at, ends_at)
   ORDER BY id), '[]') FROM rollout_guardrailsilence),
 (SELECT coalesce(json_agg(json_build_array(message_id, endpoint, attempts,
   delivered_at IS NOT NULL, gave_up_at IS NOT NULL, due_at, lease_until) ORDER BY id), '[]')
   FROM rollout_delivery),
 (SELECT coalesce(json_agg(json_build_array(id, environment, ended_at IS NULL) ORDER BY id), '[]')
   FROM rollout_storm)
)
"""


class RolloutRow(NamedTuple):
    id: str
    phase: str
    version: int
    spec_hash: str
    change_id: str
    artefact: str
    environment: str
    halted_at: str | None
    undo_until: str | None
    ended_at: str | None


class StageRow(NamedTuple):
    rollout: str
    index: int
    state: str
    share: float
    epoch: int


class HoldRow(NamedTuple):
    id: int
    rollout: str
    kind: str
    actor: str
    open: bool


class PlacementRow(NamedTuple):
    id: int
    rollout: str
    target: str
    service: str
    executor: str
    desired: float
    desired_units: list[str]
    observed: float
    observed_units: list[str]
    observed_at: str | None
    calls_until: str | None
    generation: int
    confirmed: int
    token: int
    lease_until: str | None
    due_at: str | None
    failures: int
    taken_over: bool

    @property
    def place(self) -> tuple[str, str]:
        return ("" if self.executor == "sim_shared" else self.rollout, self.target)


class DecisionRow(NamedTuple):
    rollout: str
    sequence: int
    decision: str
    actor: str


class MessageRow(NamedTuple):
    id: str
    type: str
    change_id: str
    dispatched: bool


class FreezeRow(NamedTuple):
    name: str
    scope: dict[str, str]
    starts_at: str
    ends_at: str | None


class SilenceRow(NamedTuple):
    name: str
    guardrail: str
    service: str
    starts_at: str
    ends_at: str


class DeliveryRow(NamedTuple):
    message: str
    endpoint: str
    attempts: int
    delivered: bool
    gave_up: bool
    due_at: str
    lease_until: str | None


class StormRow(NamedTuple):
    id: int
    environment: str
    open: bool


class Rows:
    def __init__(self, found: list[Any]) -> None:
        self.rollouts = {r[0]: RolloutRow(*r) for r in found[0]}
        self.stages = {(s[0], s[1]): StageRow(*s) for s in found[1]}
        self.holds = {h[0]: HoldRow(*h) for h in found[2]}
        self.placements = {p[0]: PlacementRow(*p) for p in found[3]}
        self.decisions = {(d[0], d[1]): DecisionRow(*d) for d in found[4]}
        self.messages = {m[0]: MessageRow(*m) for m in found[5]}
        self.freezes = {f[0]: FreezeRow(*f) for f in found[6]}
        self.silences = [SilenceRow(*s) for s in found[7]]
        self.deliveries = {(d[0], d[1]): DeliveryRow(*d) for d in found[8]}
        self.storms = {s[0]: StormRow(*s) for s in found[9]}

    def stages_of(self, rollout: str) -> list[StageRow]:
        return [s for s in self.stages.values() if s.rollout == rollout]

    def placements_of(self, rollout: str) -> list[PlacementRow]:
        return [p for p in self.placements.values() if p.rollout == rollout]

    def holds_of(self, rollout: str) -> set[str]:
        return {h.kind for h in self.holds.values() if h.rollout == rollout and h.open}


def read() -> Rows:
    return Rows(_parsed(connection_of_main().execute(ALL).fetchone()[0]))


def _parsed(found: Any) -> Any:
    return json.loads(found) if isinstance(found, str) else found


def inputs_of(rollout: str, sequence: int) -> dict[str, Any]:
    found = connection_of_main().execute(
        "SELECT inputs FROM rollout_decision WHERE rollout_id = %s AND sequence = %s",
        [UUID(rollout), sequence],
    )
    return _parsed(found.fetchone()[0])


_main: list[Any] = []


def use_connection() -> None:
    """The rows are read by one connection of their own, whoever runs."""
    connection.ensure_connection()
    _main[:] = [connection.connection]


def connection_of_main() -> Any:
    return _main[0]


def at(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None


CLEARED = """
    DELETE FROM rollout_delivery; DELETE FROM rollout_outboxmessage; DELETE FROM rollout_decision;
    DELETE FROM rollout_hold; DELETE FROM rollout_stage; DELETE FROM rollout_placement;
    DELETE FROM rollout_rollout; DELETE FROM rollout_freeze; DELETE FROM rollout_storm;
    DELETE FROM rollout_guardrailsilence;
    DELETE FROM attribution_exposure; DELETE FROM attribution_finding;
    DELETE FROM attribution_anomaly; DELETE FROM attribution_sample;
    DELETE FROM attribution_guardrail; DELETE FROM controlplane_policy;
"""

# Ids begin anew as well: when a delivery is tried again hangs on its own.
NUMBERED = ("delivery", "hold", "stage", "placement", "freeze", "guardrailsilence", "storm")
RESTARTED = "".join(f"SELECT setval('rollout_{name}_id_seq', 1, false); " for name in NUMBERED)


def clear() -> None:
    """Deleted, the ledger too: with the triggers and foreign keys of this one session off."""
    name = connection_of_main().info.dbname
    if not name.startswith("test_"):
        raise RuntimeError(f"{name} is no test's database: its rows are not deleted")
    connection_of_main().execute(
        f"SET session_replication_role = replica; {CLEARED} {RESTARTED}"
        "SET session_replication_role = origin"
    )


def new_in(before: dict[Any, Any], after: dict[Any, Any]) -> Iterator[Any]:
    return (after[key] for key in after if key not in before)


def spec_of(rollout: str) -> dict[str, Any]:
    found = connection_of_main().execute(
        "SELECT spec FROM rollout_rollout WHERE id = %s", [UUID(rollout)]
    )
    return _parsed(found.fetchone()[0])
