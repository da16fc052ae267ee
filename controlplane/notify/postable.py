"""Alertmanager's view of what on-call is told: names, labels, annotations. Pure.

All labels together are an alert's identity there; a changed annotation wakes nobody. So each kind
of trouble is an alert of its own, and `graygate_alert` tells the episodes apart (ADR 8).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

WARNING, CRITICAL = "warning", "critical"
# Type of the message → alertname, severity, and the words before the title in the summary.
TROUBLES = {
    "rollout.halted": ("GraygateRolloutHalted", WARNING, "halted"),
    "rollout.hold": ("GraygateRolloutHeld", WARNING, "held"),
    "rollout.rolled_back": ("GraygateRolledBack", WARNING, "rolled back"),
    "rollout.rollback_failed": ("GraygateRollbackFailed", CRITICAL, "rollback failed"),
    "culprit.found": ("GraygateCulpritNotTakenBack", CRITICAL, "held responsible"),
    "storm.held": ("GraygateStorm", CRITICAL, "failing together"),
    "loop.restored": ("GraygateRestored", CRITICAL, "restored into the past"),
    "loop.kill_switch": ("GraygateKillSwitch", WARNING, "the kill switch is on"),
    "loop.stalled": ("GraygateLoopStalled", CRITICAL, "the loop stands still"),
    "loop.failing": ("GraygateTargetFailing", WARNING, "the target fails"),
    "loop.unconfirmed": ("GraygateExposureUnconfirmed", WARNING, "exposure is not as desired"),
    "loop.stuck": ("GraygateStageStuck", WARNING, "the stage is stuck"),
    "loop.unfinished": ("GraygateWorkUnfinished", WARNING, "work does not come to an end"),
    "loop.forgot": ("GraygateRolloutForgotten", WARNING, "forgotten by the loop"),
}
OWN_LABEL = "graygate_alert"
MOST_CHARACTERS = 4000

Postable = dict[str, Any]


def labels_of(trouble: str, key: str, data: Mapping[str, Any]) -> dict[str, str]:
    """An empty label is none, to Alertmanager: left out."""
    alertname, severity, _words = TROUBLES[trouble]
    placed = {name: str(data.get(name) or "") for name in ("service", "environment", "team")}
    named = {"alertname": alertname, "severity": severity, OWN_LABEL: key, **placed}
    return {name: value for name, value in named.items() if value}


def annotations_of(trouble: str, data: Mapping[str, Any]) -> dict[str, str]:
    words = TROUBLES[trouble][2]
    where = f" on {data['service']} ({data.get('environment', '')})" if data.get("service") else ""
    told = {
        "summary": f"{words}: {data.get('title', '')}{where}",
        "description": data.get("reason"),
        "left_to_do": " ".join(data.get("left_to_do") or []),
        "holds": ", ".join(data.get("holds") or []),
        "evidence_url": data.get("url"),
        "change": data.get("change"),
        "rollout": data.get("rollout"),
    }
    return {name: str(value)[:MOST_CHARACTERS] for name, value in told.items() if value}


def postable(
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    starts_at: datetime,
    ends_at: datetime,
) -> Postable:
    """One alert of POST /api/v2/alerts. It fires until `ends_at`."""
    made: Postable = {
        "labels": dict(labels),
        "annotations": dict(annotations),
        "startsAt": moment(starts_at),
        # Alertmanager refuses an alert that ends before it begins.
        "endsAt": moment(max(starts_at, ends_at)),
    }
    if "evidence_url" in annotations:
        made["generatorURL"] = annotations["evidence_url"]
    return made


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
