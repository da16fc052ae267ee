"""One anomaly as the API tells it whole; in lists it is shorter (controlplane.reading)."""

from typing import Any

from attribution.models import AnomalyFeedback
from controlplane.anomalies import Known, Told, ranked
from controlplane.reactions import Reaction
from controlplane.reading import anomaly_json, decision_json, finding_json, moment
from rollout.machine import shown_state


def known_json(known: Known) -> dict[str, Any]:
    return anomaly_json(known.anomaly, None) | {
        "finding": _whole(known),
        "earlier": [told_json(each) for each in known.told[1:]],
        "earlier_left_out": known.untold,
        "done": [reaction_json(each) for each in known.reactions],
        "feedback": [feedback_json(each) for each in known.feedback],
    }


def _whole(known: Known) -> dict[str, Any] | None:
    finding = known.finding
    if finding is None:
        return None
    return finding_json(finding) | {"suspects": ranked(finding)}


def told_json(told: Told) -> dict[str, Any]:
    return {
        "id": str(told.id),
        "at": moment(told.at),
        "leader": told.leader,
        "probability": told.probability,
        "none_of_them": told.none_of_them,
    }


def reaction_json(reaction: Reaction) -> dict[str, Any]:
    rollout = reaction.rollout
    holds = [hold.kind for hold in rollout.holds.all() if hold.released_at is None]
    return {
        "rollout": str(rollout.pk),
        "change": str(rollout.change_id),
        "title": rollout.spec["title"],
        "state": shown_state(rollout.phase, frozenset(holds)),
        "recovered_at": moment(rollout.recovered_at),
        "decisions": [decision_json(entry) for entry in reaction.entries],
    }


def feedback_json(row: AnomalyFeedback) -> dict[str, Any]:
    """`change` null: the author says that none of the changes did it."""
    return {
        "id": row.pk,
        "anomaly": str(row.anomaly_id),
        "change": str(row.change_id) if row.change_id else None,
        "note": row.note,
        "author": row.author,
        "at": moment(row.at),
    }
