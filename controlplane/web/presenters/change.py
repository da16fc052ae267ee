"""The page of one change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from controlplane import second_attempts
from controlplane.access import Scope, scopes_of
from controlplane.models import Approval, Assessment, Change, Signal
from controlplane.quality_gates import Gate, gates_of
from controlplane.shadow_record import said_of
from controlplane.web.presenters import shadow
from controlplane.web.presenters.actions import Action, offered
from controlplane.web.presenters.cohorts import remarks
from controlplane.web.presenters.facts import change_facts, needed, rollout_facts
from controlplane.web.presenters.history import History, history
from controlplane.web.presenters.rollouts import RolloutView, rollout_view
from controlplane.web.presenters.sentence import Facts, left_to_do, sentences
from controlplane.web.presenters.suspects import Attribution, attributions
from controlplane.web.presenters.verdicts import Verdict, verdict_of
from controlplane.web.wording import CONTROL_LEVELS, LEVELS, STATES, Word, word_of
from rollout.machine import AT_REST, ChangeState
from rollout.models import Rollout

CANCELABLE = frozenset({ChangeState.PENDING_APPROVAL, ChangeState.APPROVED, ChangeState.SCHEDULED})
# States of a change in which nothing on its page will move by itself any more.
SETTLED = frozenset(
    {
        ChangeState.REJECTED,
        ChangeState.EXPIRED,
        ChangeState.CANCELED,
        ChangeState.SUCCEEDED,
        ChangeState.FAILED,
        ChangeState.UNKNOWN,
    }
)


@dataclass(frozen=True)
class Risk:
    assessment: Assessment
    word: Word
    signals: list[tuple[Word, Signal]]
    policy: dict[str, Any]
    # What the policy allows; and the control level that it has, of which the services are asked.
    allowed: Word
    level: str
    control: Word


@dataclass(frozen=True)
class ChangePage:
    change: Change
    state: str
    word: Word
    headline: str
    story: list[str]
    left: list[str]
    risk: Risk | None
    approvals: list[Approval]
    approvals_needed: int
    gates: list[Gate]
    # "" | why this person may not answer; None: nothing to answer.
    answer_barred: str | None
    can_cancel: bool
    view: RolloutView | None = None
    verdict: Verdict | None = None
    # What is to be known about the newest read of the metrics: that it failed, what was refused.
    remarks: list[str] = field(default_factory=list)
    found: list[Attribution] = field(default_factory=list)
    history: History | None = None
    actions: list[Action] = field(default_factory=list)
    # Actions exist, but this person's role does not cover them.
    actions_barred: bool = False
    can_judge: bool = False
    others: list[Rollout] = field(default_factory=list)
    # Above 1: it was rolled back before, and a person had it tried again.
    attempt: int = 1
    settled: bool = False

    @property
    def pipeline(self) -> str:
        """The submitter's link, when it is one: nothing but http leads out of a page."""
        url = str(self.change.source.get("pipeline_url", ""))
        return url if url.startswith(("https://", "http://")) else ""


def change_page(
    change: Change, user: AbstractBaseUser | AnonymousUser, now: datetime
) -> ChangePage:
    scopes = scopes_of(user)
    rollouts = list(
        Rollout.every.filter(change_id=change.pk).prefetch_related("stages", "placements", "holds")
    )
    assessment = change.assessments.first()
    approvals = list(change.approvals.all())
    shared: dict[str, Any] = {
        "change": change,
        "risk": _risk(assessment, rollouts) if assessment else None,
        "approvals": approvals,
        "approvals_needed": needed(change, assessment),
        "gates": gates_of(change, assessment.policy) if assessment else [],
        "answer_barred": _answer_barred(change, approvals, user.get_username(), scopes),
        "can_cancel": _can_cancel(change, user.get_username(), scopes),
    }
    if not rollouts:
        facts = change_facts(change, assessment, now)
        return ChangePage(**shared, **_told(facts, change.state), settled=change.state in SETTLED)
    if rollouts[0].shadow:
        return _with_shadow(shared, rollouts[0], scopes, now)
    return _with_rollout(shared, rollouts, scopes, now)


def _told(facts: Facts, state: str) -> dict[str, Any]:
    headline, *story = sentences(facts)
    return {
        "state": state,
        "word": word_of(STATES, state),
        "headline": headline,
        "story": story,
        "left": left_to_do(facts),
    }


def _with_rollout(
    shared: dict[str, Any], rollouts: list[Rollout], scopes: frozenset[Scope], now: datetime
) -> ChangePage:
    newest, *others = rollouts
    view = rollout_view(newest, now)
    verdict = verdict_of(newest, now)
    found = attributions(newest.change_id)
    past = history(newest)
    actions = offered(view, again=second_attempts.offered(newest))
    may_act = Scope.OPERATE in scopes
    return ChangePage(
        **shared,
        **_told(rollout_facts(view, past, verdict, found, now), view.state),
        view=view,
        verdict=verdict,
        remarks=remarks(newest),
        found=found,
        history=past,
        actions=actions if may_act else [],
        actions_barred=bool(actions) and not may_act,
        can_judge=may_act,
        others=others,
        attempt=second_attempts.attempt(newest),
        settled=_settled(newest),
    )


def _with_shadow(
    shared: dict[str, Any], rollout: Rollout, scopes: frozenset[Scope], now: datetime
) -> ChangePage:
    view = rollout_view(rollout, now)
    return ChangePage(
        **shared,
        **shadow.told(shared["change"], view, said_of([rollout])[rollout.pk]),
        view=view,
        verdict=verdict_of(rollout, now),
        remarks=remarks(rollout),
        found=attributions(rollout.change_id),
        history=history(rollout),
        can_judge=Scope.OPERATE in scopes,
        settled=_settled(rollout),
    )


def _settled(rollout: Rollout) -> bool:
    """Rolled back is not the end of the story: the metric may still have to recover."""
    return rollout.phase in AT_REST or rollout.recovered_at is not None


def _risk(assessment: Assessment, rollouts: Sequence[Rollout]) -> Risk:
    order = list(LEVELS)
    signals = sorted(assessment.signals.all(), key=lambda s: -order.index(s.severity))
    policy: dict[str, Any] = assessment.policy
    # Of what the policy allows, what it came to.
    level = (rollouts[0].spec if rollouts else policy).get("control_level", "")
    return Risk(
        assessment=assessment,
        word=word_of(LEVELS, assessment.level),
        signals=[(word_of(LEVELS, s.severity), s) for s in signals],
        policy=policy,
        allowed=word_of(CONTROL_LEVELS, policy.get("control_level", "")),
        level=level,
        control=word_of(CONTROL_LEVELS, level),
    )


def _answer_barred(
    change: Change, approvals: list[Approval], name: str, scopes: frozenset[Scope]
) -> str | None:
    if change.state != ChangeState.PENDING_APPROVAL:
        return None
    if Scope.APPROVE not in scopes:
        return "Your role does not cover approving; an approver has to answer."
    if change.author == name:
        return "You are its author: somebody else has to answer."
    if any(a.actor == name for a in approvals):
        return "You have answered; another person's word is needed."
    return ""


def _can_cancel(change: Change, name: str, scopes: frozenset[Scope]) -> bool:
    mine = change.author == name and Scope.SUBMIT in scopes
    return change.state in CANCELABLE and (mine or Scope.OPERATE in scopes)
