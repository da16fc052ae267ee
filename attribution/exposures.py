"""Who is exposed to which change: written by the floor above as it observes, never as it wishes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from attribution.models import Exposure, Service


@dataclass(frozen=True)
class Current:
    change_id: uuid.UUID
    share: float
    units: tuple[str, ...]


def record(  # noqa: PLR0913 - an exposure is these seven facts
    change_id: uuid.UUID,
    service: str,
    at: datetime,
    share: float,
    units: Sequence[str],
    kind: str,
    *,
    managed: bool = True,
) -> None:
    Exposure.objects.create(
        change_id=change_id,
        service=Service.objects.get(name=service),
        at=at,
        share=share,
        units=list(units),
        kind=kind,
        managed=managed,
    )


def current(service: str) -> list[Current]:
    """The newest step of each change on `service` whose share is above zero."""
    newest = (
        Exposure.objects.filter(service__name=service)
        .order_by("change_id", "-at", "-id")
        .distinct("change_id")
    )
    return [Current(e.change_id, e.share, tuple(e.units)) for e in newest if e.share > 0]
