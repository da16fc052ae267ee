"""Rows → Snapshot: what decide() is told about a rollout, read under the rollout's lock."""

from datetime import datetime

from rollout import effects, gates, shadow_effects, storms
from rollout.machine import HoldKind, Phase
from rollout.models import Placement, Rollout, Stage
from rollout.snapshot import PlacementView, Snapshot, StageView
from rollout.spec import RolloutSpec, StageSpec


def snapshot_of(rollout: Rollout, now: datetime) -> Snapshot:
    spec = RolloutSpec.from_json(rollout.spec)
    stages = rollout.stages.all()
    placements = rollout.placements.filter(taken_over=False)
    holds = {hold.kind: hold for hold in effects.open_holds(rollout)}
    # In shadow nobody is stopped, and so nobody by a storm.
    storm = None if rollout.shadow else storms.open_storm(rollout.environment)
    suspected, telling = holds.get(HoldKind.SUSPECTED), holds.get(HoldKind.TELLING_APART)
    return Snapshot(
        phase=rollout.phase,
        holds=frozenset(holds),
        stages=tuple(stage_view(s, spec.stages[s.index]) for s in stages),
        placements=tuple(placement_view(p, now) for p in placements),
        control_level=spec.would_level or spec.control_level,
        reversible=spec.reversible,
        own_eyes=spec.own_eyes,
        observable=spec.observable,
        on_inconclusive=spec.on_inconclusive,
        alpha_rollback=spec.alpha_rollback,
        attribution_wait_s=spec.attribution_wait_s,
        halt_patience_s=spec.halt_patience_s,
        rollback_timeout_s=spec.rollback_timeout_s,
        halted_at=_seconds(rollout.halted_at),
        suspected_at=_seconds(suspected.since if suspected else None),
        telling_until=_seconds(telling.expires_at if telling else None),
        undo_until=_seconds(rollout.undo_until),
        rolling_back_since=_seconds(rollout.rolling_back_since),
        zero_at=_seconds(rollout.ended_at if rollout.phase == Phase.ROLLED_BACK else None),
        recovery_wait_s=spec.recovery_wait_s,
        recovered=rollout.recovered_at is not None,
        in_vain=rollout.in_vain_at is not None,
        frozen=gates.frozen(spec, now),
        conflict=gates.conflict(rollout) if rollout.phase == Phase.PENDING else "",
        closed_gates=closed_gates(rollout),
        common_cause=storms.common_cause(rollout, storm, now),
        storm=storms.reason_to_hold(rollout, storm),
        shadow=rollout.shadow,
        patience_until=_seconds(shadow_effects.patience_until(rollout)) if rollout.shadow else None,
    )


def closed_gates(rollout: Rollout) -> tuple[str, ...]:
    """Why the next stage may not open yet, beside the holds."""
    if rollout.phase != Phase.RUNNING:
        return ()
    return tuple(filter(None, [gates.incident(rollout)]))


def stage_view(stage: Stage, spec: StageSpec) -> StageView:
    return StageView(
        stage.index,
        stage.share,
        stage.state,
        spec.min_s,
        spec.max_s,
        spec.min_samples,
        _seconds(stage.baking_since),
    )


def placement_view(placement: Placement, now: datetime) -> PlacementView:
    return PlacementView(
        placement.target,
        placement.desired,
        placement.observed,
        settled=placement.generation == placement.confirmed_generation,
        calls_alive=placement.calls_until is not None and placement.calls_until > now,
        grain=placement.grain,
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
