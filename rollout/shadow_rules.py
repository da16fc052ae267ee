"""What enforcing would do about a change that others carry out (L0, L1). PURE.

The rules of decide.py on the same evidence; what they decide is said, and nothing is done. Exposure
is the others': it is seen to begin, to be full, to be taken out.
"""

from dataclasses import replace

from rollout.machine import Phase
from rollout.reversals import (
    Rule,
    halt_on_evidence,
    recovered,
    roll_back_after_halt,
    roll_back_suspect,
    suspicion,
)
from rollout.snapshot import SAME_SHARE, Decision, Do, Evidence, Snapshot

SILENT = "silent_canary"
SAID = {Do.HALT: Do.WOULD_HALT, Do.SUSPECT: Do.WOULD_SUSPECT, Do.ROLLBACK: Do.WOULD_ROLL_BACK}


def _said(decision: Decision | None) -> Decision | None:
    if decision is None:
        return None
    return replace(decision, do=SAID.get(decision.do, decision.do), event="")


def seen(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    if not any(p.observed > SAME_SHARE for p in s.placements):
        return None
    return Decision(Do.SEEN, (f"seen at {_shares(s)}",))


def never_seen(s: Snapshot, _e: Evidence, now: float) -> Decision | None:
    if s.patience_until is None or now < s.patience_until:
        return None
    return Decision(Do.UNSEEN, ("its version was not seen in any metric in time",))


def would_roll_back(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    """Once: what comes after a rollback that nobody made is not known."""
    if s.rolling_back_since is not None:
        return None
    return _said(roll_back_after_halt(s, e, now) or roll_back_suspect(s, e, now))


def would_halt(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    # Whether it died or was taken out, its silence does not say: nobody asks the target here.
    if SILENT in e.reason:
        return None
    return _said(halt_on_evidence(s, e, now))


def would_suspect(s: Snapshot, e: Evidence, now: float) -> Decision | None:
    if s.rolling_back_since is not None:
        return None
    return _said(suspicion(s, e, now))


def taken_out(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    if any(p.observed > SAME_SHARE for p in s.placements):
        return None
    return Decision(Do.TAKEN_OUT, ("no part of production reports its version any more",))


def seen_full(s: Snapshot, _e: Evidence, _now: float) -> Decision | None:
    if all(p.observed >= 1.0 - SAME_SHARE for p in s.placements):
        return Decision(Do.SEEN_FULL, ("seen everywhere",))
    return None


def watched_at_a_share(s: Snapshot, _e: Evidence, now: float) -> Decision | None:
    if s.patience_until is None or now < s.patience_until:
        return None
    return Decision(Do.WATCHED, (f"watched long enough, and still at {_shares(s)}",))


def watched_in_full(s: Snapshot, _e: Evidence, now: float) -> Decision | None:
    if s.undo_until is None or now < s.undo_until:
        return None
    return Decision(Do.WATCHED, ("watched to the end",))


def _shares(s: Snapshot) -> str:
    return ", ".join(f"{p.observed:.0%} of {p.target}" for p in s.placements)


SHADOW_RULES: dict[str, tuple[Rule, ...]] = {
    Phase.PENDING: (seen, never_seen),
    Phase.RUNNING: (
        would_roll_back,
        would_halt,
        would_suspect,
        taken_out,
        seen_full,
        watched_at_a_share,
    ),
    Phase.WATCHING: (would_roll_back, would_halt, would_suspect, taken_out, watched_in_full),
    Phase.ROLLED_BACK: (recovered,),
}
