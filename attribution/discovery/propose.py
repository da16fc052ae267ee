"""Facts in, proposals out. PURE: what they show now is measured by whoever asks the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from attribution.discovery import calls, golden
from attribution.discovery.cohorts import Cohorts, choose, target_of
from attribution.discovery.facts import Component, Facts, Measured
from attribution.discovery.golden import Guarding
from attribution.discovery.services import Found, services
from attribution.errors import CaseError
from attribution.guardrails import check_matchers

UNKNOWN_TEAM = "unknown"


@dataclass(frozen=True)
class Proposal:
    """One service. `rate`: what tells its requests a second."""

    name: str
    team: str
    environment: str
    cohorts: Cohorts | None
    guardings: tuple[Guarding, ...]
    rate: Guarding | None = None
    calls: tuple[str, ...] = ()
    target: str = ""
    remarks: tuple[str, ...] = field(default_factory=tuple)

    @property
    def guards(self) -> list[Guarding]:
        return [one for one in self.guardings if one.guards]

    def service(self, server: str) -> dict[str, Any]:
        """As `PUT services/{name}` takes it, with its name."""
        executor = {"name": "haproxy", "config": {"target": self.target}} if self.target else None
        telemetry = [one.spec() for one in self.guardings if not one.guards]
        return {
            "name": self.name,
            "team": self.team,
            "environment": self.environment,
            "calls": list(self.calls),
            **({"cohorts": self.cohorts.matchers} if self.cohorts else {}),
            "source": {"name": "prometheus", "config": {"server": server}},
            **({"executor": executor} if executor else {}),
            **({"telemetry": telemetry} if telemetry else {}),
        }

    def guardrails(self) -> list[dict[str, Any]]:
        return [{"service": self.name, **one.spec()} for one in self.guards]

    def with_measured(self, found: Mapping[str, Measured]) -> "Proposal":
        """By the names of the guardings; names are told apart within one service."""
        known = tuple(one.with_measured(found.get(one.name, Measured())) for one in self.guardings)
        rate = self.rate and self.rate.with_measured(found.get(self.rate.name, Measured()))
        return replace(self, guardings=known, rate=rate)


def propose(facts: Facts) -> tuple[list[Proposal], list[str]]:
    """By name; and what was seen and proposed nowhere."""
    found = services(facts.families)
    graph = calls.edges(facts.families)
    catalogue = {one.name: one for one in facts.catalogue}
    graph |= {(one.name, callee) for one in facts.catalogue for callee in one.calls}
    known = set(found)
    proposals = [
        _proposal(service, facts, _callees(name, graph, known), catalogue.get(name))
        for name, service in sorted(found.items())
    ]
    return proposals, list(_remarks(known, graph, catalogue))


def _callees(name: str, graph: set[tuple[str, str]], known: set[str]) -> tuple[str, ...]:
    return tuple(sorted({callee for caller, callee in graph if caller == name and callee in known}))


def _proposal(
    service: Found, facts: Facts, callees: tuple[str, ...], entry: Component | None
) -> Proposal:
    cohorts = _usable(choose(service, facts.targets))
    guardings = tuple(golden.guardrails(service, cohorts))
    return Proposal(
        name=service.name,
        team=(entry.team if entry else "") or service.team or UNKNOWN_TEAM,
        environment=service.environment or "production",
        cohorts=cohorts,
        guardings=guardings,
        rate=golden.rate_of(service, cohorts),
        calls=callees,
        target=target_of(service, facts.targets),
        remarks=tuple(_notes(cohorts, guardings)),
    )


def _usable(cohorts: Cohorts | None) -> Cohorts | None:
    """Matchers that the API would refuse (values too long for one expression) are no proposal."""
    try:
        for matchers in cohorts.matchers.values() if cohorts else ():
            check_matchers(matchers, "")
    except CaseError:
        return None
    return cohorts


def _notes(cohorts: Cohorts | None, guardings: Sequence[Guarding]) -> list[str]:
    notes = []
    signals = {one.signal for one in guardings if one.guards}
    if cohorts is None:
        notes.append(
            "no label tells canary from control: add one (a version will do), or write "
            "`cohorts` by hand; until then nothing can be judged"
        )
    elif cohorts.how == "revision":
        notes.append(
            f"`{cohorts.label}` is no version that people write: a change has to name it as "
            "`artefact.version`"
        )
    if cohorts is not None and cohorts.through:
        notes.append(
            f"the version stands in {cohorts.through.partition('{')[0]} only and is joined by job "
            "and instance: GRAYGATE_INTERVAL_S has to be at least two scrapes"
        )
    if "requests" not in signals:
        why = "no counter with a status" + (f" and `{cohorts.label}`" if cohorts else "")
        notes.append(f"no guardrail on errors: {why}")
    if "duration" not in signals:
        why = "no histogram" + (f" with `{cohorts.label}`" if cohorts else "")
        notes.append(f"no guardrail on duration: {why}")
    return notes


def _remarks(
    known: set[str], graph: set[tuple[str, str]], catalogue: Mapping[str, Component]
) -> list[str]:
    remarks = []
    outside = sorted({end for edge in graph for end in edge} - known)
    if outside:
        remarks.append(f"called or calling, but without requests of their own: {_some(outside)}")
    if missing := sorted(set(catalogue) - known - set(outside)):
        remarks.append(f"in the catalogue, but without metrics: {_some(missing)}")
    return remarks


def _some(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
