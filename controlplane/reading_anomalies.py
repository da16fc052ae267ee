"""One anomaly as the API tells it whole; in lists it is shorter (controlplane.reading)."""

from dataclasses import asdict
from typing import Any

from attribution.models import AnomalyFeedback
from controlplane.anomalies import Known, Told, ranked
from controlplane.reactions import Reaction
from controlplane.reading import anomaly_json, decision_json, finding_json, moment
from rollout.machine import shown_state
from rollout.standing import Line, handed_on, none_after
from rollout.telling_apart_orders import Attempt, UnderWay


def known_json(known: Known) -> dict[str, Any]:
    return anomaly_json(known.anomaly, None) | {
        "finding": _whole(known),
        "earlier": [told_json(each) for each in known.told[1:]],
        "earlier_left_out": known.untold,
        "done": [reaction_json(each) for each in known.reactions],
        "feedback": [feedback_json(each) for each in known.feedback],
        "standing": standing_json(known.line) if known.line else None,
        "telling_apart": attempt_json(known.attempt),
    }


def standing_json(line: Line) -> dict[str, Any]:
    """The probabilities that the loop goes by: what was rolled back in vain counts less."""
    handed = handed_on(line)
    return {
        "suspects": [
            {"change": s.change, "probability": handed[s.change], "turn": str(s.turn)}
            for s in sorted(line.suspects, key=lambda s: (-handed[s.change], s.change))
        ],
        "none_of_them": none_after(line),
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Of `proposal` and `under_way` at most one is there; else `why_not` says why."""
    return {
        "proposal": asdict(attempt.proposal) if attempt.proposal else None,
        "under_way": under_way_json(attempt.under_way) if attempt.under_way else None,
        "why_not": attempt.why_not,
    }


def under_way_json(going_on: UnderWay) -> dict[str, Any]:
    told = {"since": moment(going_on.since), "until": moment(going_on.until)}
    return asdict(going_on) | told


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
