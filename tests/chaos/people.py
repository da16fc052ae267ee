"""Whoever wants something of Graygate by REST, and asks again until there is an answer."""

import time
from dataclasses import dataclass
from typing import Any

import requests

from tests.chaos.plan import Plan
from tests.chaos.production import Production

CALL_S, PAUSE_S = 8.0, 0.4
# A key whose first request died is free again after a minute.
PATIENCE_S = 240.0
IN_FLIGHT = "idempotency-key-in-flight"
NOT_YET = (404, 502, 503, 504)


class NoAnswerError(Exception):
    """Nobody answered for as long as anybody would wait."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    tries: int


def insist(
    production: Production, path: str, body: Any, role: str, key: str = "", tries: int = 0
) -> Reply:
    """The first definite answer: an error of the server, or none, is none."""
    headers = {"Authorization": f"Bearer {production.users[role]['token']}"}
    headers |= {"Idempotency-Key": key} if key else {}
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        tries += 1
        try:
            url = f"{production.url}/api/v1/{path}"
            answer = requests.post(url, json=body, headers=headers, timeout=CALL_S)
            if not undecided(answer):
                return Reply(answer.status_code, answer.json(), tries)
        except (requests.RequestException, ValueError):
            pass
        time.sleep(PAUSE_S)
    raise NoAnswerError(f"{path}: no answer within {PATIENCE_S:g} s")


def undecided(answer: requests.Response) -> bool:
    return answer.status_code >= 500 or IN_FLIGHT in answer.text


def release(service: str, title: str, plan: Plan) -> dict[str, Any]:
    """A deploy that is judged by its errors. Two stages: half of the visitors, then all."""
    counter = f'http_server_requests_total{{service_name="{service}",$cohort}}'
    errors = counter.replace("$cohort", 'code=~"5..",$cohort')
    guardrail = {"name": "errors", "source": "prometheus", "kind": "ratio", "critical": True}
    guardrail |= {"events": errors, "total": counter, "direction": "increase"}
    bake = {"min_s": 1, "max_s": 60}
    return {
        "title": title,
        "kind": "deploy",
        "environment": plan.environment,
        "targets": [{"service": service}],
        "artefact": {"image": f"registry.example/town/{service}:1.0.{plan.seed}"},
        "before": {"image": f"registry.example/town/{service}:1.0.0"},
        "source": {"repository": f"https://git.example/town/{service}", "revision": "main"},
        "plan": {"stages": [{"share": s, **bake} for s in (0.5, 1.0)], "on_inconclusive": "hold"},
        "guardrails": [{**guardrail, "margin": 0.1, "margin_abs": 0.3}],
    }


def wish(service: str, title: str, plan: Plan) -> dict[str, Any]:
    """A change that needs approvals nobody gives: a row, and nothing that follows from it."""
    return {
        "title": title,
        "kind": "config",
        "environment": plan.environment,
        "targets": [{"service": service}],
        "artefact": {"name": f"{service}.yaml", "banner": title},
        "before": {"name": f"{service}.yaml", "banner": "nothing yet"},
    }
