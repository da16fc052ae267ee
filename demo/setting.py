"""Tells Graygate about the fleet: services, what is read from them, policy and guardrails."""

from typing import Any

from demo.api import Api
from demo.fleet.layout import CALLS
from demo.infrastructure import Infrastructure
from demo.meter import Meter
from demo.pace import Pace

TEAMS = {
    "frontend": "web",
    "catalog": "products",
    "checkout": "orders",
    "stock": "warehouse",
    "payment": "payments",
}
TIERS = {"frontend": 1, "catalog": 2, "checkout": 1, "stock": 2, "payment": 1}
KINDS = ("deploy", "config")


def register(api: Api, fleet: dict[str, Any], infrastructure: Infrastructure) -> None:
    """Callees first: a service may only call one that is known."""
    for name in reversed(list(CALLS)):
        api.put(f"services/{name}", service(name, fleet, infrastructure))
    for kind in KINDS:
        api.put(f"policies/demo-{kind}", policy(kind, infrastructure.pace))


def service(name: str, fleet: dict[str, Any], infrastructure: Infrastructure) -> dict[str, Any]:
    return {
        "team": TEAMS[name],
        "environment": "production",
        "tier": TIERS[name],
        # The demo shows what Graygate does when it may; a new service is only observed.
        "control_level": "L4",
        "calls": list(CALLS[name]),
        "cohorts": {"canary": 'track="canary"', "control": 'track="stable"'},
        "telemetry": Meter(name, infrastructure.source).telemetry(),
        **infrastructure.service(name, fleet),
    }


def policy(kind: str, pace: Pace) -> dict[str, Any]:
    """A shop in a hurry: stages of seconds. Anything above low risk keeps the default policy."""
    return {
        "kind": kind,
        "level": "low",
        "control_level": "L3",
        "approvals": 0,
        "on_inconclusive": "hold",
        "stages": [{"share": stage["share"], "min_s": stage["min_s"]} for stage in pace.stages()],
    }
