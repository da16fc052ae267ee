"""What is read from a service: its guardrails and telemetry, a query a cohort each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attribution.guardrails import COHORT
from attribution.models import Guardrail, Service

COHORTS = ("canary", "control", "all")


@dataclass(frozen=True)
class Measured:
    """One ratio metric of a service; `cohorts` are the matchers that stand for `$cohort`."""

    name: str
    direction: str
    events: str
    total: str
    cohorts: Mapping[str, str]
    peer: str | None = None

    def queries(self) -> dict[str, str]:
        """Key "metric|cohort|part" -> query; a cohort without matchers is not asked for."""
        found = {}
        for cohort, matchers in {**self.cohorts, "all": ""}.items():
            for part, query in (("events", self.events), ("total", self.total)):
                found[f"{self.name}|{cohort}|{part}"] = query.replace(COHORT, matchers)
        return found


NEEDED = {"name", "kind", "events", "total"}


def measured(service: Service) -> list[Measured]:
    """Each name once: standing guardrails, then telemetry, then what single changes brought.

    Other kinds than ratio are left out: nothing judges them yet. So is a row that lacks its
    queries: it must not stop the reading of the others, and what is not read never passes.
    """
    rows = list(Guardrail.objects.filter(service=service).order_by("created_at", "id"))
    specs: list[Mapping[str, Any]] = [row.spec for row in rows if row.change_id is None]
    specs += service.telemetry
    specs += [row.spec for row in rows if row.change_id is not None]
    found: dict[str, Measured] = {}
    for spec in specs:
        if spec.keys() >= NEEDED and spec["kind"] == "ratio" and spec["name"] not in found:
            found[spec["name"]] = _measured(spec, service.cohorts)
    return list(found.values())


def _measured(spec: Mapping[str, Any], cohorts: Mapping[str, str]) -> Measured:
    of_peer = spec.get("cohorts") if spec.get("peer") else None
    matchers = of_peer or cohorts
    return Measured(
        name=spec["name"],
        direction=spec.get("direction") or "increase",
        events=spec["events"],
        total=spec["total"],
        cohorts={key: matchers[key] for key in ("canary", "control") if matchers.get(key)},
        peer=spec.get("peer"),
    )
