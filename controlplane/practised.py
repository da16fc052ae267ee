"""Changes that were carried out and have ended, with what their team's practice is told by."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from attribution.models import Service
from controlplane.ended import HARMFUL, HARMLESS
from controlplane.models import Assessment, Change, Outcome
from controlplane.standardisation import Practised
from rollout.ledger import SYSTEM
from rollout.models import Decision, Rollout

# The newest of them; more in a period are not looked at.
MOST = 20_000
# Signals which say that nothing was read.
UNREAD = frozenset({"no_artefact", "unparsed"})


def practised(since: datetime) -> list[Practised]:
    """One for each service that a change was about, newest first. A handful of queries."""
    outcomes = (
        Outcome.objects.filter(result__in=(*HARMFUL, *HARMLESS), ended_at__gte=since)
        .select_related("change")
        .defer("change__artefact", "change__before", "change__reasons")
        .prefetch_related("change__assessments__signals", "change__approvals")
        .order_by("-ended_at")[:MOST]
    )
    rollouts = Rollout.objects.in_bulk([o.change.rollout_id for o in outcomes])
    touched = _touched_by_people(rollouts)
    teams = dict(Service.objects.values_list("name", "team"))
    return [
        _practised(service, teams[service], outcome, rollout, touched)
        for outcome in outcomes
        if outcome.change.rollout_id
        and (rollout := rollouts.get(outcome.change.rollout_id)) is not None
        for service in sorted({target["service"] for target in outcome.change.targets})
        if service in teams
    ]


def _touched_by_people(rollouts: Collection[UUID]) -> set[UUID]:
    mine = Decision.objects.filter(rollout__in=rollouts).exclude(actor=SYSTEM)
    return set(mine.order_by().values_list("rollout_id", flat=True).distinct())


def _practised(
    service: str, team: str, outcome: Outcome, rollout: Rollout, touched: Collection[UUID]
) -> Practised:
    change, spec = outcome.change, rollout.spec
    assessment = next(iter(change.assessments.all()), None)
    return Practised(
        service=service,
        team=team,
        typed=_typed(assessment),
        staged=any(stage["share"] < 1 for stage in spec.get("stages", ())),
        observed=bool(spec.get("guardrails", {}).get(service)),
        reversible=assessment is not None and assessment.reversibility == "reversible",
        unattended=rollout.pk not in touched and not change.approvals.all(),
        harmful=outcome.result in HARMFUL,
        lead_s=_lead_s(change, outcome),
        recovery_s=_recovery_s(rollout),
    )


def _typed(assessment: Assessment | None) -> bool:
    if assessment is None:
        return False
    return not UNREAD & {signal.signal_id for signal in assessment.signals.all()}


def _lead_s(change: Change, outcome: Outcome) -> float:
    return (outcome.ended_at - change.created_at).total_seconds()


def _recovery_s(rollout: Rollout) -> float | None:
    began: Any = rollout.halted_at or rollout.rolling_back_since
    if began is None or rollout.recovered_at is None:
        return None
    return float((rollout.recovered_at - began).total_seconds())
