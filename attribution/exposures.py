"""Who is exposed to which change, as it was observed. Append-only."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from attribution.models import Exposure, Service

# Shares that went through JSON and a target's arithmetic; closer than this they are the same.
SAME_SHARE = 1e-6
Live = tuple[uuid.UUID, float, list[str]]


def record(  # noqa: PLR0913, PLR0917 - one row's columns
    change_id: uuid.UUID,
    service: str,
    at: datetime,
    share: float,
    units: Sequence[str],
    kind: str,
    managed: bool = True,  # noqa: FBT001, FBT002 - the floors' agreed signature
    risk: str = "",
    name: str = "",
    same_as: uuid.UUID | None = None,
) -> None:
    """One step of the observed share; share 0 ends the exposure. `name`: of an unmanaged change.

    What is as it was before is no step: units have no order. Raises Service.DoesNotExist for an
    unknown service.
    """
    owner = Service.objects.get(name=service)
    if _is_known(change_id, owner, at, share, units):
        return
    Exposure.objects.create(
        change_id=change_id,
        service=owner,
        at=at,
        share=share,
        units=list(units),
        kind=kind,
        managed=managed,
        risk=risk,
        name=name[:200],
        same_as=same_as,
    )


def _is_known(
    change_id: uuid.UUID, service: Service, at: datetime, share: float, units: Sequence[str]
) -> bool:
    steps = Exposure.objects.filter(change_id=change_id, service=service, at__lte=at)
    newest = steps.order_by("-at", "-id").first()
    return (
        newest is not None
        and abs(newest.share - share) <= SAME_SHARE
        and set(newest.units) == set(units)
    )


def current(service: str) -> list[Live]:
    """(change, share, units) of every change that is exposed on the service now."""
    newest = (
        Exposure.objects.filter(service__name=service)
        .order_by("change_id", "-at", "-id")
        .distinct("change_id")
    )
    return [(row.change_id, row.share, list(row.units)) for row in newest if row.share > 0]


def partly_exposed(
    service: str, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """(from, to) within that time of each change that some but not all were exposed to."""
    rows = Exposure.objects.filter(service__name=service)
    before = rows.filter(at__lt=since).order_by("change_id", "-at", "-id").distinct("change_id")
    steps: dict[uuid.UUID, list[tuple[datetime, float]]] = defaultdict(list)
    for row in before:
        steps[row.change_id].append((since, row.share))
    for row in rows.filter(at__gte=since, at__lte=until).order_by("at", "id"):
        steps[row.change_id].append((row.at, row.share))
    return [
        (begin, end)
        for each in steps.values()
        for (begin, share), (end, _) in pairwise([*each, (until, 0.0)])
        if 0 < share < 1
    ]


def live_unmanaged(service: Service) -> list[Exposure]:
    """The newest step of each change that is exposed there now, and was only seen; newest last."""
    newest = (
        Exposure.objects.filter(service=service, managed=False)
        .order_by("change_id", "-at", "-id")
        .distinct("change_id")
    )
    return sorted((row for row in newest if row.share > 0), key=lambda row: (row.at, row.pk))
