"""Items → specs as they would be stored, read by the very validators of REST's PUT."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.errors import CaseError
from attribution.guardrails import parse_guardrail
from controlplane.configuration.items import ConfigurationError, Item, Key, Problem
from controlplane.configuration.services import check_calls, parse_service
from controlplane.configuration.spans import (
    check_freeze_end,
    check_silence_end,
    parse_freeze,
    parse_silence,
)
from controlplane.configuration.stored import Spec, Stored, is_over
from controlplane.risk.policy_rows import row_of

# Said of all that is wrong; the rest of a great many repeats it.
MOST_TOLD = 200


@dataclass(frozen=True)
class Wanted:
    specs: dict[Key, Spec]
    # Ended, and neither stored nor worth it.
    over: tuple[Key, ...] = ()


def read_wanted(
    items: Mapping[Key, Item], stored: Stored, registered: frozenset[str], now: datetime
) -> Wanted:
    """`registered`: the services that there will be. Raises ConfigurationError."""
    specs: dict[Key, Spec] = {}
    over: list[Key] = []
    problems: list[Problem] = []
    for item in sorted(items.values(), key=lambda each: each.key.order):
        try:
            spec = _spec(item, registered)
            if _is_left_out(item.key, spec, stored, now):
                over.append(item.key)
                continue
            _check(item.key, spec, stored, now)
            specs[item.key] = spec
        except CaseError as problem:
            problems.append(_told(item, problem))
    if problems:
        raise ConfigurationError(problems[:MOST_TOLD])
    return Wanted(specs, tuple(over))


def _told(item: Item, problem: CaseError) -> Problem:
    at = f" at {problem.pointer}" if problem.pointer else ""
    return Problem(item.place(problem.pointer), f"{item.key}: {problem}{at}")


def _spec(item: Item, registered: frozenset[str]) -> Spec:
    body, name = item.body, item.key.name
    match item.key.kind:
        case "Service":
            spec = parse_service(body)
            check_calls(spec["calls"], name, registered)
            return spec | {"calls": sorted(spec["calls"])}
        case "Guardrail":
            return _guardrail(body, item.key, registered)
        case "Policy":
            row_of(body)
            return dict(body)
        case "Freeze":
            return parse_freeze(body, name)
        case _:
            return parse_silence(body)


def _guardrail(body: Mapping[str, Any], key: Key, registered: frozenset[str]) -> Spec:
    if key.service not in registered:
        detail = f"No service {key.service!r} is registered."
        raise CaseError("Unknown service", detail, "/service")
    spec = {name: value for name, value in body.items() if name != "service"}
    return parse_guardrail(spec | {"name": key.name}, "")


def _is_left_out(key: Key, spec: Spec, stored: Stored, now: datetime) -> bool:
    """A freeze of last year may stay in the files."""
    there = stored.specs.get(key)
    return is_over(key, spec, now) and (there is None or is_over(key, there, now))


def _check(key: Key, spec: Spec, stored: Stored, now: datetime) -> None:
    """What depends on what there is."""
    there = stored.specs.get(key)
    if key.kind == "Guardrail" and (key.service, key.name) in stored.brought and there != spec:
        detail = "An open change has a guardrail of that name."
        raise CaseError("Name taken", detail, "/name")
    if key.kind == "Freeze":
        check_freeze_end(spec, now)
    if key.kind == "Silence":
        check_silence_end(spec, now)


def services_of(keys: Iterable[Key]) -> frozenset[str]:
    return frozenset(key.name for key in keys if key.kind == "Service")
