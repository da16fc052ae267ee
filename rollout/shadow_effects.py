"""What is written down about a change that others carry out. The caller holds the rollout's lock.

Nothing here desires an exposure: the rows follow what is seen.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from attribution import anomalies
from rollout import effects, gates, ledger, version_cohorts
from rollout.executors.watched import NAME
from rollout.machine import HoldKind, Phase, StageState, step
from rollout.models import Placement, Rollout, Stage
from rollout.snapshot import Decision, Do
from rollout.spec import RolloutSpec
from rollout.version_cohorts import told_by_version

FOLLOWED = (Phase.PENDING, Phase.RUNNING, Phase.WATCHING)


def begin(spec: RolloutSpec, now: datetime) -> Rollout:
    """A rollout that is only watched. `spec.would_level` says what it is the shadow of."""
    effects.lock_until_commit(f"artefact/{spec.environment}/{spec.artefact}")
    supersede(spec, now)
    rollout = Rollout.every.create(
        change_id=spec.change_id,
        artefact=spec.artefact,
        environment=spec.environment,
        spec=spec.to_json(),
        shadow=True,
        created_at=now,
        progressed_at=now,
    )
    names = dict.fromkeys(target.service for target in spec.targets)
    Placement.objects.bulk_create(
        Placement(
            rollout=rollout,
            target=name,
            service=name,
            executor=NAME,
            config={"service": name},
            due_at=now,
        )
        for name in names
        if spec.guardrails.get(name)
    )
    _follow_versions(rollout, now)
    ledger.append(rollout, "watch_only", [], ledger.SYSTEM, {"spec": spec.to_json()}, now)
    return rollout


def _follow_versions(rollout: Rollout, now: datetime) -> None:
    """Whoever acts on a service says which versions its cohorts are; a shadow looks on then."""
    for service in sorted(told_by_version(rollout)):
        effects.lock_until_commit(f"cohorts/{service}")
    if not gates.version_conflict(rollout):
        make_way(rollout, now)
        version_cohorts.watch(rollout)


def make_way(rollout: Rollout, now: datetime) -> None:
    """The cohorts are those of this one from now on: no other can be followed by them."""
    services = told_by_version(rollout)
    others = Rollout.every.filter(
        shadow=True, phase__in=FOLLOWED, placements__service__in=services
    ).exclude(pk=rollout.pk)
    for pk in others.order_by("pk").values_list("pk", flat=True).distinct():
        _superseded(Rollout.every.select_for_update().get(pk=pk), rollout.change_id, now)


def supersede(spec: RolloutSpec, now: datetime) -> None:
    """The newer version is what the metrics tell of from now on."""
    older = Rollout.every.select_for_update().filter(
        shadow=True, artefact=spec.artefact, environment=spec.environment, phase__in=FOLLOWED
    )
    for rollout in older:
        _superseded(rollout, spec.change_id, now)


def _superseded(rollout: Rollout, by: object, now: datetime) -> None:
    partly = rollout.phase == Phase.RUNNING
    _end(rollout, now, superseded=True)
    if partly:
        # Nothing tells of it any more; what comes takes its place.
        for placement in rollout.placements.all():
            effects.record_observed(placement, 0.0, [], now)
            placement.save(update_fields=["observed", "observed_units", "observed_at"])
    why = [f"superseded by change {by}"]
    ledger.append(rollout, "superseded", why, ledger.SYSTEM, {}, now)
    effects.bump(rollout, now)


def patience_until(rollout: Rollout) -> datetime:
    """Until when its exposure is waited for, or watched at a share."""
    since = rollout.started_at or rollout.created_at
    return since + timedelta(seconds=settings.GRAYGATE_SHADOW_S)


def follow(rollout: Rollout) -> None:
    """What is desired is what there is: no drift, and nothing to apply."""
    rollout.placements.update(desired=F("observed"))
    stage = effects.current_stage(rollout)
    # In full it is another stage: nobody is left to compare with.
    if stage is not None and stage.share < (share := _share(rollout)) < 1:
        stage.share = share
        stage.save(update_fields=["share"])


def _share(rollout: Rollout) -> float:
    seen = list(rollout.placements.values_list("observed", flat=True))
    return sum(seen) / len(seen) if seen else 0.0


def _seen(rollout: Rollout, _d: Decision, now: datetime) -> str:
    rollout.phase = step("rollout", rollout.phase, "start")
    rollout.started_at = now
    _new_stage(rollout, 0, now)
    return ""


def _new_stage(rollout: Rollout, index: int, now: datetime) -> None:
    """Evidence begins anew where the control ends."""
    stage = Stage(rollout=rollout, index=index, share=_share(rollout), state=StageState.BAKING)
    effects.new_epoch(rollout, stage, now)


def _seen_full(rollout: Rollout, _d: Decision, now: datetime) -> str:
    stage = effects.current_stage(rollout)
    rollout.phase = step("rollout", rollout.phase, "all_stages")
    spec = RolloutSpec.from_json(rollout.spec)
    rollout.undo_until = now + timedelta(seconds=spec.undo_s)
    if stage is not None and stage.share < 1:
        _close(stage, now)
        _new_stage(rollout, stage.index + 1, now)
    return ""


def _close(stage: Stage, now: datetime) -> None:
    """Passed where its last verdict was a pass; nothing else is ever called that."""
    event = "pass" if stage.verdict == "pass" else "stop"
    effects.close_stage(stage, event, stage.reason, now)


def _unseen(rollout: Rollout, _d: Decision, now: datetime) -> str:
    effects.finish(rollout, step("rollout", rollout.phase, "expire"), now)
    return ""


def _watched(rollout: Rollout, _d: Decision, now: datetime) -> str:
    _end(rollout, now)
    return ""


def _end(rollout: Rollout, now: datetime, *, superseded: bool = False) -> None:
    if rollout.phase == Phase.PENDING:
        effects.finish(rollout, step("rollout", rollout.phase, "cancel"), now)
        return
    if rollout.phase == Phase.RUNNING:
        rollout.phase = step("rollout", rollout.phase, "all_stages")
        rollout.save(update_fields=["phase"])
    if stage := effects.current_stage(rollout):
        _close(stage, now)
    event = "superseded" if superseded else "undo_expired"
    effects.finish(rollout, step("rollout", rollout.phase, event), now)


def _taken_out(rollout: Rollout, _d: Decision, now: datetime) -> str:
    """A person has taken it back, by other means: an abort, and at zero already."""
    rollout.phase = step("rollout", rollout.phase, "abort")
    rollout.save(update_fields=["phase"])
    effects.finish(rollout, step("rollout", rollout.phase, "all_zero"), now)
    rollout.placements.update(due_at=now)
    return ""


def _would_halt(rollout: Rollout, decision: Decision, now: datetime) -> str:
    reason = "; ".join(decision.reasons)
    effects.hold(rollout, HoldKind.HALTED, ledger.SYSTEM, reason, now)
    rollout.halted_at = now
    # Attribution has its word as it would have: the wait for it is part of the answer.
    for service in set(rollout.placements.values_list("service", flat=True)):
        begun = rollout.started_at or now
        anomalies.open_anomaly("judge", str(rollout.change_id), service, "guardrails", begun, now)
    return "shadow.would_halt"


def _would_suspect(rollout: Rollout, decision: Decision, now: datetime) -> str:
    effects.hold(rollout, decision.hold, ledger.SYSTEM, "; ".join(decision.reasons), now)
    return ""


def _would_roll_back(rollout: Rollout, _d: Decision, now: datetime) -> str:
    rollout.rolling_back_since = now
    return "shadow.would_rollback"


Effect = Callable[[Rollout, Decision, datetime], str]
EFFECTS: dict[str, Effect] = {
    Do.SEEN: _seen,
    Do.SEEN_FULL: _seen_full,
    Do.UNSEEN: _unseen,
    Do.WATCHED: _watched,
    Do.TAKEN_OUT: _taken_out,
    Do.WOULD_HALT: _would_halt,
    Do.WOULD_SUSPECT: _would_suspect,
    Do.WOULD_ROLL_BACK: _would_roll_back,
}
