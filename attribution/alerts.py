"""Alerts as Alertmanager (and Grafana) sends them: webhook version 4."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from attribution.anomalies import end_anomaly, open_anomaly
from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.fields import choice, items, mapping, optional_number, text
from attribution.models import Alert, Anomaly, Service
from attribution.moments import moment

log = logging.getLogger(__name__)
SERVICE_LABELS = ("service", "service_name")
MOST_ALERTS = 1000
MOST_COUNTED = 1_000_000
# On every alert of Graygate's own (controlplane/notify/postable.py).
OWN_LABEL = "graygate_alert"
OPEN = "0001-01-01T"  # in endsAt: not ended


def receive(payload: Mapping[str, Any]) -> int:
    """Stores every alert of one webhook; how many it held. All or none is stored.

    A firing alert of a known service opens an anomaly, a resolved one ends it. Told again, it
    changes nothing: (fingerprint, startsAt) is its identity. What Graygate itself has told
    Alertmanager and gets back is no news. Raises CaseError with the pointer.
    """
    body = mapping(payload, "")
    if str(body.get("version", "4")) != "4":
        raise CaseError("unknown version", "only webhook version 4 is read", "/version")
    entries = items(body, "alerts", "")
    if len(entries) > MOST_ALERTS:
        raise CaseError("too many alerts", f"at most {MOST_ALERTS} at once", "/alerts")
    truncated = _truncated(body)
    alerts = [_read(entry, f"/alerts/{place}") for place, entry in enumerate(entries)]
    with transaction.atomic():
        for alert in alerts:
            if OWN_LABEL not in alert["labels"]:
                _store(alert | {"truncated": truncated}, database_now())
    return len(alerts)


def _truncated(body: Mapping[str, Any]) -> int:
    """How many alerts Alertmanager cut off (`max_alerts`): of those nothing is known."""
    number = optional_number(body, "truncatedAlerts", "", 0.0, low=0.0)
    if number:
        log.warning("Alertmanager cut off %d alerts: raise `max_alerts`, or group by less", number)
    return min(int(number), MOST_COUNTED)


def _read(entry: Any, at: str) -> dict[str, Any]:
    alert = mapping(entry, at)
    fingerprint = text(alert, "fingerprint", at)
    if len(fingerprint) > 64:
        raise CaseError("text too long", "at most 64 characters", f"{at}/fingerprint")
    starts = _moment(alert, "startsAt", at)
    if starts is None:
        raise CaseError("no moment", "an alert has a startsAt", f"{at}/startsAt")
    return {
        "fingerprint": fingerprint,
        "starts_at": starts,
        "ends_at": _moment(alert, "endsAt", at),
        "status": choice(alert, "status", at, ("firing", "resolved"), None),
        "labels": dict(mapping(alert.get("labels") or {}, f"{at}/labels")),
        "annotations": dict(mapping(alert.get("annotations") or {}, f"{at}/annotations")),
    }


def _moment(alert: Mapping[str, Any], key: str, at: str) -> datetime | None:
    value = alert.get(key)
    if not value:
        return None
    if isinstance(value, str) and value.startswith(OPEN):
        return None
    return moment(value, f"{at}/{key}")


def _store(alert: dict[str, Any], now: datetime) -> None:
    labels = alert["labels"]
    name = next((labels[key] for key in SERVICE_LABELS if labels.get(key)), None)
    service = Service.objects.filter(name=name).first() if isinstance(name, str) else None
    resolved = alert["status"] == "resolved"
    # A clock that is ahead must not end, or begin, anything in the future.
    ends = min(alert["ends_at"] or now, now) if resolved else None
    identity = {key: alert[key] for key in ("fingerprint", "starts_at")}
    told = {key: alert[key] for key in ("status", "labels", "annotations", "truncated")}
    row, made = Alert.objects.get_or_create(
        **identity,
        defaults={**told, "ends_at": ends, "received_at": now, "service": service},
    )
    if not made and row.status == "resolved" and not resolved:
        return  # an older message that came late: what is resolved stays so
    if not made:
        Alert.objects.filter(pk=row.pk).update(**told, ends_at=ends)
    if service is not None:
        _follow(alert, service, ends, now)


def _follow(alert: dict[str, Any], service: Service, ends: datetime | None, now: datetime) -> None:
    key = str(alert["fingerprint"])
    if ends is not None:
        # The end of an earlier occurrence, told late, is not that of the one that is open now.
        still_open = Anomaly.objects.filter(origin=Anomaly.Origin.ALERT, key=key, ended_at=None)
        if not still_open.filter(started_at__gt=ends).exists():
            end_anomaly(Anomaly.Origin.ALERT, key, ends)
        return
    metric = str(alert["labels"].get("metric") or alert["labels"].get("alertname") or "")[:100]
    open_anomaly(Anomaly.Origin.ALERT, key, service.name, metric, min(alert["starts_at"], now), now)
