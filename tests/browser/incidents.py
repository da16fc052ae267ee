"""An anomaly that goes on, with all that its page can show: several suspects, one of them with
vetoes and one that is not managed, a call graph, findings over time, what was done.
"""

import uuid
from datetime import timedelta
from typing import Any

from attribution.clock import database_now
from attribution.models import Anomaly, Exposure, Finding, Service
from rollout import ledger
from tests.browser.scenes import Scene

CALLS = {
    "frontend": ["checkout", "search", "catalog"],
    "checkout": ["payments", "cart", "mail"],
    "search": ["catalog"],
    "cart": ["stock", "prices"],
    "catalog": ["stock", "prices"],
    "payments": ["bank-gateway-of-the-north-west", "fraud"],
    "fraud": ["payments"],
    "mobile": ["checkout"],
}
CAUSE = [
    {
        "kind": "canary_against_control",
        "summary": "errors: canary 5.1% of 2,013 against control 0.2% of 21,874",
        "weight": 8.0,
    },
    {"kind": "time", "summary": "exposure grew 5 s before the anomaly began", "weight": 1.47},
    {"kind": "call_graph", "summary": "payments is 1 call(s) below checkout", "weight": -0.3},
]
LATE = "exposed 40 s after the anomaly was detected"


def going_on(cause: Scene, innocent: Scene, shown: float = 0.97) -> Anomaly:
    """`cause` was halted for it; `innocent` is cleared; a third change is not managed."""
    _topology()
    row = _anomaly(Service.objects.get(name="checkout"), database_now() - timedelta(minutes=4))
    unmanaged = _unmanaged("prices", row)
    for seconds, probability in ((0, 0.41), (5, 0.66), (10, 0.88), (15, shown)):
        left = 1 - probability
        suspects = [
            _suspect(cause.change.pk, probability, CAUSE, how="answers 502 while it retries"),
            _suspect(unmanaged, left * 0.5, [_piece("time", "exposure grew 90 s before", 1.1)]),
            _suspect(innocent.change.pk, left * 0.1, [_piece("time", LATE, -10.0)], [LATE]),
        ]
        newest = _finding(row, seconds, suspects, left * 0.4)
    inputs = {"evidence": {"finding": str(newest.pk), "probability": shown}}
    why = "attribution names it with 97%"
    ledger.append(cause.rollout, "halt", [why], ledger.SYSTEM, inputs, newest.at)
    return row


def _topology() -> None:
    names = {*CALLS, *(callee for callees in CALLS.values() for callee in callees)}
    for name in sorted(names):
        Service.objects.get_or_create(name=name, defaults={"team": "shop"})
    for name, callees in CALLS.items():
        Service.objects.get(name=name).calls.set(Service.objects.filter(name__in=callees))


def _anomaly(service: Service, at: Any) -> Anomaly:
    return Anomaly.objects.create(
        service=service,
        metric="errors",
        origin="alert",
        key="HighErrorRate",
        started_at=at,
        detected_at=at + timedelta(seconds=30),
    )


def _unmanaged(service: str, row: Anomaly) -> uuid.UUID:
    step = Exposure.objects.create(
        change_id=uuid.uuid4(),
        service=Service.objects.get(name=service),
        at=row.started_at - timedelta(seconds=90),
        share=1.0,
        kind="deploy",
        managed=False,
    )
    return step.change_id


def _piece(kind: str, summary: str, weight: float) -> dict[str, Any]:
    return {"kind": kind, "summary": summary, "weight": weight}


def _suspect(change: Any, probability: float, evidence: Any, vetoes: Any = (), **more: Any) -> Any:
    facts = {"change": str(change), "probability": probability}
    return facts | {"evidence": evidence, "vetoes": list(vetoes)} | more


def _finding(row: Anomaly, seconds: float, suspects: Any, none: float) -> Finding:
    return Finding.objects.create(
        anomaly=row,
        at=row.detected_at + timedelta(seconds=seconds),
        case={"services": [{"name": name, "calls": calls} for name, calls in CALLS.items()]},
        suspects=suspects,
        none_of_them=none,
        localized=[
            {"service": "payments", "metric": "errors", "score": 2.4},
            {"service": "checkout", "metric": "errors", "score": 1.6},
            {"service": "mail", "metric": "errors", "score": 0.04},
        ],
        incomplete=["2 more alerts were cut off by Alertmanager: symptoms may be missing"],
    )
