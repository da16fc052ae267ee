"""Has the metric recovered since exposure returned to zero? Recorded apart from the rollback."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from attribution.models import Finding
from attribution.series import Series, read_series
from rollout.models import Rollout
from rollout.spec import RolloutSpec

INTERVALS = 5
BEFORE = timedelta(minutes=15)
# Width of the tolerated noise of a share of few samples, in standard errors.
NOISE = 3.0


def recovered(rollout: Rollout, now: datetime) -> str:
    """Why the metric counts as recovered; empty: it does not, or nothing measures it."""
    spec = RolloutSpec.from_json(rollout.spec)
    if open_anomalies(rollout):
        return ""
    told = [
        metric_recovered(rollout, service, guardrail, spec.interval_s, now)
        for service, guardrails in spec.guardrails.items()
        for guardrail in guardrails
    ]
    if not told:
        return "the alerts that led here have ended" if was_suspect(rollout) else ""
    return "; ".join(told) if all(told) else ""


def open_anomalies(rollout: Rollout) -> bool:
    """Alerts in which it was a suspect and that still fire (its own anomaly ends with this)."""
    mine = Finding.objects.filter(suspects__contains=[{"change": str(rollout.change_id)}])
    return mine.filter(anomaly__ended_at=None, anomaly__origin="alert").exists()


def was_suspect(rollout: Rollout) -> bool:
    return Finding.objects.filter(
        suspects__contains=[{"change": str(rollout.change_id)}], anomaly__origin="alert"
    ).exists()


def metric_recovered(
    rollout: Rollout, service: str, guardrail: Mapping[str, Any], interval_s: float, now: datetime
) -> str:
    zero_at, started = rollout.ended_at, rollout.started_at
    if zero_at is None or started is None:
        return ""
    # The first interval after zero still holds requests of before.
    since = zero_at + timedelta(seconds=interval_s)
    after = read_series(service, [guardrail["name"]], since, now)
    before = read_series(service, [guardrail["name"]], started - BEFORE, started)
    (e1, n1), (e0, n0) = totals(after, guardrail), totals(before, guardrail)
    if len(after.t) < INTERVALS or not n1:
        return ""
    base = e0 / n0 if n0 else 0.0
    limit = max(base * (1 + guardrail["margin"]), base + (guardrail.get("margin_abs") or 0.0))
    noise = NOISE * sqrt(max(limit * (1 - limit), 1 / n1) / n1)
    if e1 / n1 > limit + noise:
        return ""
    return f"{guardrail['name']}: {e1 / n1:.2%} after the rollback, {base:.2%} before"


def totals(series: Series, guardrail: Mapping[str, Any]) -> tuple[float, float]:
    """Bad events and total of everybody; for a metric whose decrease harms, bad = total - good."""
    values: Mapping[str, Any] = series.values.get(guardrail["name"], {})
    pairs = [p for p in values.get("all", ()) if p]
    events, total = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
    return (total - events if guardrail["direction"] == "decrease" else events), total
