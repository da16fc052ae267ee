"""What changed production since some day: carried out here, by others, or only seen."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q

from attribution.models import Exposure, Service
from controlplane.coverage import Changed, How
from controlplane.models import Change
from rollout.machine import ChangeState
from rollout.models import Placement, Rollout

# Of each kind; more in a period are not looked at.
MOST = 50_000
BY_OTHERS = (
    ChangeState.EXTERNAL,
    ChangeState.SUCCEEDED,
    ChangeState.FAILED,
    ChangeState.UNKNOWN,
)
Pair = tuple[UUID, str]


def changed(since: datetime) -> list[Changed]:
    """One for each change and service that it changed. Four queries, however many there are.

    What has begun since then counts: a rollout that started, a version that was first seen, a
    change that was handed out and that nothing watches. What never started changed nothing.
    """
    teams = dict(Service.objects.values_list("name", "team"))
    found: dict[Pair, How] = {}
    # A change that is carried out here is managed, also where it was seen by others' means.
    for how, pairs in (
        (How.UNMANAGED, _unmanaged(since)),
        (How.BY_OTHERS, _by_others(since)),
        (How.MANAGED, _managed(since)),
    ):
        found |= dict.fromkeys(pairs, how)
    return [
        Changed(service, teams[service], how)
        for (_, service), how in found.items()
        if service in teams
    ]


def _managed(since: datetime) -> Iterator[Pair]:
    """Its attempts and its undo are of the same change, and count once."""
    rows = Placement.objects.filter(rollout__shadow=False, rollout__started_at__gte=since)
    pairs = rows.order_by().values_list("rollout__change_id", "service").distinct()
    yield from pairs[:MOST]


def _by_others(since: datetime) -> Iterator[Pair]:
    seen = Rollout.every.filter(shadow=True, started_at__gte=since).values("pk")
    unwatched = Q(rollout_id=None, created_at__gte=since)
    changes = Change.objects.filter(unwatched | Q(rollout_id__in=seen), state__in=BY_OTHERS)
    for pk, targets in changes.order_by().values_list("pk", "targets")[:MOST]:
        for name in {target["service"] for target in targets}:
            yield pk, name


def _unmanaged(since: datetime) -> Iterator[Pair]:
    """First seen since then, and not submitted: neither before nor after it was seen."""
    only_seen = Exposure.objects.filter(managed=False)
    submitted = Exists(Change.objects.filter(pk=OuterRef("change_id")))
    the_same = only_seen.filter(same_as__isnull=False).values("change_id")
    firsts = (
        only_seen.filter(~submitted)
        .exclude(change_id__in=the_same)
        .order_by()
        .values_list("change_id", "service__name")
        .annotate(first=Min("at"))
        .filter(first__gte=since)
    )
    for pk, name, _ in firsts[:MOST]:
        yield pk, name
