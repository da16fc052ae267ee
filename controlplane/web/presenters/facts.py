"""Rows → the facts that the sentence is made of."""

from datetime import datetime, timedelta
from typing import Any

from controlplane.intake import approvals_needed
from controlplane.models import Assessment, Change
from controlplane.web.presenters.history import History
from controlplane.web.presenters.rollouts import HoldView, RolloutView
from controlplane.web.presenters.sentence import UNATTENDED, Facts
from controlplane.web.presenters.suspects import Attribution
from controlplane.web.presenters.verdicts import Verdict
from controlplane.web.wording import in_words
from rollout.decide import PASSING
from rollout.gates import conflict
from rollout.ledger import SYSTEM
from rollout.machine import SHOWN_HOLDS, Phase
from rollout.models import Decision
from rollout.snapshot import SAME_SHARE

TURNED = ("rollback", "abort", "superseded")


def change_facts(change: Change, assessment: Assessment | None, now: datetime) -> Facts:
    """Of a change that has no rollout: not handed over yet, or never."""
    return Facts(
        state=change.state,
        now=now,
        level=assessment.level if assessment else "",
        reason="; ".join(change.reasons),
        approvals=change.approvals.filter(answer="approve").count(),
        approvals_needed=needed(change, assessment),
    )


def needed(change: Change, assessment: Assessment | None) -> int:
    return approvals_needed(assessment.policy, change.change_class) if assessment else 0


def rollout_facts(
    view: RolloutView,
    history: History,
    verdict: Verdict | None,
    found: list[Attribution],
    now: datetime,
) -> Facts:
    rollout, current = view.rollout, view.current
    turn = history.last(*TURNED)
    own = next((a.own for a in found if a.own), None)
    worst = verdict.worst if verdict else None
    return Facts(
        state=view.state,
        now=now,
        control_level=view.spec["control_level"],
        level=view.spec["level"],
        stage=current.number if current else 0,
        stages=len(view.steps),
        observed=view.observed,
        turned_at_share=view.reached if turn else None,
        targets=len(view.placements),
        at_zero=view.at_zero,
        not_at_zero=[p.target for p in view.placements if p.observed > SAME_SHARE],
        last_error=next((p.last_error for p in view.troubled), ""),
        numbers=worst.numbers if worst else "",
        verdict=verdict.verdict if verdict else "",
        # Up to the figures: those are in `numbers`, and newer there.
        waiting=current.waiting.partition(";")[0] if current else _waits_to_start(view),
        probability=own.probability if own else None,
        exonerated=bool(own and own.vetoes),
        superseded=bool(turn and turn.decision == "superseded"),
        evidence_at=_at(history.last("halt", "suspect")),
        zero_at=_at(history.last("rolled_back")),
        recovered_at=rollout.recovered_at,
        in_vain_at=rollout.in_vain_at,
        measured=verdict is not None,
        rolls_back_at=_rolls_back_at(view),
        undo_until=rollout.undo_until,
        ended_at=rollout.ended_at,
        **_who_and_why(view, history, turn),
    )


def _who_and_why(view: RolloutView, history: History, turn: Decision | None) -> dict[str, Any]:
    """`actor` only for a person: Graygate itself is never named as somebody who ordered."""
    hold = shown_hold(view)
    others = [f"{h.word.label.lower()} ({h.reason})" for h in view.holds if h is not hold]
    if hold is not None:
        return {
            "actor": _person(hold.actor),
            "reason": hold.reason,
            "other_holds": others,
            "by_itself": hold.kind in PASSING,
            "held_until": hold.expires_at,
        }
    last = turn if turn is not None else history.last("cancel", "accept", "create")
    if last is None or last.decision == "create":
        return {"other_holds": others}
    reason = in_words("; ".join(last.reasons))
    return {"actor": _person(last.actor), "reason": reason, "other_holds": others}


def shown_hold(view: RolloutView) -> HoldView | None:
    """The hold that gives the state its name: of several that do, the graver."""
    kinds = SHOWN_HOLDS.get(view.state, ())
    fitting = [hold for hold in view.holds if hold.kind in kinds]
    return min(fitting, key=lambda hold: hold.kind != view.state, default=None)


def _waits_to_start(view: RolloutView) -> str:
    return conflict(view.rollout) if view.rollout.phase == Phase.PENDING else ""


def _person(actor: str) -> str:
    return "" if actor == SYSTEM else actor


def _at(decision: Decision | None) -> datetime | None:
    return decision.at if decision else None


def _rolls_back_at(view: RolloutView) -> datetime | None:
    """When an unanswered halt becomes a rollback; None: it never does by itself."""
    rollout, spec = view.rollout, view.spec
    by_itself = spec["control_level"] in UNATTENDED and spec["reversible"] and not spec["own_eyes"]
    if rollout.phase not in {Phase.RUNNING, Phase.WATCHING} or not rollout.halted_at:
        return None
    patience = timedelta(seconds=spec["halt_patience_s"])
    return rollout.halted_at + patience if by_itself else None
