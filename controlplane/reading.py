"""Rows → what the outside reads. The shapes of the contract, for the API and the pages alike.

Artefacts are never part of an answer: a configuration may hold a password.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from attribution.clock import database_now
from attribution.models import Anomaly, Exposure, Finding
from attribution.series import read_series
from controlplane import forecasts
from rollout.machine import CURRENT_STAGES, DONE_STAGES, shown_state
from rollout.models import Decision, Placement, Rollout, Stage

# A chart begins a little before the change and ends a little after it: what was normal is seen.
BEFORE = timedelta(minutes=2)
AFTER = timedelta(minutes=3)


def rollout_json(rollout: Rollout) -> dict[str, Any]:
    finding = newest_finding(rollout.change_id, rollout.created_at)
    placements = list(rollout.placements.all())
    summary = rollout_summary(rollout)
    if expected := forecasts.expected_now(rollout, database_now()):
        summary["stages"][summary["stage"]]["expected"] = expected
    return summary | {
        "exposure": exposure(rollout, placements, "own_share"),
        "desired_exposure": exposure(rollout, placements, "desired"),
        "placements": [placement_json(each) for each in placements],
        "decisions": [decision_json(each) for each in rollout.decisions.defer("inputs")],
        "suspects": finding.suspects if finding else [],
        "none_of_them": finding.none_of_them if finding else None,
        "finding": str(finding.pk) if finding else None,
    }


def rollout_summary(rollout: Rollout) -> dict[str, Any]:
    holds = [hold for hold in rollout.holds.all() if hold.released_at is None]
    kinds = frozenset(hold.kind for hold in holds)
    stages = list(rollout.stages.all())
    return {
        "id": str(rollout.pk),
        "change": str(rollout.change_id),
        "title": rollout.spec["title"],
        "environment": rollout.environment,
        "artefact": rollout.artefact,
        "control_level": rollout.spec["control_level"],
        # Nothing holds what is only watched.
        "state": rollout.phase if rollout.shadow else shown_state(rollout.phase, kinds),
        "shadow": rollout.shadow,
        "phase": rollout.phase,
        "version": rollout.version,
        "holds": [
            {
                "kind": hold.kind,
                "actor": hold.actor,
                "reason": hold.reason,
                "since": moment(hold.since),
                "expires": moment(hold.expires_at),
            }
            for hold in holds
        ],
        "stage": current_stage_index(stages),
        "stages": [stage_json(stage) for stage in stages],
        "undoes": str(rollout.undoes_id) if rollout.undoes_id else None,
        "retries": str(rollout.retries_id) if rollout.retries_id else None,
        "created_at": moment(rollout.created_at),
        "started_at": moment(rollout.started_at),
        "halted_at": moment(rollout.halted_at),
        "rolling_back_since": moment(rollout.rolling_back_since),
        "ended_at": moment(rollout.ended_at),
        "undo_until": moment(rollout.undo_until),
        "recovered_at": moment(rollout.recovered_at),
    }


def current_stage_index(stages: Iterable[Stage]) -> int | None:
    """The stage under way; else the last one that is done; None: none has begun."""
    states = [(stage.index, stage.state) for stage in stages]
    current = [index for index, state in states if state in CURRENT_STAGES]
    done = [index for index, state in states if state in DONE_STAGES]
    return current[0] if current else max(done, default=None)


def stage_json(stage: Stage) -> dict[str, Any]:
    return {
        "share": stage.share,
        "state": stage.state,
        "verdict": stage.verdict,
        "reason": stage.reason,
        "baking_since": moment(stage.baking_since),
        "ended_at": moment(stage.ended_at),
    }


def placement_json(placement: Placement) -> dict[str, Any]:
    return {
        "target": placement.target,
        "service": placement.service,
        "executor": placement.executor,
        "desired": placement.desired,
        "desired_units": placement.desired_units,
        "observed": placement.observed,
        "observed_units": placement.observed_units,
        "observed_at": moment(placement.observed_at),
        "generation": placement.generation,
        "confirmed_generation": placement.confirmed_generation,
        "failures": placement.failures,
        "last_error": placement.last_error,
    }


def exposure(rollout: Rollout, placements: Iterable[Placement], field: str) -> float:
    """The share over all targets, each weighted by its number of units. `own_share`: what is
    observed, without what a target shows that is not this rollout's.
    """
    units = {t["service"]: max(1, len(t["units"])) for t in rollout.spec["targets"]}
    weighted = [(units.get(each.service, 1), getattr(each, field)) for each in placements]
    total = sum(weight for weight, _ in weighted)
    return round(sum(weight * share for weight, share in weighted) / total, 6) if total else 0.0


def decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "id": str(decision.pk),
        "at": moment(decision.at),
        "decision": decision.decision,
        "reasons": decision.reasons,
        "actor": decision.actor,
    }


def ledger_json(decision: Decision) -> dict[str, Any]:
    return decision_json(decision) | {
        "rollout": str(decision.rollout_id),
        "change": str(decision.change_id),
        "sequence": decision.sequence,
        "inputs": decision.inputs,
        "previous_hash": decision.previous_hash,
        "hash": decision.hash,
    }


def newest_finding(change_id: uuid.UUID, since: datetime) -> Finding | None:
    """The newest attribution in which this change is a suspect, its anomaly open or not."""
    named = Finding.objects.filter(at__gte=since, suspects__contains=[{"change": str(change_id)}])
    return named.defer("case").order_by("-at").first()


def anomaly_json(anomaly: Anomaly, finding: Finding | None) -> dict[str, Any]:
    return {
        "id": str(anomaly.pk),
        "service": anomaly.service.name,
        "metric": anomaly.metric,
        "origin": anomaly.origin,
        "started_at": moment(anomaly.started_at),
        "detected_at": moment(anomaly.detected_at),
        "ended_at": moment(anomaly.ended_at),
        "finding": finding_json(finding) if finding else None,
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "id": str(finding.pk),
        "at": moment(finding.at),
        "suspects": finding.suspects,
        "none_of_them": finding.none_of_them,
        "none_reasons": finding.none_reasons,
        "localized": finding.localized,
        "incomplete": finding.incomplete,
    }


def series_json(rollout: Rollout) -> dict[str, Any]:
    """What the charts draw: each guarded metric, canary beside control, on one time axis."""
    since = rollout.created_at - BEFORE
    until = rollout.ended_at + AFTER if rollout.ended_at else database_now()
    guardrails: Mapping[str, list[dict[str, Any]]] = rollout.spec["guardrails"]
    return {
        "rollout": str(rollout.pk),
        "from": since.timestamp(),
        "until": until.timestamp(),
        "interval_s": rollout.spec["interval_s"],
        "services": [
            {
                "service": service,
                "metrics": _metrics(service, guardrails.get(service, []), since, until),
                "exposure": _exposures(rollout.change_id, service, until),
            }
            for service in dict.fromkeys(target["service"] for target in rollout.spec["targets"])
        ],
        "marks": [
            {"at": decision.at.timestamp(), "label": decision.decision}
            for decision in rollout.decisions.defer("inputs")
        ],
    }


def _metrics(
    service: str, specs: list[dict[str, Any]], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    series = read_series(service, [spec["name"] for spec in specs], since, until)
    return [
        {
            "name": spec["name"],
            "kind": spec.get("kind", "ratio"),
            "direction": spec.get("direction", "increase"),
            "t": series.t,
            **{
                cohort: [_value(each) for each in series.values[spec["name"]][cohort]]
                for cohort in ("canary", "control")
            },
        }
        for spec in specs
    ]


def _exposures(change_id: uuid.UUID, service: str, until: datetime) -> list[list[float]]:
    """[time, share] of each step that was observed, and of the chart's end."""
    rows = Exposure.objects.filter(change_id=change_id, service__name=service, at__lte=until)
    steps = [[at.timestamp(), share] for at, share in rows.values_list("at", "share")]
    return [*steps, [until.timestamp(), steps[-1][1]]] if steps else []


def _value(reported: Any) -> float | None:
    """A ratio is stored as [events, total]; nothing seen is no zero. A distribution has no line."""
    if isinstance(reported, list):
        events, total = reported
        return events / total if total else None
    return float(reported) if isinstance(reported, int | float) else None


def moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
