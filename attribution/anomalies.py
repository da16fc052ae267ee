"""Opening and ending anomalies. One is open for each (origin, key) at a time."""

from datetime import datetime

from django.db import transaction

from attribution.models import Anomaly, Service


def open_anomaly(
    origin: str, key: str, service: str, metric: str, started_at: datetime, detected_at: datetime
) -> Anomaly:
    """The open anomaly of (origin, key), made when there is none.

    One that ended and began at the same moment is the same one, noticed again. Raises
    Service.DoesNotExist for an unknown service.
    """
    with transaction.atomic():
        # The service's row serialises two who notice the same thing at once. NO KEY: whoever
        # only refers to the service (an Exposure being written) must not wait, or deadlocks.
        owner = Service.objects.select_for_update(no_key=True).get(name=service)
        found = Anomaly.objects.filter(origin=origin, key=key, ended_at=None).first()
        if found:
            return found
        return Anomaly.objects.update_or_create(
            origin=origin,
            key=key,
            started_at=started_at,
            defaults={
                "service": owner,
                "metric": metric,
                "detected_at": detected_at,
                "ended_at": None,
                "due_at": detected_at,
            },
        )[0]


def end_anomaly(origin: str, key: str, at: datetime) -> int:
    """How many were open; ending what is not open is no error."""
    return Anomaly.objects.filter(origin=origin, key=key, ended_at=None).update(
        ended_at=at, due_at=None
    )
