"""Guardrails that are not listened to: edited from above, read here with the evidence.

A silenced guardrail never fails a change and never lets one pass (invariant 1). What it reported in
that time is no evidence afterwards either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from attribution.clock import database_now
from rollout.machine import Phase
from rollout.models import GuardrailSilence, Placement, Rollout
from rollout.readings import series_of, with_series
from rollout.spec import RolloutSpec


@dataclass(frozen=True)
class Span:
    """Seconds since the epoch; `why` names who and what for."""

    begin: float
    end: float
    why: str


Silenced = Mapping[str, list[Span]]  # by the metric's name in the judge's case


@transaction.atomic
def set_silence(
    name: str, guardrail: str, service: str, reason: str, actor: str, ends_at: datetime
) -> GuardrailSilence:
    """From now on; one of that name before ends here. What was judged before it and is not yet
    decided is judged again.
    """
    lift_silence(name)
    _look_again(service)
    return GuardrailSilence.objects.create(
        name=name,
        guardrail=guardrail,
        service=service,
        reason=reason,
        actor=actor,
        starts_at=database_now(),
        ends_at=ends_at,
    )


def _look_again(service: str) -> None:
    """In order, with the lock that intents take: one that had the row before us has committed, one
    that comes after us finds another version and looks again.
    """
    judged = Rollout.every.filter(phase__in=(Phase.RUNNING, Phase.WATCHING))
    if service:
        having = Placement.objects.filter(service=service)
        judged = judged.filter(pk__in=having.values("rollout"))
    keys = list(judged.order_by("pk").select_for_update().values_list("pk", flat=True))
    Rollout.every.filter(pk__in=keys).update(version=F("version") + 1)


def lift_silence(name: str) -> None:
    now = database_now()
    GuardrailSilence.objects.filter(name=name, ends_at__gt=now).update(ends_at=now)


def of(spec: RolloutSpec, since: float, now: datetime) -> Silenced:
    """Of the rollout's guardrails, all that were in force since then."""
    watched = {name: given for name, given in spec.guardrails.items() if given}
    begun = datetime.fromtimestamp(since, UTC) - timedelta(seconds=spec.interval_s)
    rows = GuardrailSilence.objects.filter(
        Q(service="") | Q(service__in=watched), ends_at__gt=begun, starts_at__lte=now
    )
    found: dict[str, list[Span]] = defaultdict(list)
    for row in rows:
        for service, guardrails in watched.items():
            if row.service in {"", service} and any(g["name"] == row.guardrail for g in guardrails):
                several = len(watched) > 1
                name = f"{service}/{row.guardrail}" if several else row.guardrail
                found[name].append(_span(row))
    return found


def _span(row: GuardrailSilence) -> Span:
    why = f"silenced by {row.name} ({row.actor}): {row.reason}"
    return Span(row.starts_at.timestamp(), row.ends_at.timestamp(), why)


def without_silenced(case: Mapping[str, Any], silenced: Silenced, now: datetime) -> dict[str, Any]:
    metrics = [
        _without(metric, silenced.get(metric["name"], ()), case, now.timestamp())
        for metric in case["metrics"]
    ]
    return {**case, "metrics": metrics}


def _without(
    metric: Mapping[str, Any], spans: Iterable[Span], case: Mapping[str, Any], now: float
) -> dict[str, Any]:
    found, spans, step = dict(metric), list(spans), float(case["interval_s"])
    if not spans:
        return found
    # An interval that a silence covers only a part of holds something of that part.
    heard = [not any(s.begin < t and s.end > t - step for s in spans) for t in case["t"]]
    for cohort in ("canary", "control"):
        readings = series_of(metric, cohort)
        kept = [each if ok else None for each, ok in zip(readings, heard, strict=True)]
        found = with_series(found, cohort, kept)
    if in_force := [span.why for span in spans if span.begin <= now < span.end]:
        found["silenced"] = in_force[0]
    return found
