"""One change as the API tells it: what it is, how it was assessed, what it waits for."""

from typing import Any

from controlplane.decision import url_of
from controlplane.models import Assessment, Change
from controlplane.quality_gates import gates_of
from controlplane.reading import moment


def change_json(change: Change) -> dict[str, Any]:
    assessment = change.assessments.order_by("-at", "-id").first()
    return change_summary(change) | {
        "targets": change.targets,
        "source": change.source,
        "plan": change.plan,
        "reasons": change.reasons,
        "assessment": assessment_json(assessment) if assessment else None,
        "similar": assessment.explanation.get("similar", []) if assessment else [],
        "approvals": [
            {"actor": a.actor, "answer": a.answer, "reason": a.reason, "at": moment(a.at)}
            for a in change.approvals.all()
        ],
        "checks": checks_json(change, assessment),
        "scheduled_for": moment(change.scheduled_for),
        "expires_at": moment(change.expires_at),
        "review_due_at": moment(change.review_due_at),
    }


def checks_json(change: Change, assessment: Assessment | None) -> list[dict[str, Any]]:
    return [
        {
            "name": gate.name,
            "state": gate.state,
            "actor": gate.result.actor if gate.result else None,
            "at": moment(gate.result.at) if gate.result else None,
            "url": gate.result.url if gate.result else "",
            "detail": gate.result.detail if gate.result else "",
        }
        for gate in (gates_of(change, assessment.policy) if assessment else [])
    ]


def change_summary(change: Change) -> dict[str, Any]:
    return {
        "id": str(change.pk),
        "title": change.title,
        "kind": change.kind,
        "class": change.change_class,
        "environment": change.environment,
        "services": [target["service"] for target in change.targets],
        "author": change.author,
        "state": change.state,
        "rollout": str(change.rollout_id) if change.rollout_id else None,
        "created_at": moment(change.created_at),
        "updated_at": moment(change.updated_at),
        "url": url_of(change.pk),
    }


def assessment_json(assessment: Assessment) -> dict[str, Any]:
    return {
        "version": assessment.version,
        "at": moment(assessment.at),
        "level": assessment.level,
        "score": assessment.score,
        "reach": assessment.reach,
        "hazard": assessment.hazard,
        "likelihood": assessment.likelihood,
        "reversibility": assessment.reversibility,
        "policy": assessment.policy,
        "signals": [
            {
                "id": signal.signal_id,
                "aliases": signal.aliases,
                "severity": signal.severity,
                "summary": signal.summary,
                "where": signal.where,
                "why": signal.why,
                "remedy": signal.remedy,
            }
            for signal in assessment.signals.all()
        ],
    }
