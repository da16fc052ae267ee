"""What the evidence says against a change, in words; empty: nothing that would do. PURE."""

from math import log

from rollout.snapshot import Evidence, Snapshot
from rollout.standing import CLEARED_PROBABILITY, MARGIN, SERIOUS_PROBABILITY, names_culprit

# Below this one the failing of a change's own guardrails is explained by something else.
EXONERATED_PROBABILITY = 0.2


def evidence_stands(s: Snapshot, e: Evidence) -> str:
    """Why the change is to be taken back, at the rollback level; empty: it is not."""
    if e.vetoes:
        return ""
    # Several fail together: only attribution can show that it is this one all the same.
    if not s.common_cause and e.verdict == "fail" and e.log_e_max >= log(1 / s.alpha_rollback):
        return "" if explained_by_others(e) else e.reason
    return named_culprit(e)


def explained_by_others(e: Evidence) -> bool:
    """Attribution clears it, or another change leads it by far."""
    if e.probability is None:
        return False
    outrun = e.next_probability - e.probability >= MARGIN
    return e.probability < EXONERATED_PROBABILITY or outrun


def named_culprit(e: Evidence) -> str:
    """Empty also while another change is taken back for the same anomaly."""
    if e.probability is None or e.vetoes or e.under_way:
        return ""
    if not names_culprit(e.probability, e.next_probability):
        return ""
    return f"attribution names this change with probability {e.probability:.2f}: {e.suspicion}"


def serious(e: Evidence) -> str:
    if e.probability is None or e.vetoes or e.probability < SERIOUS_PROBABILITY:
        return ""
    why = f": {e.suspicion}" if e.suspicion else ""
    return f"attribution suspects this change with probability {e.probability:.2f}{why}"


def cleared(e: Evidence) -> str:
    """Why suspicion is over; empty: it is not, or attribution could not be asked."""
    if not e.asked:
        return ""
    if e.probability is None:
        return "no anomaly that goes on names it any more"
    if e.vetoes:
        return f"attribution clears it: {e.vetoes[0]}"
    if e.probability < CLEARED_PROBABILITY:
        return f"attribution gives it only {e.probability:.2f} now"
    return ""
