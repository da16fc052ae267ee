"""The body of a service: what is changed, observed and blamed."""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from attribution.destinations import is_allowed
from attribution.errors import CaseError
from attribution.fields import choice, mapping
from attribution.guardrails import check_matchers, parse_telemetry
from attribution.models import ControlLevel
from attribution.pointers import below
from attribution.sources.base import source_named
from controlplane.configuration.values import (
    different_texts,
    known_only,
    list_in,
    mapping_in,
    told_in,
    whole_in,
)
from controlplane.registered import executor_problems

FIELDS = (
    *("name", "team", "environment", "tier", "control_level", "calls", "units"),
    *("cohorts", "source", "executor", "telemetry"),
)
LEVELS = tuple(ControlLevel.values)
MOST_CALLS, MOST_UNITS, MOST_TELEMETRY = 1000, 100_000, 200
_LAST_TIER = 3


def parse_service(body: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Every field with its default, `calls` sorted. Raises CaseError. Whether the callees are
    registered is `check_calls`'s to say.
    """
    known_only(body, FIELDS, at)
    return {
        "team": told_in(body, "team", at, 100),
        "environment": told_in(body, "environment", at, 50, "production"),
        "tier": whole_in(body, "tier", at, 2, _LAST_TIER),
        "control_level": choice(body, "control_level", at, LEVELS, ControlLevel.OBSERVE.value),
        "calls": different_texts(body, "calls", at, MOST_CALLS),
        "units": different_texts(body, "units", at, MOST_UNITS),
        "cohorts": _cohorts(body.get("cohorts"), f"{at}/cohorts"),
        "source": _source(body.get("source"), f"{at}/source"),
        "executor": _executor(body.get("executor"), f"{at}/executor"),
        "telemetry": _telemetry(list_in(body, "telemetry", at, MOST_TELEMETRY), f"{at}/telemetry"),
    }


def check_calls(calls: list[str], own: str, known: Container[str], at: str = "") -> None:
    for index, name in enumerate(calls):
        if name == own:
            raise CaseError(
                "Calls itself", "A service does not call itself.", f"{at}/calls/{index}"
            )
        if name not in known:
            detail = f"No service {name!r} is registered: put callees first."
            raise CaseError("Unknown service", detail, f"{at}/calls/{index}")


def _cohorts(given: Any, at: str) -> dict[str, str]:
    if not given and given in (None, {}):
        return {}
    body = mapping(given, at)
    known_only(body, ("canary", "control"), at)
    found = {side: told_in(body, side, at, 1000) for side in ("canary", "control")}
    for side, matchers in found.items():
        check_matchers(matchers, f"{at}/{side}")
    if found["canary"] == found["control"]:
        detail = "Canary and control are the same: no harm would show."
        raise CaseError("No two cohorts", detail, f"{at}/control")
    return found


def _telemetry(given: list[Any], at: str) -> list[dict[str, Any]]:
    found = [parse_telemetry(entry, f"{at}/{index}") for index, entry in enumerate(given)]
    seen: set[str] = set()
    for index, entry in enumerate(found):
        if entry["name"] in seen:
            detail = "Each metric once: samples are kept by name."
            raise CaseError("Twice", detail, f"{at}/{index}/name")
        seen.add(entry["name"])
    return found


def _plugin(given: Any, at: str) -> tuple[str, dict[str, Any]] | None:
    """An executor or a source: a registered name and what it is told. None or empty: none."""
    if not given and given in (None, {}):
        return None
    body = mapping(given, at)
    known_only(body, ("name", "config"), at)
    return told_in(body, "name", at, 50), dict(mapping_in(body, "config", at))


def _executor(given: Any, at: str) -> dict[str, Any]:
    plugin = _plugin(given, at)
    if plugin is None:
        return {}
    name, config = plugin
    if not isinstance(config.get("target", ""), str):
        raise CaseError("Not a text", "A target is named by a text.", f"{at}/config/target")
    try:
        problems = executor_problems(name, config, f"{at}/config")
    except LookupError as unknown:
        raise CaseError("Unknown executor", str(unknown.args[0]), f"{at}/name") from None
    if problems:
        raise CaseError("Bad executor", "; ".join(problems), f"{at}/config")
    return {"name": name, "config": config}


def _source(given: Any, at: str) -> dict[str, Any]:
    """Valid to the source itself; and no address in it, wherever it stands, that the operator's
    file does not allow: a source by a third party may not look.
    """
    plugin = _plugin(given, at)
    if plugin is None:
        return {}
    name, config = plugin
    source_named(name, f"{at}/name").validate(config, f"{at}/config")
    for address, place in _addresses(config, f"{at}/config"):
        if not is_allowed(address):
            detail = "The operator's file does not list this address in allowed_destinations."
            raise CaseError("Address not allowed", detail, place)
    return {"name": name, "config": config}


def _addresses(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every text that an HTTP client would take for an address, with its JSON pointer."""
    if isinstance(value, str) and ":" in value and "/" in value:
        yield value, at
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _addresses(inner, below(at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _addresses(inner, below(at, index))
