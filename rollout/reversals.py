"""Rules that take exposure back, or stop it on evidence: of decide.py and shadow_rules.py. PURE."""

from collections.abc import Callable
from dataclasses import replace

from rollout.against import cleared, evidence_stands, named_culprit, serious
from rollout.machine import HoldKind
from rollout.snapshot import SAME_SHARE, Decision, Do, Evidence, Snapshot

UNATTENDED = frozenset({"L3", "L4"})

Rule = Callable[[Snapshot, Evidence, float], Decision | None]


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


def not_recovered(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    """It was taken back for an anomaly that goes on all the same: the next one's turn."""
    if s.recovered or s.in_vain or s.zero_at is None or not e.anomaly:
        return None
    if now - s.zero_at < s.recovery_wait_s:
        return None
    waited = f"not recovered after {s.recovery_wait_s:g} s at zero"
    return Decision(Do.NOT_RECOVERED, (f"{waited}: suspicion returns to the next",))


# --- halted, and taken back after that -------------------------------------------------------


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


def roll_back_suspect(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    """On attribution's word alone, and never through patience: it has to be the leader now."""
    if HoldKind.SUSPECTED not in s.holds or s.suspected_at is None:
        return None
    if not s.reversible or s.own_eyes or now - s.suspected_at < s.attribution_wait_s:
        return None
    why = named_culprit(e)
    return Decision(Do.ROLLBACK, (why,), event="culprit") if why else None


def wait_while_halted(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    return Decision(Do.WAIT, ("halted",)) if HoldKind.HALTED in s.holds else None


def halt_on_evidence(s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    if e.verdict == "fail" and HoldKind.HALTED not in s.holds:
        return Decision(Do.HALT, (e.reason,))
    return None


def suspicion(s: Snapshot, e: Evidence, _now: float) -> Decision | None:
    """A halt that comes and goes with attribution's word: cheap, and taken back by itself."""
    if HoldKind.SUSPECTED in s.holds:
        why = cleared(e)
        return Decision(Do.CLEAR, (why,), hold=HoldKind.SUSPECTED) if why else None
    why = "" if HoldKind.HALTED in s.holds else serious(e)
    return Decision(Do.SUSPECT, (why,), hold=HoldKind.SUSPECTED) if why else None


def late_fail(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    """After the last stage: the old version is still kept, so a late failure brings it back."""
    decision = roll_back_after_halt(s, e, now) or roll_back_suspect(s, e, now)
    return None if decision is None else replace(decision, event="late_fail")
