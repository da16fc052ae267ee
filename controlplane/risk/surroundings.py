"""What the case says about where the change goes. Unknown stays None: it is never read as good."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attribution.errors import CaseError
from controlplane.risk.shapes import number_of, text_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`dependents`: services that call this one, directly or not. `traffic`: its share of all
    traffic, 0…1. `changes`, `failed`: the record of this service and kind.
    """

    tier: int | None = None
    environment: str | None = None
    dependents: int | None = None
    traffic: float | None = None
    changes: int | None = None
    failed: int | None = None

    @property
    def unknown(self) -> list[str]:
        known = {
            "tier": self.tier,
            "environment": self.environment,
            "dependents": self.dependents,
            "traffic": self.traffic,
            "record": self.changes,
        }
        return [name for name, value in known.items() if value is None]


def surroundings_of(context: Mapping[str, Any]) -> Surroundings:
    """Raises CaseError."""
    topology = _object(context.get("topology"), "/context/topology")
    record = _object(context.get("record"), "/context/record")
    changes = _count(record.get("changes"), "/context/record/changes")
    failed = _count(record.get("failed"), "/context/record/failed")
    if failed is not None and failed > (changes or 0):
        raise CaseError(
            "Impossible record",
            f"{failed} failed of {changes or 0} changes.",
            "/context/record/failed",
        )
    return Surroundings(
        tier=_tier(context.get("tier")),
        environment=_environment(context.get("environment")),
        dependents=_dependents(topology, context.get("service")),
        traffic=_share(topology.get("traffic_share"), "/context/topology/traffic_share"),
        changes=changes if failed is not None else None,
        failed=failed if changes is not None else None,
    )


def _object(value: Any, pointer: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise CaseError("Not an object", "An object is wanted here.", pointer)
    return value


def _tier(value: Any) -> int | None:
    number = number_of(value)
    if value is None:
        return None
    if number is None or number not in (0, 1, 2, 3):
        raise CaseError("No such tier", "A tier is 0 (most important) to 3.", "/context/tier")
    return int(number)


def _environment(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise CaseError("Not a name", "An environment is named by a text.", "/context/environment")


def _count(value: Any, pointer: str) -> int | None:
    number = number_of(value)
    if value is None:
        return None
    if number is None or number < 0 or number != int(number):
        raise CaseError("Not a count", "A whole number from 0 is wanted here.", pointer)
    return int(number)


def _share(value: Any, pointer: str) -> float | None:
    number = number_of(value)
    if value is None:
        return None
    if number is None or not 0 <= number <= 1:
        raise CaseError("Not a share", "A share is a fraction from 0 to 1.", pointer)
    return number


def _dependents(topology: Mapping[str, Any], service: Any) -> int | None:
    """Either given (`dependents`: names or a count) or told from `services` and their `calls`."""
    given = topology.get("dependents")
    if isinstance(given, list):
        return len(given)
    if given is not None:
        return _count(given, "/context/topology/dependents")
    services = topology.get("services")
    if not isinstance(services, list) or not isinstance(service, str):
        return None
    return len(_callers(services, service))


def _callers(services: list[Any], service: str) -> set[str]:
    calls = [
        (text_of(one.get("name")), {text_of(name) for name in one["calls"]})
        for one in services
        if isinstance(one, Mapping) and isinstance(one.get("calls"), list)
    ]
    found: set[str] = set()
    frontier = {service}
    while frontier:
        frontier = {name for name, called in calls if called & frontier} - found - {service}
        found |= frontier
    return found
