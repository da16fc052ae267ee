"""Every operation that takes a body, with one that it takes."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from attribution.anomalies import open_anomaly
from attribution.clock import database_now
from controlplane.api.tokens import GRANT, SUBJECT_TYPES
from controlplane.models import Policy
from tests.factories import GuardrailFactory, Journey, ServiceFactory, guardrail_spec, journey
from tests.integration.api.test_hostile import deployed

SERIES = [[1, 100], [2, 100]]
METRIC = {
    "name": "errors",
    "kind": "ratio",
    "direction": "increase",
    "critical": True,
    "weight": 1,
    "margin": 0.1,
    "pass_margin": 0.5,
    "margin_abs": 0.01,
    "min_samples": 10,
    "settle_s": 5,
    "control": SERIES,
    "canary": SERIES,
    "history": {"control": SERIES, "canary": SERIES},
}
SPREAD = {
    "name": "latency",
    "kind": "distribution",
    "direction": "increase",
    "control": {"u1": {"bounds": [0.1, 1], "counts": [[1, 2, 3], None]}},
    "canary": {"u2": {"bounds": [0.1, 1], "counts": [[1, 2, 3], None]}},
}
JUDGED = {
    "id": "a",
    "interval_s": 5,
    "alpha": 0.02,
    "beta": 0.05,
    "t": [0, 5],
    "stages": [{"start": 0, "share": 0.5}],
    "metrics": [METRIC, SPREAD],
}
KAYENTA = {
    "id": "a",
    "interval_s": 60,
    "method": "mann_whitney",
    "metrics": [
        {
            "name": "m",
            "kind": "value",
            "direction": "increase",
            "control": [1, 2, 3, None, 5, 6],
            "canary": [1, 2, 3, 4, 5, 6],
            "params": {"nanStrategy": "remove", "effectSize": {"allowedIncrease": 1.2}},
        }
    ],
}
TIMES = list(range(0, 200, 10))
ATTRIBUTED = {
    "id": "a",
    "detected_at": 150,
    "now": 200,
    "services": [{"name": "cart", "calls": ["pay"]}, {"name": "pay", "calls": []}],
    "changes": [
        {
            "id": "c1",
            "service": "cart",
            "kind": "deploy",
            "risk": 0.5,
            "exposures": [{"at": 100, "share": 0.5, "units": ["u1"]}],
        }
    ],
    "series": [
        {
            "service": "cart",
            "metric": "errors",
            "direction": "increase",
            "cohort": "canary",
            "change": "c1",
            "unit": "u1",
            "peer": "pay",
            "t": TIMES,
            "v": [*([1] * 10), *([9] * 9), None],
        }
    ],
}
DETECTED = {"id": "a", "direction": "increase", "t": TIMES, "v": [*([1] * 19), 50]}
CLASSIFIED = {
    "id": "a",
    "kind": "sql_migration",
    "artefact": "ALTER TABLE cart DROP COLUMN total;",
    "before": "CREATE TABLE cart (total int);",
    "path": "a.sql",
    "context": {
        "service": "cart",
        "tier": 1,
        "environment": "production",
        "dialect": "postgresql",
        "server_version": "16",
        "schema": {},
        "system": {},
        "topology": {"dependents": 2, "traffic_share": 0.5},
        "policy": [{"level": "high", "approvals": 1, "stages": [{"share": 1.0}]}],
        "record": {"changes": 9, "failed": 1},
    },
}
ALERTED = {
    "version": "4",
    "groupKey": "g",
    "status": "firing",
    "receiver": "graygate",
    "groupLabels": {"alertname": "A"},
    "commonLabels": {"service": "cart"},
    "commonAnnotations": {"summary": "x"},
    "externalURL": "http://am",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "A", "service": "cart"},
            "annotations": {"summary": "x"},
            "startsAt": "2026-01-31T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prom",
            "fingerprint": "f",
        }
    ],
}
EXCHANGED = {
    "grant_type": GRANT,
    "subject_token": "a.b.c",
    "subject_token_type": SUBJECT_TYPES[0],
    "scope": "read submit",
}
SERVICE = {
    "name": "cart",
    "team": "shop",
    "environment": "production",
    "tier": 1,
    "control_level": "L4",
    "calls": ["pay"],
    "units": ["u1", "u2"],
    "cohorts": {"canary": 'track="canary"', "control": 'track="old"'},
    "source": {"name": "scrape", "config": {"urls": ["http://127.0.0.1:1/"]}},
    "executor": {"name": "dryrun", "config": {}},
    "telemetry": [{**guardrail_spec(name="calls"), "source": "scrape"}],
}
GUARDRAIL = guardrail_spec(
    service="cart", margin=0.1, pass_margin=0.5, margin_abs=0.01, weight=1, critical=True,
    min_samples=10, settle_s=5,
)  # fmt: skip
POLICY = {
    "when": {"level": "high", "kind": "deploy", "tier": 1},
    "then": {
        "approvals": 1,
        "approvers": ["operator"],
        "control_level": "L3",
        "checks": ["tests", {"name": "scan", "by": ["ci"]}],
        "stages": [{"share": 0.1, "min_s": 60, "gates": []}, {"share": 1.0}],
        "on_inconclusive": "hold",
        "reject": False,
    },
}
FREEZE = {
    "scope": {"service": "cart", "team": "shop", "environment": "production"},
    "reason": "x",
    "starts_at": "2026-01-31T12:00:00Z",
    "ends_at": "2099-01-31T12:00:00Z",
}
SILENCE = {
    "scope": {"service": "cart", "guardrail": "errors"},
    "reason": "x",
    "ends_at": "2027-01-31T12:00:00Z",
}
CHANGE = {
    "title": "cart 1.0.1",
    "kind": "deploy",
    "class": "normal",
    "environment": "production",
    "targets": [{"service": "cart", "units": ["u1", "u2"]}],
    "artefact": {"image": f"registry.example/cart:1.0.1@sha256:{'b' * 64}"},
    "before": {"image": f"registry.example/cart:1.0.0@sha256:{'a' * 64}"},
    "source": {"repository": "https://git.example/cart", "revision": "abc", "path": "a.yaml"},
    "executor": {"name": "dryrun", "config": {}},
    "plan": {
        "stages": [{"share": 0.5, "min_s": 5, "max_s": 60, "min_samples": 1}, {"share": 1.0}],
        "on_inconclusive": "hold",
    },
    "guardrails": [guardrail_spec(name="own")],
    "scheduled_for": "2099-01-31T12:00:00Z",
}
REASON = {"reason": "because"}


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def post(name: str, path: str, body: Any, **headers: str) -> Operation:
    return Operation(name, "POST", path, body, headers)


KEYED = {"Idempotency-Key": "k"}
OPERATIONS: tuple[Operation, ...] = (
    post("changes_submit", "changes", CHANGE, **KEYED),
    post("changes_approve", "changes/{pending}/approve", REASON),
    post("changes_reject", "changes/{pending}/reject", REASON),
    post("changes_cancel", "changes/{pending}/cancel", REASON),
    post("changes_check", "changes/{pending}/checks",
         {"name": "tests", "passed": True, "url": "https://ci.example/1", "detail": "x"}),
    post("rollouts_pause", "rollouts/{rollout}/pause", REASON),
    post("rollouts_resume", "rollouts/{paused}/resume", REASON),
    post("rollouts_promote", "rollouts/{rollout}/promote", {**REASON, "stage": 0}),
    post("rollouts_abort", "rollouts/{rollout}/abort", REASON),
    post("rollouts_retry", "rollouts/{rolled_back}/retry", REASON),
    post("rollouts_accept", "rollouts/{rollout}/accept", REASON),
    post("rollouts_undo", "rollouts/{completed}/undo", REASON),
    Operation("services_put", "PUT", "services/cart", SERVICE),
    Operation("guardrails_put", "PUT", "guardrails/errors", GUARDRAIL),
    Operation("policies_put", "PUT", "policies/p", POLICY),
    Operation("freezes_put", "PUT", "freezes/f", FREEZE),
    Operation("silences_put", "PUT", "silences/s", SILENCE),
    post("decisions_feedback", "decisions/{decision}/feedback",
         {"answer": "right", "comment": "x"}),
    post("classify", "classify", CLASSIFIED),
    post("judge", "judge", JUDGED),
    post("judge", "judge", KAYENTA),
    post("attribute", "attribute", ATTRIBUTED),
    post("detect", "detect", DETECTED),
    post("alerts_receive", "alerts", ALERTED),
    post("events_receive", "events",
         deployed("2026-01-31T12:00:00Z", chainId="x", timestamp="2026-01-31T12:00:00Z")),
    post("anomalies_feedback", "anomalies/{anomaly}/feedback",
         {"change": "{change}", "note": "x"}, **KEYED),
    post("anomalies_tell_apart", "anomalies/{anomaly}/telling-apart",
         {**REASON, "hold": "{change}", "step_down": "{pending}", "minutes": 5}, **KEYED),
    post("tokens_exchange", "tokens/exchange", EXCHANGED),
)  # fmt: skip


@dataclass
class World:
    """Rows that the operations lead to."""

    walk: Journey
    ids: dict[str, str]

    def of(self, operation: Operation) -> tuple[str, Any]:
        """Path and body, with the ids of what is there."""
        return operation.path.format(**self.ids), self._filled(operation.body)

    def _filled(self, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {k: self.ids.get(v[1:-1], v) if _is_id(v) else v for k, v in body.items()}


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{")


def world() -> World:
    ServiceFactory(name="pay")
    asked = {"level": "high", "approvals": 2, "checks": ["tests"], "stages": [{"share": 1.0}]}
    Policy.objects.create(name="asked", spec=asked)
    pending = journey("pending_approval", service=ServiceFactory(name="shop"))
    rolled_back = journey("rolled_back", service=ServiceFactory(name="mail"))
    completed = journey("completed", service=ServiceFactory(name="maps"))
    paused = journey("paused", service=ServiceFactory(name="news"))
    # Last: a journey ticks for every rollout that is due, with its own evidence.
    walk = journey("running", service=ServiceFactory(name="cart"))
    GuardrailFactory(service=walk.service, name="latency")
    now = database_now()
    anomaly = open_anomaly("alert", "f", "cart", "errors", now, now)
    suspect = {"change": str(walk.change.pk), "probability": 0.9, "evidence": [], "vetoes": []}
    anomaly.findings.create(
        at=now - timedelta(seconds=5), case={}, suspects=[suspect], none_of_them=0.1
    )
    ids = {
        "change": walk.change.pk,
        "pending": pending.change.pk,
        "rollout": walk.rollout.pk,
        "paused": paused.rollout.pk,
        "rolled_back": rolled_back.rollout.pk,
        "completed": completed.rollout.pk,
        "decision": walk.rollout.decisions.last().pk,
        "anomaly": anomaly.pk,
    }
    return World(walk, {name: str(value) for name, value in ids.items()})
