"""The front door: submit → assess → gate → hand over. The only writer of a change's state.

States move by rollout.machine's table only; what follows by itself is in advancing.py.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import Guardrail, Service
from controlplane import assessing, handover, planned
from controlplane.access import same_person
from controlplane.advancing import advance_changes, move, note
from controlplane.models import Approval, Change
from controlplane.registered import check_guardrail_names, services_of
from controlplane.submission import Submission, parse
from rollout.machine import ChangeState, step
from rollout.services import NotAllowedError

APPROVAL_TTL_S = 24 * 3600.0
REVIEW_DUE = timedelta(days=2)
ANSWERED = "you have answered already; one answer a person"

__all__ = ["advance_changes", "cancel", "decide_change", "submit"]

# --- submit ----------------------------------------------------------------------------------


@transaction.atomic
def submit(body: Any, author: str, *, dry_run: bool = False) -> Change | dict[str, Any]:
    """Store the change whole or not at all. Raises CaseError. `dry_run`: the answer it would get,
    with nothing stored.
    """
    submission = parse(body)
    services = services_of(submission)
    check_guardrail_names(submission, services)
    found = assessing.assess(submission, services)
    now = database_now()
    if submission.scheduled_for is not None and submission.scheduled_for < now:
        detail = "that time has passed; leave it out to start as soon as it is allowed"
        raise CaseError("scheduled in the past", detail, "/scheduled_for")
    change = _change(submission, author)
    level, stages, warnings = _carried_out(change, submission, services, found, now)
    _enter(change, found, now, gated=handover.is_gated(found["policy"], services))
    change.reasons += warnings
    if dry_run:
        return _dry_answer(change, found, level, stages)
    change.save(force_insert=True)
    if change.state != ChangeState.REJECTED:
        _store_guardrails(submission, services, change)
    assessing.store(change, found, now)
    return change


def _change(submission: Submission, author: str) -> Change:
    return Change(
        title=submission.title,
        kind=submission.kind,
        change_class=submission.change_class,
        environment=submission.environment,
        targets=[
            {"service": target.service}
            | ({} if target.units is None else {"units": list(target.units)})
            for target in submission.targets
        ],
        artefact=submission.artefact,
        before=submission.before,
        source=dict(submission.source),
        executor=dict(submission.executor),
        plan=dict(submission.plan),
        author=author,
        scheduled_for=submission.scheduled_for,
    )


def _carried_out(
    change: Change,
    submission: Submission,
    services: Sequence[Service],
    found: Mapping[str, Any],
    now: datetime,
) -> tuple[str, list[dict[str, Any]], list[str]]:
    """Control level, stages and what to warn of, by making the spec that would be handed over."""
    policy = found["policy"]
    guardrails = handover.guardrails_of(services, submission.guardrails)
    level = handover.control_level(policy, change, services, guardrails)
    if level in handover.HANDED_OUT:
        if submission.executor:
            handover.targets_of(change, services)
        return level, policy["stages"], []
    spec = handover.spec_of(change, services, guardrails, found)
    foretold = planned.of_spec(spec, now)
    return spec.control_level, planned.stages_json(spec, foretold), planned.warnings(foretold)


def _enter(change: Change, found: Mapping[str, Any], now: datetime, *, gated: bool) -> None:
    """From submitted over assessing to approved, pending_approval or rejected. What is not gated
    (L0) is let in: what would be asked is told.
    """
    change.state = step("change", change.state, "assess")
    policy = found["policy"]
    needed = approvals_needed(policy, change.change_class)
    change.reasons = [f"{found['level']} risk ({found['score']:.0f} of 100)", *_worst(found)]
    if change.change_class == "emergency":
        change.review_due_at = now + REVIEW_DUE
    if names := [check["name"] for check in policy["checks"]]:
        waits = "; an emergency does not wait for them" * (change.change_class == "emergency")
        asks = f"policy {policy['source']} asks for checks: {', '.join(names)}{waits}"
        change.reasons.insert(0, asks)
    if not gated:
        change.reasons.insert(0, _only_observed(policy, needed))
        change.state = step("change", change.state, "allow")
    elif policy["reject"]:
        change.reasons.insert(0, f"policy {policy['source']} rejects it")
        change.state = step("change", change.state, "reject")
    elif needed:
        change.reasons.insert(0, _asks(policy, needed))
        change.expires_at = now + timedelta(seconds=_ttl())
        change.state = step("change", change.state, "ask")
    else:
        change.state = step("change", change.state, "allow")


def approvals_needed(policy: Mapping[str, Any], change_class: str) -> int:
    """An emergency needs one at most. A pre-flight gate is opened by a person, whoever else."""
    needed = int(policy["approvals"])
    if change_class == "emergency":
        needed = min(needed, 1)
    gates = [gate for stage in policy["stages"] for gate in stage["gates"]]
    return max(needed, 1) if "pre_flight" in gates else needed


def _only_observed(policy: Mapping[str, Any], needed: int) -> str:
    observed = "L0, observe: nothing is enforced"
    if policy["reject"]:
        return f"{observed}; policy {policy['source']} would reject it"
    return f"{observed}; {_asks(policy, needed)}" if needed else observed


def _asks(policy: Mapping[str, Any], needed: int) -> str:
    # Roles such as an owner are not known here: to claim that they were checked would be untrue.
    named = ", ".join(policy["approvers"])
    roles = f" (it names {named}; that one is among them is not checked)" if named else ""
    people = "one approval" if needed == 1 else f"{needed} approvals"
    return f"policy {policy['source']} asks for {people}{roles}"


def _worst(found: Mapping[str, Any]) -> list[str]:
    return [f"{one['severity']}: {one['summary']}" for one in found["signals"][:5]]


def _ttl() -> float:
    return float(getattr(settings, "GRAYGATE_APPROVAL_TTL_S", APPROVAL_TTL_S))


def _store_guardrails(submission: Submission, services: Sequence[Service], change: Change) -> None:
    Guardrail.objects.bulk_create(
        Guardrail(name=spec["name"], service=service, change_id=change.id, spec=dict(spec))
        for service in services
        for spec in submission.guardrails
    )


def _dry_answer(
    change: Change, found: Mapping[str, Any], level: str, stages: list[dict[str, Any]]
) -> dict[str, Any]:
    decision = {
        ChangeState.APPROVED: "allowed",
        ChangeState.PENDING_APPROVAL: "needs_approval",
        ChangeState.REJECTED: "rejected",
    }[ChangeState(change.state)]
    if decision == "allowed" and found["policy"]["checks"] and change.change_class != "emergency":
        decision = "scheduled"
    assessment = {name: value for name, value in found.items() if name not in ("id", "case")}
    return {
        "change": None,
        "state": change.state,
        "decision": decision,
        "level": found["level"],
        "reasons": change.reasons,
        "rollout": None,
        "control_level": level,
        "stages": stages,
        "assessment": assessment,
        "dry_run": True,
    }


# --- people ----------------------------------------------------------------------------------


@transaction.atomic
def decide_change(change_id: uuid.UUID, actor: str, answer: str, reason: str = "") -> Change:
    """One answer a person, never the author's. Enough approvals approve, one rejection rejects.

    Raises Change.DoesNotExist, IllegalTransitionError, NotAllowedError.
    """
    change = Change.objects.select_for_update().get(pk=change_id)
    given = Approval.Answer(answer)
    step("change", change.state, given)
    if same_person(actor, change.author):
        raise NotAllowedError("nobody decides on a change of their own")
    if any(same_person(actor, one.actor) for one in change.approvals.all()):
        raise NotAllowedError(ANSWERED)
    now = database_now()
    try:
        with transaction.atomic():
            Approval.objects.create(change=change, actor=actor, answer=given, reason=reason, at=now)
    except IntegrityError:
        raise NotAllowedError(ANSWERED) from None
    if given == Approval.Answer.REJECT:
        return move(change, "reject", f"rejected by {actor}" + (f": {reason}" if reason else ""))
    left = approvals_left(change)
    if left:
        return note(change, f"approved by {actor}; {left} more to go")
    return move(change, "approve", f"approved by {actor}")


def approvals_left(change: Change) -> int:
    needed = approvals_needed(change.assessments.latest().policy, change.change_class)
    return max(0, needed - change.approvals.filter(answer=Approval.Answer.APPROVE).count())


def approvals_fresh(change: Change, now: datetime) -> bool:
    """Whether those that it needs were given lately: as long ago as one may be waited for."""
    needed = approvals_needed(change.assessments.latest().policy, change.change_class)
    lately = now - timedelta(seconds=_ttl())
    given = change.approvals.filter(answer=Approval.Answer.APPROVE, at__gte=lately)
    return given.count() >= needed


@transaction.atomic
def cancel(change_id: uuid.UUID, actor: str, reason: str = "") -> Change:
    """Before its start only; a change under way is aborted at its rollout."""
    change = Change.objects.select_for_update().get(pk=change_id)
    move(change, "cancel", f"canceled by {actor}" + (f": {reason}" if reason else ""))
    return change
