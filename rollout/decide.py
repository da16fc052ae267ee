"""decide(snapshot, evidence, now) -> Decision. PURE: it reads what it is given and nothing else.

For every phase a list of rules, in order of precedence; the first that has something to say
decides. Reversals come first, growth comes last, and no rule takes missing data for good data.
"""

from collections.abc import Callable
from dataclasses import replace
from math import log

from rollout.machine import HoldKind, Phase, StageState
from rollout.snapshot import SAME_SHARE, Decision, Do, Evidence, Snapshot, StageView

# From this probability on a change that attribution names is halted and taken back.
CULPRIT_PROBABILITY = 0.8
# Below this one the failing of a change's own guardrails is explained by something else.
EXONERATED_PROBABILITY = 0.2
UNATTENDED = frozenset({"L3", "L4"})

Rule = Callable[[Snapshot, Evidence, float], Decision | None]


def decide(snapshot: Snapshot, evidence: Evidence, now: float) -> Decision:
    for rule in RULES.get(snapshot.phase, ()):
        decision = rule(snapshot, evidence, now)
        if decision is not None:
            return decision
    return Decision(Do.WAIT)


# --- reversals -------------------------------------------------------------------------------


def rolled_back_when_zero(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    if s.reversible and s.placements and all(p.zero_for_good for p in s.placements):
        return Decision(Do.ROLLED_BACK, ("observed exposure is zero on every placement",))
    return None


def rollback_fails(s: Snapshot, _e: Evidence, now: float) -> Decision | None:
    if not s.reversible:
        return Decision(
            Do.ROLLBACK_FAILED,
            ("this change cannot be taken back: it needs a fix forward",),
            event="irreversible",
        )
    if now - (s.rolling_back_since or now) < s.rollback_timeout_s:
        return None
    left = ", ".join(p.target for p in s.placements if not p.zero_for_good)
    return Decision(
        Do.ROLLBACK_FAILED,
        (f"not at zero after {s.rollback_timeout_s:g} s: {left}",),
        event="exhausted",
    )


def reappeared(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    back = [p.target for p in s.placements if p.observed > SAME_SHARE]
    if not back:
        return None
    return Decision(Do.REAPPEARED, (f"exposure came back on {', '.join(back)}",))


def recovered(s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    if s.recovered or not e.recovered:
        return None
    return Decision(Do.RECOVERED, (e.recovery_reason,))


# --- evidence against the change -------------------------------------------------------------


def evidence_stands(s: Snapshot, e: Evidence) -> str:
    """Why the change is to be taken back, at the rollback level; empty: it is not."""
    if e.vetoes:
        return ""
    # Several fail together: only attribution can show that it is this one all the same.
    if not s.common_cause and e.verdict == "fail" and e.log_e_max >= log(1 / s.alpha_rollback):
        exonerated = e.probability is not None and e.probability < EXONERATED_PROBABILITY
        return "" if exonerated else e.reason
    return named_culprit(e)


def named_culprit(e: Evidence) -> str:
    if e.probability is None or e.vetoes or e.probability < CULPRIT_PROBABILITY:
        return ""
    return f"attribution names this change with probability {e.probability:.2f}: {e.suspicion}"


def suspected(e: Evidence) -> tuple[str, ...]:
    """What is not cleared may not grow, though it is not enough to halt it."""
    if e.probability is None or e.vetoes or e.probability < EXONERATED_PROBABILITY:
        return ()
    return (f"attribution suspects this change with probability {e.probability:.2f}",)


def roll_back_after_halt(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    if HoldKind.HALTED not in s.holds or s.halted_at is None:
        return None
    waited = now - s.halted_at
    # A change of what Graygate judges by is never undone on Graygate's own word (invariant 6).
    if not s.reversible or s.own_eyes:
        return None
    # The wait is for attribution's word: when it agrees with the rollout's own verdict, it is over.
    agreed = e.verdict == "fail" and named_culprit(e)
    if waited < s.attribution_wait_s and not agreed:
        return None
    if why := evidence_stands(s, e):
        return Decision(Do.ROLLBACK, (why,), event="culprit")
    answerable = not e.source_lost and not s.common_cause
    if answerable and s.control_level in UNATTENDED and waited >= s.halt_patience_s:
        reason = f"halted, and nobody answered for {s.halt_patience_s:g} s"
        return Decision(Do.ROLLBACK, (reason,), event="culprit")
    return None


def wait_while_halted(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    return Decision(Do.WAIT, ("halted",)) if HoldKind.HALTED in s.holds else None


def halt_on_evidence(_s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    if e.verdict == "fail":
        return Decision(Do.HALT, (e.reason,))
    if why := named_culprit(e):
        return Decision(Do.HALT, (why,))
    return None


def late_fail(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    """After the last stage: the old version is still kept, so a late failure brings it back."""
    decision = roll_back_after_halt(s, e, now)
    return None if decision is None else replace(decision, event="late_fail")


# --- holds that come and go with their cause -------------------------------------------------


def source_lost(s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    return _hold_while(s, HoldKind.SOURCE_LOST, because=e.source_lost)


def frozen(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    return _hold_while(s, HoldKind.FROZEN, because=s.frozen)


def _hold_while(s: Snapshot, kind: HoldKind, *, because: str) -> Decision | None:
    if because and kind not in s.holds:
        return Decision(Do.HOLD, (because,), hold=kind)
    if not because and kind in s.holds:
        return Decision(Do.RELEASE, (f"no longer {kind.replace('_', ' ')}",), hold=kind)
    return None


def set_down(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    above = [p.target for p in s.placements if p.settled and p.above]
    if not above:
        return None
    return Decision(Do.REASSERT, (f"observed above desired on {', '.join(above)}",))


def cut_by_hand(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    below = [p.target for p in s.placements if p.settled and p.below]
    if below and HoldKind.DRIFT not in s.holds:
        reason = f"observed below desired on {', '.join(below)}: somebody cut it by hand"
        return Decision(Do.HOLD, (reason,), hold=HoldKind.DRIFT)
    return None


# --- growth ----------------------------------------------------------------------------------


def start(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    if s.holds or s.frozen or s.conflict:
        return Decision(Do.WAIT, (s.frozen or s.conflict or "on hold",))
    return Decision(Do.START, ("approved; no freeze, no conflict",))


def open_stage(s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    stage = s.current
    if stage is None or stage.state != StageState.PRE_CHECK:
        return None
    closed = (*s.closed_gates, *suspected(e))
    if s.holds or closed:
        return Decision(Do.WAIT, closed or ("on hold",))
    return Decision(Do.OPEN, (f"stage {stage.index + 1} of {len(s.stages)}: every gate is open",))


def bake(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    stage = s.current
    if stage is None or stage.state != StageState.APPLYING:
        return None
    if not all(p.settled and not p.above and not p.below for p in s.placements):
        return Decision(Do.WAIT, ("waiting for the targets to show the desired exposure",))
    return Decision(Do.BAKE, (f"{stage.share:.0%} observed on every placement",))


def promote(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    stage = s.current
    if stage is None or stage.state != StageState.BAKING or stage.baking_since is None:
        return None
    baked = now - stage.baking_since
    waiting = _still_baking(s, stage, e, baked)
    if not waiting:
        return None if s.holds else _passed(s, stage, e, baked)
    # Without a source there is no end of the bake: loss alone decides nothing (invariant 5).
    if baked >= stage.max_s and s.control_level in UNATTENDED and not e.source_lost:
        return _end_of_bake(s, waiting)
    return Decision(Do.WAIT, (waiting,))


def _still_baking(s: Snapshot, stage: StageView, e: Evidence, baked: float) -> str:
    if not s.observable or s.control_level not in UNATTENDED:
        return f"{s.control_level}: a person's promote is needed"
    if baked < stage.min_s:
        return f"baking {baked:.0f} of {stage.min_s:g} s"
    if e.samples < stage.min_samples:
        return f"{e.samples} of {stage.min_samples} samples"
    return "" if e.verdict == "pass" else f"{e.verdict}: {e.reason}"


def _passed(s: Snapshot, stage: StageView, e: Evidence, baked: float) -> Decision:
    reason = f"stage {stage.index + 1} passed after {baked:.0f} s: {e.reason}"
    return Decision(Do.WATCH if s.is_last(stage) else Do.PROMOTE, (reason,))


def _end_of_bake(s: Snapshot, waiting: str) -> Decision:
    reason = f"the bake ended without a pass ({waiting})"
    if s.on_inconclusive == "rollback" and s.reversible and not s.own_eyes:
        return Decision(Do.ROLLBACK, (reason,), event="culprit")
    return Decision(Do.HALT, (reason,))


def watched_blind(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    """A watch in which nothing was seen is no watch: it goes on, and says so."""
    over = s.undo_until is not None and now >= s.undo_until
    nothing = "nothing is reported: the watch goes on" if over and s.observable else ""
    because = e.source_lost or ("" if e.fresh else nothing)
    return _hold_while(s, HoldKind.SOURCE_LOST, because=because)


def complete(s: Snapshot, _e: Evidence, now: float) -> Decision | None:
    if s.undo_until is None or now < s.undo_until:
        return None
    if s.holds & {HoldKind.HALTED, HoldKind.SOURCE_LOST}:
        return None
    return Decision(Do.COMPLETE, ("watched to the end: nothing came up",))


RULES: dict[str, tuple[Rule, ...]] = {
    Phase.PENDING: (start,),
    Phase.RUNNING: (
        roll_back_after_halt,
        set_down,
        wait_while_halted,
        halt_on_evidence,
        source_lost,
        frozen,
        cut_by_hand,
        open_stage,
        bake,
        promote,
    ),
    Phase.WATCHING: (
        late_fail,
        set_down,
        wait_while_halted,
        halt_on_evidence,
        watched_blind,
        frozen,
        cut_by_hand,
        complete,
    ),
    # Zero that was seen may go away again: a late call has landed after it.
    Phase.ROLLING_BACK: (rolled_back_when_zero, rollback_fails, set_down),
    Phase.ROLLBACK_FAILED: (rolled_back_when_zero, set_down),
    Phase.ROLLED_BACK: (reappeared, recovered),
}
