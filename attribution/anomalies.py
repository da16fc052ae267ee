"""Deviations under way: opened once, ended once, whoever notices them."""

from datetime import datetime

from attribution.models import Anomaly, Service


def open_anomaly(
    origin: str,
    key: str,
    service: str,
    metric: str,
    started_at: datetime,
    detected_at: datetime,
) -> Anomaly:
    """The open anomaly of this origin, key and service; made if there is none."""
    anomaly, _ = Anomaly.objects.get_or_create(
        origin=origin,
        key=key,
        service=Service.objects.get(name=service),
        ended_at=None,
        defaults={
            "metric": metric,
            "started_at": started_at,
            "detected_at": detected_at,
            "due_at": detected_at,
        },
    )
    return anomaly


def end_anomaly(origin: str, key: str, at: datetime) -> int:
    return Anomaly.objects.filter(origin=origin, key=key, ended_at=None).update(
        ended_at=at, due_at=None
    )
