"""How long canaries took to settle, service by service and metric by metric."""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from attribution.models import Service, Settling


def record(change_id: uuid.UUID, at: datetime, seconds: Mapping[str, Mapping[str, float]]) -> None:
    """By service and metric. Idempotent: a change is told of once."""
    known = Service.objects.in_bulk(seconds, field_name="name")
    rows = [
        Settling(service=known[name], metric=metric, change_id=change_id, at=at, seconds=took)
        for name, metrics in seconds.items()
        if name in known
        for metric, took in metrics.items()
    ]
    Settling.objects.bulk_create(rows, ignore_conflicts=True)


def last(service: Service, most: int) -> dict[str, list[float]]:
    """Of each metric the newest `most`, newest first."""
    newest = Settling.objects.filter(service=service).annotate(
        place=Window(RowNumber(), partition_by=F("metric"), order_by=F("at").desc())
    )
    found: dict[str, list[float]] = defaultdict(list)
    for row in newest.filter(place__lte=most).order_by("metric", "place"):
        found[row.metric].append(row.seconds)
    return found
