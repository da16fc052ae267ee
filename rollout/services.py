"""What people and the floor above may do to a rollout. Each takes the same row lock as the loop."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q

from attribution.clock import database_now
from attribution.models import Guardrail, Service
from rollout import effects, gates, ledger, shadow_effects
from rollout.executors.base import Executor, executor, on_target
from rollout.machine import HoldKind, IllegalTransitionError, Phase, StageState, step
from rollout.models import Placement, Rollout, Stage
from rollout.news import tell
from rollout.spec import RolloutSpec, TargetSpec

# The holds that a person's `resume` ends.
RESUMED = (HoldKind.PAUSED, HoldKind.DRIFT, HoldKind.TELLING_APART, HoldKind.COMMON_CAUSE)
ACTIVE = (Phase.PENDING, Phase.RUNNING, Phase.WATCHING)


class VersionMismatchError(Exception):
    """The rollout has moved on since it was read (If-Match)."""


class StageMismatchError(Exception):
    """`promote` names another stage than the one that is current."""


class NotAllowedError(Exception):
    """The action is well formed and the person may act, but not in this way."""


@dataclass
class Locked:
    rollout: Rollout
    now: datetime
    actor: str
    reason: str

    def record(self, decision: str, news: str = "") -> None:
        """Ledger, version and bell; `news` is an outbox type."""
        why = [self.reason] if self.reason else []
        ledger.append(self.rollout, decision, why, self.actor, {}, self.now)
        if news:
            tell(self.rollout, news, why, {}, self.now)
        effects.bump(self.rollout, self.now)


@contextmanager
def locked(
    rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None
) -> Iterator[Locked]:
    with transaction.atomic():
        rollout = Rollout.every.select_for_update().get(pk=rollout_id)
        if rollout.shadow:
            raise NotAllowedError("it is only watched: others carry it out, and take it back")
        if version is not None and version != rollout.version:
            raise VersionMismatchError(f"version {rollout.version}, not {version}")
        yield Locked(rollout, database_now(), actor, reason)


@transaction.atomic
def create(
    spec: RolloutSpec,
    *,
    undoes: Rollout | None = None,
    retries: Rollout | None = None,
    actor: str = "graygate",
) -> Rollout:
    """Freeze `spec` into a pending rollout. The loop starts it."""
    spec = carried_out_as(spec)
    effects.lock_until_commit(f"artefact/{spec.environment}/{spec.artefact}")
    now = database_now()
    for older in Rollout.objects.select_for_update().filter(
        artefact=spec.artefact, environment=spec.environment, phase__in=ACTIVE
    ):
        _supersede(Locked(older, now, actor, f"superseded by change {spec.change_id}"))
    shadow_effects.supersede(spec, now)
    rollout = Rollout.objects.create(
        change_id=spec.change_id,
        artefact=spec.artefact,
        environment=spec.environment,
        spec=spec.to_json(),
        undoes=undoes,
        retries=retries,
        created_at=now,
        progressed_at=now,
    )
    Stage.objects.bulk_create(
        Stage(rollout=rollout, index=i, share=s.share) for i, s in enumerate(spec.stages)
    )
    Placement.objects.bulk_create(
        Placement(
            rollout=rollout,
            target=str(t.config.get("target") or t.service),
            service=t.service,
            executor=t.executor,
            config=dict(t.config),
            grain=made.grain,
            exclusive=made.exclusive,
            due_at=now,
        )
        for t, made in ((t, _made(t)) for t in spec.targets)
    )
    why = [f"again, after rollout {retries.pk} was rolled back"] if retries else []
    ledger.append(rollout, "create", why, actor, {"spec": spec.to_json()}, now)
    return rollout


@transaction.atomic
def watch(spec: RolloutSpec) -> Rollout:
    """Follow what others carry out. The loop looks, and says what it would have done."""
    return shadow_effects.begin(spec, database_now())


def carried_out_as(spec: RolloutSpec) -> RolloutSpec:
    """What the executors can do bounds what may be promised: no revert, no rollback."""
    made = [_made(target) for target in spec.targets]
    if any(each.repeat == "unsafe" for each in made):
        raise NotAllowedError("executors that may not be called twice are not carried out yet")
    reverts = all(each.rollback == "revert" for each in made)
    return replace(spec, reversible=spec.reversible and reverts)


def _made(target: TargetSpec) -> Executor:
    return on_target(executor(target.executor), target.config)


def _supersede(it: Locked) -> None:
    if it.rollout.phase == Phase.PENDING:
        it.rollout.phase = step("rollout", Phase.PENDING, "cancel")
        it.rollout.ended_at = it.now
        it.record("cancel")
    elif it.rollout.phase == Phase.RUNNING:
        effects.start_rollback(it.rollout, "superseded", it.now)
        it.record("superseded", "rollout.rolling_back")
    elif it.rollout.halted_at is not None:
        # It was failing: what comes after it must not start on top of it.
        effects.start_rollback(it.rollout, "late_fail", it.now)
        it.record("superseded", "rollout.rolling_back")
    else:
        effects.finish(it.rollout, step("rollout", it.rollout.phase, "superseded"), it.now)
        it.record("superseded", "rollout.completed")


def pause(rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None) -> Rollout:
    with locked(rollout_id, actor, reason, version) as it:
        if it.rollout.phase not in {Phase.PENDING, Phase.RUNNING}:
            raise IllegalTransitionError("rollout", it.rollout.phase, "pause")
        effects.hold(it.rollout, HoldKind.PAUSED, actor, reason, it.now)
        effects.withhold(it.rollout, it.now)
        it.record("pause", "rollout.paused")
    return it.rollout


def resume(rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None) -> Rollout:
    """Remove what people set (and `drift` and `common_cause`, which a person has now seen); never
    `halted`.
    """
    with locked(rollout_id, actor, reason, version) as it:
        released = effects.release(it.rollout, it.now, *RESUMED)
        if not released or it.rollout.phase not in ACTIVE:
            raise IllegalTransitionError("rollout", it.rollout.phase, "resume")
        stage = effects.current_stage(it.rollout)
        if stage is not None and stage.state == StageState.BAKING:
            effects.new_epoch(it.rollout, stage, it.now)
        if it.rollout.phase != Phase.PENDING:
            # Before its start nothing is its own: an exclusive target shows another's exposure.
            for placement in it.rollout.placements.all():
                effects.desire(placement, placement.desired, placement.desired_units, it.now)
        it.record("resume", "rollout.answered")
    return it.rollout


def promote(
    rollout_id: uuid.UUID, actor: str, reason: str, stage: int, version: int | None = None
) -> Rollout:
    """A person takes the stage for good: `waived`, never `passed`. Other holds stay.

    A halt or an incident that came before the stage was opened is answered, and it goes on to open.
    """
    with locked(rollout_id, actor, reason, version) as it:
        if it.rollout.phase != Phase.RUNNING:
            raise IllegalTransitionError("rollout", it.rollout.phase, "promote")
        current = effects.current_stage(it.rollout)
        if current is None or current.index != stage:
            shown = "none" if current is None else current.index
            raise StageMismatchError(f"the current stage is {shown}, not {stage}")
        halted = it.rollout.halted_at is not None or _suspected(it)
        kept_shut = halted or gates.incident(it.rollout)
        effects.forget_evidence(it.rollout, it.now)
        if not (kept_shut and current.state == StageState.PRE_CHECK):
            effects.close_stage(current, "waive", f"waived by {actor}", it.now)
            effects.next_stage(it.rollout, current, it.now)
        it.record("promote", "rollout.answered")
    return it.rollout


def retry(rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None) -> Rollout:
    """Judge again from nothing (a new epoch), or try the rollback again."""
    with locked(rollout_id, actor, reason, version) as it:
        if it.rollout.phase == Phase.ROLLBACK_FAILED:
            effects.start_rollback(it.rollout, "retry", it.now)
        else:
            _judge_again(it)
        it.record("retry", "rollout.answered")
    return it.rollout


def _judge_again(it: Locked) -> None:
    if it.rollout.phase not in {Phase.RUNNING, Phase.WATCHING}:
        raise IllegalTransitionError("rollout", it.rollout.phase, "retry")
    stage = effects.current_stage(it.rollout)
    halted = it.rollout.halted_at is not None or _suspected(it)
    if stage is not None and stage.state in {StageState.FAILED, StageState.BAKING}:
        effects.move_stage(stage, "retry")
        # From here on; until it bakes again, what is still exposed is judged from now.
        stage.baking_since, stage.ended_at = it.now, None
        stage.verdict = stage.reason = ""
        stage.save()
    elif not halted:
        raise IllegalTransitionError("rollout", it.rollout.phase, "retry")
    effects.forget_evidence(it.rollout, it.now)


def _suspected(it: Locked) -> bool:
    return it.rollout.holds.filter(kind=HoldKind.SUSPECTED, released_at=None).exists()


def abort(rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None) -> Rollout:
    """Exposure returns to zero because a person said so. It wins from its commit."""
    with locked(rollout_id, actor, reason, version) as it:
        if it.rollout.phase == Phase.PENDING:
            effects.finish(it.rollout, step("rollout", Phase.PENDING, "cancel"), it.now)
            it.record("cancel")
        else:
            effects.start_rollback(it.rollout, "abort", it.now)
            it.record("abort", "rollout.rolling_back")
    return it.rollout


def accept(rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None) -> Rollout:
    """Write a failed rollback off. The second person's word counts."""
    with locked(rollout_id, actor, reason, version) as it:
        target = step("rollout", it.rollout.phase, "accept")
        others = it.rollout.decisions.filter(decision="accept").exclude(actor=actor)
        failed = it.rollout.decisions.filter(decision="rollback_failed").aggregate(
            last=Max("sequence")
        )
        # By the chain and not by time: a clock may be set back.
        if others.filter(sequence__gt=failed["last"]).exists():
            effects.finish(it.rollout, target, it.now)
        it.record("accept", "rollout.answered")
    return it.rollout


def undo(rollout_id: uuid.UUID, actor: str, reason: str) -> Rollout:
    """A completed change is undone by a new, linked rollout of the old version."""
    with locked(rollout_id, actor, reason) as it:
        spec = RolloutSpec.from_json(it.rollout.spec)
        if it.rollout.phase != Phase.COMPLETED:
            raise IllegalTransitionError("rollout", it.rollout.phase, "undo")
        if why := not_undoable(it.rollout, spec):
            raise NotAllowedError(why)
        back = replace(
            spec,
            title=f"Undo: {spec.title}",
            version=spec.previous_version,
            previous_version=spec.version,
        )
        keep_guardrails(spec)
        it.record("undo")
        return create(back, undoes=it.rollout, actor=actor)


def not_undoable(rollout: Rollout, spec: RolloutSpec) -> str:
    """Why this change cannot be undone; empty: it can."""
    if not spec.previous_version:
        return "the change did not say which version it replaces (`before`)"
    if not spec.reversible:
        return "the change cannot be taken back: it needs a fix forward"
    later = Rollout.objects.filter(
        artefact=rollout.artefact,
        environment=rollout.environment,
        created_at__gt=rollout.created_at,
        phase__in=(*ACTIVE, Phase.COMPLETED, Phase.ROLLING_BACK),
    ).first()
    return f"rollout {later.pk} of the same artefact came after it" if later else ""


def keep_guardrails(spec: RolloutSpec) -> None:
    """A change's own guardrails went when it ended; its undo is judged by the same ones."""
    for service in Service.objects.filter(name__in=spec.guardrails):
        for given in spec.guardrails[service.name]:
            standing = Guardrail.objects.filter(
                Q(change_id=None) | Q(change_id=spec.change_id), service=service, name=given["name"]
            )
            if not standing.exists():
                Guardrail.objects.create(
                    service=service, name=given["name"], change_id=spec.change_id, spec=given
                )
