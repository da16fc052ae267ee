"""Trying a change again whose rollback was held to be wrong: what has to hold above for it."""

import uuid

from django.db import transaction

from attribution.clock import database_now
from attribution.errors import CaseError
from controlplane import handover, quality_gates
from controlplane.advancing import note
from controlplane.intake import approvals_fresh
from controlplane.models import Change, Feedback, Outcome
from rollout import second_attempts
from rollout import services as rollouts
from rollout.machine import ChangeState, Phase
from rollout.models import Rollout
from rollout.services import NotAllowedError
from rollout.snapshot import Do
from rollout.spec import RolloutSpec

STOPS = (Do.HALT, Do.ROLLBACK)


@transaction.atomic
def start(rollout_id: uuid.UUID, actor: str, reason: str, version: int | None = None) -> Rollout:
    """The new rollout; from here on it is the change's. Raises as rollout.second_attempts does."""
    first = Rollout.every.only("change_id", "spec").get(pk=rollout_id)
    change = Change.objects.select_for_update().get(pk=first.change_id)
    # Those that the change brought went when it had ended; it is trusted with them as before.
    rollouts.keep_guardrails(RolloutSpec.from_json(first.spec))
    level = _level(change)
    new = second_attempts.begin(rollout_id, actor, reason, level, version)
    if change.rollout_id == rollout_id:
        # It has not ended after all: its outcome will be that of the second attempt.
        Outcome.objects.filter(change=change).delete()
        change.rollout_id = new.pk
    note(change, f"tried again by {actor}: {reason}")
    return new


def _level(change: Change) -> str:
    """The control level that it has now, where it may start at all. Raises NotAllowedError."""
    if change.state != ChangeState.EXECUTING:
        raise NotAllowedError(f"the change is {change.state}: submit it anew")
    try:
        level = handover.level_of(change)
    except CaseError as problem:
        raise NotAllowedError(f"it cannot be carried out any more: {problem}") from None
    if level in handover.HANDED_OUT:
        raise NotAllowedError(f"its service is at {level} now: others carry its changes out")
    if not approvals_fresh(change, database_now()):
        raise NotAllowedError("its approvals are too old by now: submit it anew")
    if waits_for := quality_gates.closed(change, change.assessments.latest().policy):
        raise NotAllowedError(waits_for)
    return level


def offered(rollout: Rollout) -> bool:
    """A person has said that this rollback was wrong, and it is the newest word on it."""
    if rollout.phase != Phase.ROLLED_BACK:
        return False
    stops = rollout.decisions.filter(decision__in=STOPS).values("pk")
    newest = Feedback.objects.filter(decision_id__in=stops).order_by("at", "id").last()
    return newest is not None and newest.answer == Feedback.Answer.WRONG


def attempt(rollout: Rollout) -> int:
    """1 for the first."""
    number, before = 1, rollout.retries
    while before is not None:
        number, before = number + 1, before.retries
    return number
