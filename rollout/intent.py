"""Step 3 of the loop: a decision becomes rows, in one transaction, under the rollout's lock."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from attribution import anomalies
from rollout import effects, ledger, shadow_effects, standstills, storms, version_cohorts
from rollout.code_version import code_version
from rollout.decide import PASSING
from rollout.evidence import Gathered
from rollout.machine import HoldKind, Phase, StageState, step
from rollout.models import Rollout
from rollout.news import tell
from rollout.snapshot import Decision, Do, Evidence, Snapshot, agree
from rollout.spec import RolloutSpec
from rollout.suspicion import TAKEN_BACK

Effect = Callable[[Rollout, Decision, datetime], str]


def carry_out(
    rollout: Rollout,
    decision: Decision,
    snapshot: Snapshot,
    gathered: Gathered,
    now: datetime,
) -> None:
    """Write the decision with its inputs, what it changes, and its news."""
    evidence = gathered.evidence
    _show(rollout, evidence, decision)
    if rollout.shadow:
        shadow_effects.follow(rollout)
    if decision.do == Do.WAIT:
        return
    if decision.do == Do.ROLLBACK:
        rollout.taken_for = UUID(evidence.anomaly) if evidence.anomaly else None
    news = EFFECTS[decision.do](rollout, decision, now)
    inputs = {
        "snapshot": snapshot.to_json(),
        "evidence": evidence.to_json(),
        "now": now.timestamp(),
        "case": gathered.case,
        "failing": _failing(gathered),
        "line": gathered.line,
        "decision": asdict(decision),
        "code": code_version(),
    }
    ledger.append(rollout, decision.do, decision.reasons, ledger.SYSTEM, inputs, now)
    if news:
        shown = {"log_e": evidence.log_e, "samples": evidence.samples, "finding": evidence.finding}
        tell(rollout, news, decision.reasons, shown, now)
    effects.bump(rollout, now)


def _failing(gathered: Gathered) -> list[str]:
    """The metrics that made the verdict, where it is a fail."""
    answer = gathered.answer
    if answer is None or answer["verdict"] != "fail":
        return []
    return [metric["name"] for metric in answer["metrics"] if metric["verdict"] == "fail"]


def another_came_first(rollout: Rollout, evidence: Evidence) -> bool:
    """Whether, since the evidence was gathered, another suspect of the anomaly was taken back.

    The lock lasts until the commit: of two rollbacks for one anomaly the second sees the first.
    """
    if not evidence.anomaly or evidence.under_way:
        return False
    effects.lock_until_commit(f"anomaly/{evidence.anomaly}")
    others = Rollout.objects.filter(
        taken_for=evidence.anomaly, phase__in=TAKEN_BACK, recovered_at=None, in_vain_at=None
    )
    return others.exclude(pk=rollout.pk).exists()


def _show(rollout: Rollout, evidence: Evidence, decision: Decision) -> None:
    """The current stage's verdict, for people; not an event, so not in the ledger."""
    stage = effects.current_stage(rollout)
    if stage is None or stage.state == StageState.FAILED:
        return
    reason = "; ".join(decision.reasons)[:200]
    if (stage.verdict, stage.reason) != (evidence.verdict, reason):
        stage.verdict, stage.reason = evidence.verdict, reason
        stage.save(update_fields=["verdict", "reason"])


def _start(rollout: Rollout, _d: Decision, now: datetime) -> str:
    rollout.phase = step("rollout", rollout.phase, "start")
    rollout.started_at = now
    effects.take_over(rollout)
    shadow_effects.make_way(rollout, now)
    version_cohorts.watch(rollout)
    effects.check_stage(rollout, rollout.stages.earliest("index"))
    return "rollout.started"


def _open(rollout: Rollout, _d: Decision, now: datetime) -> str:
    stage = rollout.stages.get(state=StageState.PRE_CHECK)
    effects.move_stage(stage, "open")
    stage.save()
    effects.desire_share(rollout, stage.share, now)
    return ""


def _bake(rollout: Rollout, _d: Decision, now: datetime) -> str:
    stage = rollout.stages.get(state=StageState.APPLYING)
    effects.move_stage(stage, "applied")
    effects.new_epoch(rollout, stage, now)
    return ""


def _promote(rollout: Rollout, decision: Decision, now: datetime) -> str:
    stage = rollout.stages.get(state=StageState.BAKING)
    effects.close_stage(stage, "pass", "; ".join(decision.reasons), now)
    effects.next_stage(rollout, stage, now)
    return ""


def _complete(rollout: Rollout, _d: Decision, now: datetime) -> str:
    effects.finish(rollout, step("rollout", rollout.phase, "undo_expired"), now)
    return "rollout.completed"


def _hold(rollout: Rollout, decision: Decision, now: datetime) -> str:
    effects.hold(rollout, decision.hold, ledger.SYSTEM, "; ".join(decision.reasons), now)
    # Who has to know was told of what holds them all: once, not once for each that is held.
    together = decision.hold == HoldKind.COMMON_CAUSE or (
        decision.hold == HoldKind.FROZEN and bool(standstills.in_force(now))
    )
    return "rollout.held_together" if together else "rollout.hold"


def _release(rollout: Rollout, decision: Decision, now: datetime) -> str:
    effects.release(rollout, now, decision.hold)
    if decision.hold in PASSING:
        _bake_again(rollout, now)
    return "rollout.released"


def _bake_again(rollout: Rollout, now: datetime) -> None:
    """Of a stage that was held for longer than its bake may last the bake begins anew."""
    stage = effects.current_stage(rollout)
    if stage is None or stage.state != StageState.BAKING or stage.baking_since is None:
        return
    most = RolloutSpec.from_json(rollout.spec).stages[stage.index].max_s
    if (now - stage.baking_since).total_seconds() >= most:
        effects.new_epoch(rollout, stage, now)


def _suspect(rollout: Rollout, decision: Decision, now: datetime) -> str:
    effects.hold(rollout, decision.hold, ledger.SYSTEM, "; ".join(decision.reasons), now)
    return "rollout.suspected"


def _reassert(rollout: Rollout, _d: Decision, now: datetime) -> str:
    # Only what is above: a target that somebody cut by hand stays cut.
    for placement in rollout.placements.filter(taken_over=False):
        above = placement.observed > placement.desired
        if above and not agree(placement.desired, placement.observed, placement.grain):
            effects.desire(placement, placement.desired, placement.desired_units, now)
    turning_back = rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED}
    return "" if turning_back else "rollout.hold"


def _halt(rollout: Rollout, decision: Decision, now: datetime) -> str:
    reason = "; ".join(decision.reasons)
    effects.hold(rollout, HoldKind.HALTED, ledger.SYSTEM, reason, now)
    rollout.halted_at = now
    stage = effects.current_stage(rollout)
    if stage is not None and stage.state in {StageState.BAKING, StageState.APPLYING}:
        effects.close_stage(stage, "fail", reason, now)
    for service in set(rollout.placements.values_list("service", flat=True)):
        anomalies.open_anomaly(
            "judge", str(rollout.change_id), service, "guardrails", rollout.started_at or now, now
        )
    return "rollout.halted_together" if storms.notice(rollout, now) else "rollout.halted"


def _rollback(rollout: Rollout, decision: Decision, now: datetime) -> str:
    effects.start_rollback(rollout, decision.event, now)
    return "rollout.rolling_back"


def _rolled_back(rollout: Rollout, _d: Decision, now: datetime) -> str:
    effects.finish(rollout, step("rollout", rollout.phase, "all_zero"), now)
    return "rollout.rolled_back"


def _rollback_failed(rollout: Rollout, decision: Decision, _now: datetime) -> str:
    rollout.phase = step("rollout", rollout.phase, decision.event)
    return "rollout.rollback_failed"


def _reappeared(rollout: Rollout, _d: Decision, now: datetime) -> str:
    effects.start_rollback(rollout, "reappeared", now)
    rollout.ended_at = rollout.recovered_at = rollout.in_vain_at = None
    return "rollout.rolling_back"


def _recovered(rollout: Rollout, _d: Decision, now: datetime) -> str:
    rollout.recovered_at = now
    anomalies.end_anomaly("judge", str(rollout.change_id), now)
    return "rollout.recovered"


def _not_recovered(rollout: Rollout, _d: Decision, now: datetime) -> str:
    rollout.in_vain_at = now
    return "rollout.not_recovered"


EFFECTS: dict[str, Effect] = {
    Do.START: _start,
    Do.OPEN: _open,
    Do.BAKE: _bake,
    Do.PROMOTE: _promote,
    Do.WATCH: _promote,
    Do.COMPLETE: _complete,
    Do.HOLD: _hold,
    Do.RELEASE: _release,
    Do.REASSERT: _reassert,
    Do.HALT: _halt,
    Do.SUSPECT: _suspect,
    Do.CLEAR: _release,
    Do.ROLLBACK: _rollback,
    Do.ROLLED_BACK: _rolled_back,
    Do.ROLLBACK_FAILED: _rollback_failed,
    Do.REAPPEARED: _reappeared,
    Do.RECOVERED: _recovered,
    Do.NOT_RECOVERED: _not_recovered,
    **shadow_effects.EFFECTS,
}
