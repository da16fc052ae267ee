"""Which guardrails stopped changes, what people said of it, and what is proposed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.fields.json import KT, KeyTransform

from attribution.models import Guardrail
from controlplane.models import Feedback
from controlplane.precision import Intervention, Standing, standings_of
from rollout.models import Decision, Rollout
from rollout.snapshot import Do

# Their evidence is large: of more the newest.
MOST = 2_000
STOPS = (Do.HALT, Do.ROLLBACK, Do.WOULD_HALT, Do.WOULD_ROLL_BACK)
ANSWERS = (Feedback.Answer.RIGHT, Feedback.Answer.WRONG)
Name = tuple[str, str]


@dataclass(frozen=True)
class Stop:
    """One on attribution's word alone has no verdict `fail`, and fails no guardrail."""

    decision: UUID
    rollout: UUID
    verdict: str | None
    reason: str | None
    failing: list[str] | None


def standings(since: datetime) -> list[Standing]:
    """Of each guardrail that stopped a change since then. A handful of queries."""
    return standings_of(interventions(since))


def interventions(since: datetime) -> list[Intervention]:
    failing: dict[UUID, set[Name]] = {}
    rollout_of: dict[UUID, UUID] = {}
    stops = _stops(since)
    watched = _watched({stop.rollout for stop in stops})
    for stop in stops:
        rollout_of[stop.decision] = stop.rollout
        names = failing.setdefault(stop.rollout, set())
        if stop.verdict == "fail":
            names |= _names(stop, watched[stop.rollout])
    said = _said(rollout_of)
    return [
        Intervention(service, guardrail, said.get(rollout, ""))
        for rollout, names in failing.items()
        for service, guardrail in sorted(names)
    ]


def _stops(since: datetime) -> list[Stop]:
    """Without their cases, the newest first."""
    rows = Decision.objects.filter(decision__in=STOPS, at__gte=since).values_list(
        "pk",
        "rollout_id",
        KT("inputs__evidence__verdict"),
        KT("inputs__evidence__reason"),
        KeyTransform("failing", "inputs"),
    )
    return [Stop(*row) for row in rows.order_by("-at")[:MOST]]


def _names(stop: Stop, guardrails: Mapping[str, Any]) -> set[Name]:
    """The failing metrics; older decisions tell them in words only."""
    known = _known(guardrails)
    if stop.failing is not None:
        return {known[name] for name in stop.failing if name in known}
    return {place for name, place in known.items() if f"; {name}: " in (stop.reason or "")}


def _known(guardrails: Mapping[str, Any]) -> dict[str, Name]:
    """As the judge's case calls them."""
    several = sum(bool(specs) for specs in guardrails.values()) > 1
    return {
        f"{service}/{spec['name']}" if several else spec["name"]: (service, spec["name"])
        for service, specs in guardrails.items()
        for spec in specs
    }


def _watched(rollouts: set[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """The guardrails of each as they were frozen."""
    rows = Rollout.every.filter(pk__in=rollouts)
    return dict(rows.values_list("pk", "spec__guardrails"))


def _said(rollout_of: Mapping[UUID, UUID]) -> dict[UUID, str]:
    """The newest word on any decision of the intervention."""
    given = Feedback.objects.filter(decision_id__in=list(rollout_of), answer__in=ANSWERS)
    rows = given.order_by("at", "id").values_list("decision_id", "answer")
    return {rollout_of[decision]: answer for decision, answer in rows}


# --- proposals -------------------------------------------------------------------------------


def proposals(found: list[Standing]) -> dict[Name, str]:
    """Of each noisy one what to do about it, as it stands now. It is a person who does."""
    noisy = {(one.service, one.guardrail) for one in found if one.noisy}
    rows = Guardrail.objects.filter(
        service__name__in={service for service, _ in noisy}, change_id=None
    )
    columns = rows.values_list("service__name", "name", "spec")
    specs = {(service, name): spec for service, name, spec in columns}
    return {each: _proposed(specs[each]) for each in sorted(noisy) if each in specs}


def _proposed(spec: Mapping[str, Any]) -> str:
    margin = float(spec.get("margin", 0.1))
    wider = f"a wider margin ({margin:g} now, {2 * margin:g} say)"
    demoted = "not critical, " if spec.get("critical") else ""
    return f"{demoted}{wider}, or a silence until it is mended"
