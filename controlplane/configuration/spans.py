"""The bodies of what lasts for a time and has a scope: freezes and silences."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from attribution.errors import CaseError
from controlplane.configuration.values import known_only, mapping_in, moment_in, told_in
from rollout.standstills import TOLD_AS

# What is named must fit; empty: everything.
SCOPE = {"service": 100, "team": 100, "environment": 50, "kind": 50}
# A guardrail that is not listened to, on one service or on all.
GUARDRAIL_SCOPE = {"guardrail": 100, "service": 100}
LONGEST_REASON = 1000


def parse_freeze(body: Mapping[str, Any], name: str, at: str = "") -> dict[str, Any]:
    """`starts_at` None: when it is put. Raises CaseError."""
    known_only(body, ("name", "scope", "reason", "starts_at", "ends_at"), at)
    scope = _scope(body, at)
    if name in TOLD_AS and scope:
        detail = f"The freeze {name} stops everything: its scope is empty."
        raise CaseError("Scope not empty", detail, f"{at}/scope")
    return {
        "scope": scope,
        "reason": told_in(body, "reason", at, LONGEST_REASON),
        "starts_at": moment_in(body, "starts_at", at),
        "ends_at": moment_in(body, "ends_at", at),
    }


def parse_silence(body: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Raises CaseError."""
    known_only(body, ("name", "scope", "reason", "ends_at"), at)
    ends_at = moment_in(body, "ends_at", at)
    if ends_at is None:
        raise CaseError("Missing", "A silence has an end.", f"{at}/ends_at")
    reason = told_in(body, "reason", at, LONGEST_REASON)
    of_guardrail = "guardrail" in mapping_in(body, "scope", at)
    scope = _scope(body, at, GUARDRAIL_SCOPE if of_guardrail else SCOPE)
    return {"scope": scope, "reason": reason, "ends_at": ends_at}


def check_freeze_end(freeze: Mapping[str, Any], now: datetime, at: str = "") -> None:
    ends_at = freeze["ends_at"]
    if ends_at is not None and ends_at <= max(freeze["starts_at"] or now, now):
        detail = "A freeze ends after it starts, and after now."
        raise CaseError("Ended", detail, f"{at}/ends_at")


def check_silence_end(silence: Mapping[str, Any], now: datetime, at: str = "") -> None:
    if silence["ends_at"] <= now:
        raise CaseError("Ended", "A silence ends in the future.", f"{at}/ends_at")


def _scope(
    body: Mapping[str, Any], at: str, known: Mapping[str, int] = MappingProxyType(SCOPE)
) -> dict[str, str]:
    given, inside = mapping_in(body, "scope", at), f"{at}/scope"
    known_only(given, tuple(known), inside)
    return {key: told_in(given, key, inside, known[key]) for key in given}
