"""What a decision changes in the rows. The caller holds the rollout's row lock.

Nothing here talks to a target: rows say what is desired, the loop makes it so.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from attribution import anomalies, exposures
from rollout import plan
from rollout.machine import (
    AT_REST,
    CURRENT_STAGES,
    OPEN_STAGES,
    HoldKind,
    Phase,
    StageState,
    step,
)
from rollout.models import Hold, Placement, Rollout, Stage
from rollout.snapshot import SAME_SHARE, agree
from rollout.spec import RolloutSpec


def lock_until_commit(name: str) -> None:
    """One at a time for things that have no row of their own to lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def bump(rollout: Rollout, now: datetime) -> None:
    """A new version for If-Match, and a bell for every placement."""
    rollout.version += 1
    rollout.progressed_at = now
    rollout.save()
    if rollout.phase not in AT_REST:
        rollout.placements.update(due_at=now)


# --- holds -----------------------------------------------------------------------------------


def hold(rollout: Rollout, kind: str, actor: str, reason: str, now: datetime) -> None:
    rollout.holds.get_or_create(
        kind=kind,
        released_at=None,
        defaults={"actor": actor, "reason": reason, "since": now},
    )


def release(rollout: Rollout, now: datetime, *kinds: str) -> int:
    return rollout.holds.filter(kind__in=kinds, released_at=None).update(released_at=now)


def open_holds(rollout: Rollout) -> list[Hold]:
    return list(rollout.holds.filter(released_at=None))


# --- stages ----------------------------------------------------------------------------------


def current_stage(rollout: Rollout) -> Stage | None:
    return rollout.stages.filter(state__in=CURRENT_STAGES).first()


def move_stage(stage: Stage, event: str) -> None:
    stage.state = step("stage", stage.state, event)


def check_stage(rollout: Rollout, stage: Stage) -> None:
    move_stage(stage, "check")
    stage.epoch = rollout.epoch
    stage.save()


def close_stage(stage: Stage, event: str, reason: str, now: datetime) -> None:
    move_stage(stage, event)
    stage.reason = reason[:200]
    stage.ended_at = now
    stage.save()


def step_down(rollout: Rollout) -> None:
    """Its stage opens anew once a person has let it go on."""
    stage = current_stage(rollout)
    if stage is not None and stage.state in {StageState.APPLYING, StageState.BAKING}:
        move_stage(stage, "step_down")
        stage.baking_since = None
        stage.save()


def next_stage(rollout: Rollout, done: Stage, now: datetime) -> None:
    """Go to the pre-check of the next stage; after the last one, watch."""
    following = rollout.stages.filter(index=done.index + 1).first()
    if following is not None:
        rollout.phase = step("rollout", rollout.phase, "advance")
        check_stage(rollout, following)
        return
    spec = RolloutSpec.from_json(rollout.spec)
    rollout.phase = step("rollout", rollout.phase, "all_stages")
    rollout.undo_until = now + timedelta(seconds=spec.undo_s)


def new_epoch(rollout: Rollout, stage: Stage, now: datetime) -> None:
    """Evidence starts again from here, so that a long quiet time does not deafen the judge."""
    rollout.epoch += 1
    stage.epoch = rollout.epoch
    stage.baking_since = now
    stage.save()


def forget_evidence(rollout: Rollout, now: datetime) -> None:
    """A person has answered: what was seen until now is not held against the change again."""
    release(rollout, now, HoldKind.HALTED, HoldKind.SUSPECTED)
    rollout.halted_at = None
    rollout.evidence_since = now
    rollout.epoch += 1
    anomalies.end_anomaly("judge", str(rollout.change_id), now)


# --- exposure --------------------------------------------------------------------------------


def desire(placement: Placement, share: float, units: Sequence[str], now: datetime) -> None:
    placement.desired = share
    placement.desired_units = list(units)
    placement.generation += 1
    placement.due_at = now
    placement.failures = 0
    placement.save(update_fields=["desired", "desired_units", "generation", "due_at", "failures"])


def desire_share(rollout: Rollout, share: float, now: datetime) -> None:
    spec = RolloutSpec.from_json(rollout.spec)
    # Two that draw units at once would draw the same ones.
    lock_until_commit(f"units/{rollout.environment}")
    units = {t.service: t.units for t in spec.targets}
    for placement in rollout.placements.all():
        if not units[placement.service]:
            desire(placement, share, [], now)
            continue
        given = plan.assign(
            str(rollout.change_id),
            units[placement.service],
            share,
            mine=placement.desired_units,
            taken=_taken_by_others(rollout),
        )
        desire(placement, given.share, given.units, now)


def withhold(rollout: Rollout, now: datetime) -> None:
    """Take growth back that was intended and not yet seen: a hold has come in between.

    A call already sent may land once; the newer generation sets it back.
    """
    growing = [
        p
        for p in rollout.placements.filter(generation__gt=F("confirmed_generation"))
        if p.desired > p.observed and not agree(p.desired, p.observed, p.grain)
    ]
    for placement in growing:
        desire(placement, placement.observed, placement.observed_units, now)
    stage = current_stage(rollout)
    if growing and stage is not None and stage.state == StageState.APPLYING:
        move_stage(stage, "withhold")
        stage.save()


def _taken_by_others(rollout: Rollout) -> set[str]:
    """Units that other changes under way hold, on any service.

    A user bucket is one unit along the whole call path, so that two changes on neighbours
    never meet in one request while there are buckets enough.
    """
    rows = Placement.objects.filter(
        rollout__phase__in=(Phase.RUNNING, Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED),
        rollout__environment=rollout.environment,
    ).exclude(rollout=rollout)
    return {
        unit
        for desired, observed in rows.values_list("desired_units", "observed_units")
        for unit in (*desired, *observed)
    }


def start_rollback(rollout: Rollout, event: str, now: datetime) -> None:
    rollout.phase = step("rollout", rollout.phase, event)
    rollout.rolling_back_since = now
    for stage in rollout.stages.filter(state__in=OPEN_STAGES):
        close_stage(stage, "stop", "", now)
    for placement in rollout.placements.filter(taken_over=False):
        desire(placement, 0.0, [], now)


def finish(rollout: Rollout, phase: str, now: datetime) -> None:
    rollout.phase = phase
    rollout.ended_at = now
    for stage in rollout.stages.filter(state__in=OPEN_STAGES):
        close_stage(stage, "stop", "", now)
    rollout.placements.update(due_at=None)
    rollout.holds.filter(released_at=None).update(released_at=now)
    if phase != Phase.ROLLED_BACK:
        anomalies.end_anomaly("judge", str(rollout.change_id), now)


def lock_targets(rollout: Rollout) -> None:
    """Who has an exclusive target, and whose versions the cohorts are, is read and decided by one
    at a time.
    """
    if rollout.phase in {Phase.PENDING, Phase.ROLLED_BACK}:
        mine = rollout.placements.filter(exclusive=True).values_list("executor", "target")
        for executor, target in sorted(mine):
            lock_until_commit(f"target/{executor}/{target}")
    if rollout.phase == Phase.PENDING:
        for service in sorted(set(rollout.placements.values_list("service", flat=True))):
            lock_until_commit(f"cohorts/{service}")


def take_over(rollout: Rollout) -> None:
    """From here on what an exclusive target shows is this rollout's and no earlier one's."""
    for mine in rollout.placements.filter(exclusive=True):
        same = Placement.objects.filter(executor=mine.executor, target=mine.target, exclusive=True)
        # One that is still pending comes later.
        earlier = same.exclude(rollout=rollout).exclude(rollout__phase=Phase.PENDING)
        # Nor is a call of theirs sent any more.
        earlier.filter(taken_over=False).update(
            taken_over=True, confirmed_generation=F("generation")
        )


def record_observed(placement: Placement, share: float, units: list[str], now: datetime) -> None:
    """Tell the floor below who is exposed, whenever that has changed."""
    if placement.taken_over:
        return
    moved = abs(share - placement.observed) > SAME_SHARE
    changed = moved or set(units) != set(placement.observed_units)
    placement.observed, placement.observed_units, placement.observed_at = share, units, now
    if placement.exclusive and not placement.generation:
        # Seen before the first call: whatever it is, it is not this change.
        return
    rollout = placement.rollout
    several = sum(t["service"] == placement.service for t in rollout.spec["targets"]) > 1
    # Two targets that are confirmed at once do not see each other: the next look mends that.
    if changed or (several and placement.generation):
        if several:
            share, units = service_exposure(placement)
        spec = rollout.spec
        exposures.record(
            rollout.change_id,
            placement.service,
            now,
            share,
            units,
            spec["kind"],
            managed=not rollout.shadow,
            risk=spec["level"],
        )


def service_exposure(placement: Placement) -> tuple[float, list[str]]:
    """The mean over the service's targets, and the units of all; this one's need not be saved."""
    siblings = placement.rollout.placements.filter(service=placement.service)
    placements = [placement, *siblings.exclude(pk=placement.pk)]
    units = {unit for each in placements for unit in each.observed_units if each.own_share}
    return sum(each.own_share for each in placements) / len(placements), sorted(units)
