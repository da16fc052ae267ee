"""What has to have passed before a change may start: CI's tests, a scan, whatever a policy names.

A result that nobody reported has not passed. The newest result of a name counts, from those who may
report it: whom the policy names, else anybody but the author. An emergency does not wait.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from attribution.clock import database_now
from attribution.errors import CaseError
from controlplane.access import same_person
from controlplane.models import Change, QualityCheck
from rollout.machine import ChangeState
from rollout.services import NotAllowedError

# After that nobody will report any more.
PATIENCE = timedelta(days=7)
NOT_STARTED = (ChangeState.PENDING_APPROVAL, ChangeState.APPROVED, ChangeState.SCHEDULED)


@dataclass(frozen=True)
class Gate:
    """One check that the policy asks for; `result` is None while nobody who may has reported."""

    name: str
    result: QualityCheck | None

    @property
    def state(self) -> str:
        if self.result is None:
            return "missing"
        return "passed" if self.result.passed else "failed"

    @property
    def link(self) -> str:
        """The reporter's link, when it is one: nothing but http leads out of a page."""
        url = self.result.url if self.result else ""
        return url if url.startswith(("https://", "http://")) else ""


def gates_of(change: Change, policy: Mapping[str, Any]) -> list[Gate]:
    """In the policy's order."""
    # Policies of before had none.
    asked = policy.get("checks", ())
    results = list(change.checks.order_by("-at", "-id")) if asked else []
    return [
        Gate(check["name"], next((r for r in results if _counts(r, check, change)), None))
        for check in asked
    ]


def _counts(result: QualityCheck, check: Mapping[str, Any], change: Change) -> bool:
    mine = result.name == check["name"]
    return mine and _may_report(result.actor, check["by"], change.author)


def _may_report(actor: str, named: list[str], author: str) -> bool:
    return actor in named if named else not same_person(actor, author)


def closed(change: Change, policy: Mapping[str, Any]) -> str:
    """What it still waits for; empty: nothing."""
    if change.change_class == "emergency":
        return ""
    gates = [gate for gate in gates_of(change, policy) if gate.state != "passed"]
    told = ", ".join(f"{gate.name} ({gate.state})" for gate in gates)
    return f"waits for checks: {told}" if told else ""


def given_up(change: Change, now: datetime) -> bool:
    return now > change.created_at + PATIENCE


@transaction.atomic
def record(change_id: uuid.UUID, actor: str, result: Mapping[str, Any]) -> list[Gate]:
    """One result of one check. Raises Change.DoesNotExist, CaseError, NotAllowedError."""
    change = Change.objects.select_for_update().get(pk=change_id)
    policy = change.assessments.latest().policy
    asked = {check["name"]: check["by"] for check in policy.get("checks", ())}
    if result["name"] not in asked:
        known = ", ".join(asked) or "none"
        raise CaseError("no such check", f"its policy asks for: {known}", "/name")
    if change.state not in NOT_STARTED:
        raise NotAllowedError(f"it is {change.state}: no check is waited for any more")
    if not _may_report(actor, asked[result["name"]], change.author):
        raise NotAllowedError("whom the policy names may report, else anybody but the author")
    QualityCheck.objects.create(
        change=change,
        name=result["name"],
        passed=result["passed"],
        url=result["url"],
        detail=result["detail"],
        actor=actor,
        at=database_now(),
    )
    return gates_of(change, policy)
