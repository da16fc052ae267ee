"""decide(snapshot, evidence, now) -> Decision. PURE: it reads what it is given and nothing else.

For every phase a list of rules, in order of precedence; the first that has something to say
decides. Reversals come first, growth comes last, and no rule takes missing data for good data.
"""

from rollout.machine import HoldKind, Phase, StageState
from rollout.reversals import (
    UNATTENDED,
    Rule,
    halt_on_evidence,
    late_fail,
    not_recovered,
    reappeared,
    recovered,
    roll_back_after_halt,
    roll_back_suspect,
    rollback_fails,
    rolled_back_when_zero,
    suspicion,
    wait_while_halted,
)
from rollout.shadow_rules import SHADOW_RULES
from rollout.snapshot import Decision, Do, Evidence, Snapshot, StageView

# Of these the end is in sight: what they keep waiting is neither ended nor given up meanwhile.
PASSING = frozenset({HoldKind.SUSPECTED, HoldKind.TELLING_APART})


def decide(snapshot: Snapshot, evidence: Evidence, now: float) -> Decision:
    rules = SHADOW_RULES if snapshot.shadow else RULES
    for rule in rules.get(snapshot.phase, ()):
        decision = rule(snapshot, evidence, now)
        if decision is not None:
            return decision
    return Decision(Do.WAIT)


# --- holds that come and go with their cause -------------------------------------------------


def source_lost(s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    return _hold_while(s, HoldKind.SOURCE_LOST, because=e.source_lost)


def frozen(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    return _hold_while(s, HoldKind.FROZEN, because=s.frozen)


def told_apart(s: Snapshot, _e: Evidence, now: float) -> Decision | None:
    """The time that a person gave is up. Exposure returns by the stages, if nothing else holds."""
    if HoldKind.TELLING_APART not in s.holds:
        return None
    if s.telling_until is not None and now < s.telling_until:
        return None
    return Decision(Do.RELEASE, ("the time is up",), hold=HoldKind.TELLING_APART)


def _hold_while(s: Snapshot, kind: HoldKind, *, because: str) -> Decision | None:
    if because and kind not in s.holds:
        return Decision(Do.HOLD, (because,), hold=kind)
    if not because and kind in s.holds:
        return Decision(Do.RELEASE, (f"no longer {kind.replace('_', ' ')}",), hold=kind)
    return None


def held_together(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    """Others fail together: it may be next. It never ends by itself, and takes nothing back."""
    if not s.storm or HoldKind.COMMON_CAUSE in s.holds:
        return None
    return Decision(Do.HOLD, (s.storm,), hold=HoldKind.COMMON_CAUSE)


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


def open_stage(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    stage = s.current
    if stage is None or stage.state != StageState.PRE_CHECK:
        return None
    if s.holds or s.closed_gates:
        return Decision(Do.WAIT, s.closed_gates or ("on hold",))
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
    # Nor while what fails everywhere may be what keeps it from passing.
    in_peace = not s.holds & {*PASSING, HoldKind.COMMON_CAUSE}
    decides = s.control_level in UNATTENDED and not e.source_lost and in_peace
    if baked >= stage.max_s and decides:
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
    # Drift: what is out there is not what was watched, until a person has looked.
    if s.holds & {HoldKind.HALTED, HoldKind.SOURCE_LOST, HoldKind.DRIFT, *PASSING}:
        return None
    return Decision(Do.COMPLETE, ("watched to the end: nothing came up",))


RULES: dict[str, tuple[Rule, ...]] = {
    Phase.PENDING: (held_together, start),
    Phase.RUNNING: (
        roll_back_after_halt,
        roll_back_suspect,
        set_down,
        halt_on_evidence,
        suspicion,
        told_apart,
        wait_while_halted,
        held_together,
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
        halt_on_evidence,
        suspicion,
        told_apart,
        wait_while_halted,
        watched_blind,
        frozen,
        cut_by_hand,
        complete,
    ),
    # Zero that was seen may go away again: a late call has landed after it.
    Phase.ROLLING_BACK: (rolled_back_when_zero, rollback_fails, set_down),
    Phase.ROLLBACK_FAILED: (rolled_back_when_zero, set_down),
    Phase.ROLLED_BACK: (reappeared, recovered, not_recovered),
}
