"""What is read from a service: its guardrails and telemetry, a query a cohort each."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attribution.models import Guardrail, Service
from attribution.sources.promql import COHORT
from attribution.versions import filled
from attribution.watched import watched

COHORTS = ("canary", "control", "all")


@dataclass(frozen=True)
class Measured:
    """One metric of a service; `cohorts` are the matchers that stand for `$cohort`.

    `asked`: part -> query; the parts of a ratio are events and total, another kind has one.
    """

    name: str
    kind: str
    direction: str
    asked: Mapping[str, str]
    cohorts: Mapping[str, str]
    peer: str | None = None

    def queries(self) -> dict[str, str]:
        """Key "metric|cohort|part" -> query; a cohort without matchers is not asked for."""
        found = {}
        for cohort, matchers in {**self.cohorts, "all": ""}.items():
            for part, query in self.asked.items():
                found[f"{self.name}|{cohort}|{part}"] = query.replace(COHORT, matchers)
        return found


# kind -> {part of the key: field of the guardrail}
PARTS = {
    "ratio": {"events": "events", "total": "total"},
    "value": {"value": "query"},
    "distribution": {"distribution": "query"},
}


def measured(service: Service, kinds: Collection[str] = ("ratio",)) -> list[Measured]:
    """Each name once: standing guardrails, then telemetry, then what single changes brought.

    A row that lacks its queries is left out: it must not stop the reading of the others, and what
    is not read never passes.
    """
    return measured_of([service], kinds)[service.name]


def measured_of(
    services: Sequence[Service], kinds: Collection[str] = ("ratio",)
) -> dict[str, list[Measured]]:
    """The same of many, by the service's name."""
    rows: dict[int, list[Guardrail]] = defaultdict(list)
    for row in Guardrail.objects.filter(service__in=services).order_by("created_at", "id"):
        rows[row.service_id].append(row)
    return {each.name: _of(each, rows[each.pk], kinds) for each in services}


def _of(service: Service, rows: Sequence[Guardrail], kinds: Collection[str]) -> list[Measured]:
    cohorts = filled(service.cohorts, watched(service))
    specs: list[Mapping[str, Any]] = [row.spec for row in rows if row.change_id is None]
    specs += service.telemetry
    specs += [row.spec for row in rows if row.change_id is not None]
    found: dict[str, Measured] = {}
    for spec in specs:
        kind = spec.get("kind")
        fields = {"name", *PARTS[kind].values()} if kind in PARTS and kind in kinds else set()
        if fields and fields <= spec.keys() and spec["name"] not in found:
            found[spec["name"]] = _measured(spec, cohorts)
    return list(found.values())


def _measured(spec: Mapping[str, Any], cohorts: Mapping[str, str]) -> Measured:
    of_peer = spec.get("cohorts") if spec.get("peer") else None
    matchers = of_peer or cohorts
    return Measured(
        name=spec["name"],
        kind=spec["kind"],
        direction=spec.get("direction") or "increase",
        asked={part: spec[name] for part, name in PARTS[spec["kind"]].items()},
        cohorts={key: matchers[key] for key in ("canary", "control") if matchers.get(key)},
        peer=spec.get("peer"),
    )
