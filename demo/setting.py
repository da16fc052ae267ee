"""Tells Graygate about the fleet: services, what is read from them, policy and guardrails."""

from typing import Any

from demo.api import Api
from demo.fleet.layout import CALLS, UNITS

TEAMS = {"frontend": "web", "catalog": "products", "checkout": "payments", "stock": "warehouse"}
TIERS = {"frontend": 1, "catalog": 2, "checkout": 1, "stock": 2}
STAGES = [{"share": share, "min_s": 6, "max_s": 90} for share in (0.33, 0.66, 1.0)]
# Far above what a busy machine of two cores adds to an answer.
SLOW_BUCKET = "1.0"
# Absolute shares that are no harm yet. At 20 requests a second the first of them decides how soon
# 5% errors are proved (and how soon a healthy canary is cleared).
TOLERATED_ERRORS, TOLERATED_SLOW = 0.015, 0.02


def guardrails() -> list[dict[str, Any]]:
    """What every guarded change of the story is judged by."""
    return [errors("errors", "http_server_requests_total"), fast("fast", "http_server")]


def errors(name: str, counter: str, more: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "source": "scrape",
        "kind": "ratio",
        "direction": "increase",
        "events": f'{counter}{{{more}code=~"5..",$cohort}}',
        "total": f"{counter}{{{more}$cohort}}",
        "margin": 0.1,
        "margin_abs": TOLERATED_ERRORS,
        "critical": True,
    }


def fast(name: str, side: str, more: str = "") -> dict[str, Any]:
    metric = f"{side}_request_duration_seconds"
    return {
        "name": name,
        "source": "scrape",
        "kind": "ratio",
        "direction": "decrease",
        "events": f'{metric}_bucket{{{more}le="{SLOW_BUCKET}",$cohort}}',
        "total": f"{metric}_count{{{more}$cohort}}",
        "margin": 0.1,
        "margin_abs": TOLERATED_SLOW,
        "critical": True,
    }


def telemetry(service: str) -> list[dict[str, Any]]:
    """What attribution may look at, guarded or not: own requests, and the calls to each callee."""
    entries = [
        errors("server_errors", "http_server_requests_total"),
        fast("server_fast", "http_server"),
    ]
    for peer in CALLS[service]:
        cohorts = {"canary": 'peer_track="canary"', "control": 'peer_track="stable"'}
        more = f'peer="{peer}",'
        entries += [
            errors(f"errors_to_{peer}", "http_client_requests_total", more)
            | {"peer": peer, "cohorts": cohorts},
            fast(f"fast_to_{peer}", "http_client", more) | {"peer": peer, "cohorts": cohorts},
        ]
    return entries


def service(name: str, urls: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "team": TEAMS[name],
        "environment": "production",
        "tier": TIERS[name],
        "calls": list(CALLS[name]),
        "units": list(UNITS),
        "cohorts": {"canary": 'track="canary"', "control": 'track="stable"'},
        "source": {"name": "scrape", "config": {"urls": urls["stable"] + urls["canary"]}},
        "executor": {"name": "http", "config": {"target": name}},
        "telemetry": telemetry(name),
    }


def register(api: Api, fleet: dict[str, Any]) -> None:
    """Callees first: a service may only call one that is known."""
    for name in reversed(list(CALLS)):
        api.put(f"services/{name}", service(name, fleet["services"][name]))
    for kind in ("deploy", "config"):
        api.put(f"policies/demo-{kind}", policy(kind))


def policy(kind: str) -> dict[str, Any]:
    """A shop in a hurry: stages of seconds. Anything above low risk keeps the default policy."""
    return {
        "kind": kind,
        "level": "low",
        "control_level": "L3",
        "approvals": 0,
        "on_inconclusive": "hold",
        "stages": [{"share": s["share"], "min_s": s["min_s"]} for s in STAGES],
    }
