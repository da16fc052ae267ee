"""Submission → case → classification, kept with the case it was computed from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from attribution.models import Service
from controlplane.ended import HARMFUL
from controlplane.learned_models import models
from controlplane.likenesses import similar_to
from controlplane.models import Assessment, Change, Outcome, Policy, Signal
from controlplane.reviewer import configured
from controlplane.risk.assess import ASSESSMENT_VERSION
from controlplane.risk.classify import classify
from controlplane.risk.policy import PolicyRow
from controlplane.risk.policy_rows import row_of
from controlplane.submission import Submission


def policies() -> tuple[PolicyRow, ...]:
    """The installation's rows; where none fits, `choose` takes the default table. Raises
    CaseError for an unusable row: a policy that cannot be read must stop a change, not let it
    pass by the default.
    """
    return tuple(
        row_of(policy.spec | {"source": f"{policy.name}@{policy.version}"}, f"/{policy.name}")
        for policy in Policy.objects.order_by("name")
    )


def case_of(submission: Submission, services: Sequence[Service]) -> dict[str, Any]:
    """Of several targets the most important tier counts, and everybody who calls any of them."""
    return {
        "kind": submission.kind,
        "artefact": submission.artefact,
        "before": submission.before,
        "path": submission.source.get("path"),
        "context": {
            "service": ", ".join(service.name for service in services),
            "tier": min(service.tier for service in services),
            "environment": submission.environment,
            "topology": {"dependents": len(callers(services))},
            **_record(submission.kind, services),
        },
    }


def callers(services: Sequence[Service]) -> set[str]:
    """Names of the services that call one of these, directly or not."""
    own = {service.name for service in services}
    pairs = Service.calls.through.objects.values_list("from_service__name", "to_service__name")
    calls = list(pairs)
    found, frontier = set[str](), own
    while frontier:
        frontier = {caller for caller, callee in calls if callee in frontier} - found - own
        found |= frontier
    return found


def _record(kind: str, services: Sequence[Service]) -> dict[str, Any]:
    """No outcome yet is an unknown record, not a good one."""
    wanted = Q()
    for service in services:
        wanted |= Q(change__targets__contains=[{"service": service.name}])
    counts = Outcome.objects.filter(wanted, change__kind=kind).aggregate(
        changes=Count("pk"), failed=Count("pk", filter=Q(result__in=HARMFUL))
    )
    return {"record": counts} if counts["changes"] else {}


def assess(submission: Submission, services: Sequence[Service]) -> dict[str, Any]:
    """The answer of `classify`, and under `case` what it was asked."""
    case = case_of(submission, services)
    reviewer = configured()
    if reviewer is not None and submission.artefact:
        case |= {"review": reviewer.review(case)}
    found = classify(case, policies(), models()) | {"case": case}
    signals = [signal["id"] for signal in found["signals"]]
    found["explanation"]["similar"] = similar_to(submission, signals)
    return found


def store(change: Change, found: dict[str, Any], at: datetime) -> Assessment:
    assessment = Assessment.objects.create(
        change=change,
        version=ASSESSMENT_VERSION,
        at=at,
        policy=found["policy"] | {"explanation": found["explanation"]},
        case=found["case"],
        **{
            name: found[name]
            for name in ("level", "score", "reach", "hazard", "likelihood", "reversibility")
        },
    )
    Signal.objects.bulk_create(
        Signal(
            assessment=assessment,
            signal_id=signal["id"],
            aliases=signal.get("aliases", []),
            **{name: signal[name] for name in ("severity", "summary", "where", "why", "remedy")},
        )
        for signal in found["signals"]
    )
    return assessment
