"""Freezes, the kill switch, conflicts and incidents: read here, at the moment of growth.

Edited from above, enforced in this floor: a control plane that stands still must not let a
freeze be missed. A freeze stops growth and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from attribution.clock import database_now
from attribution.incidents import anomalies_since, around
from attribution.models import Anomaly, Service
from attribution.versions import uses_versions
from rollout.machine import Phase
from rollout.models import Freeze, Placement, Rollout
from rollout.snapshot import SAME_SHARE
from rollout.spec import RolloutSpec

KILL_SWITCH = "kill-switch"
# Freezes begin so much early.
CLOCK_SET_BACK = timedelta(minutes=1)
SCOPE_KEYS = frozenset({"service", "team", "environment", "kind"})


def set_freeze(
    name: str,
    scope: dict[str, Any],
    reason: str,
    actor: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Freeze:
    if unknown := sorted(set(scope) - SCOPE_KEYS):
        raise ValueError(f"a freeze has no scope {', '.join(unknown)}")
    with transaction.atomic():
        freeze, _ = Freeze.objects.update_or_create(
            name=name,
            defaults={
                "scope": scope,
                "reason": reason,
                "actor": actor,
                "starts_at": starts_at or database_now(),
                "ends_at": ends_at,
            },
        )
        _wait_for_intents()
    return freeze


def lift_freeze(name: str) -> bool:
    deleted, _ = Freeze.objects.filter(name=name).delete()
    return bool(deleted)


def _wait_for_intents() -> None:
    """The lock that intents take: when this returns, no growth that missed the freeze commits.

    An intent that had the row before us has committed; one that comes after us reads the freeze
    as soon as our transaction commits.
    """
    active = Rollout.objects.filter(phase__in=(Phase.PENDING, Phase.RUNNING))
    list(active.order_by("pk").select_for_update().values_list("pk", flat=True))


def freezes_in_force(now: datetime) -> list[Freeze]:
    # One that was set a moment ago stays in force when the clock is set back a little.
    in_force = Q(starts_at__lte=now + CLOCK_SET_BACK) & (
        Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    )
    return list(Freeze.objects.filter(in_force))


def frozen(spec: RolloutSpec, now: datetime) -> str:
    """Why this rollout is frozen now; empty: it is not."""
    facts: dict[str, set[str]] = {
        "service": {t.service for t in spec.targets},
        "team": {spec.team},
        "environment": {spec.environment},
        "kind": {spec.kind},
    }
    for freeze in freezes_in_force(now):
        if all(str(value) in facts[key] for key, value in freeze.scope.items()):
            return f"frozen by {freeze.name} ({freeze.actor}): {freeze.reason}"
    return ""


def conflict(rollout: Rollout) -> str:
    """Why this rollout may not start; empty: it may."""
    found = (target_conflict(p) for p in rollout.placements.filter(exclusive=True))
    return artefact_conflict(rollout) or next(filter(None, found), "") or version_conflict(rollout)


def incident(rollout: Rollout) -> str:
    return incidents([rollout]).get(rollout.pk, "")


def incidents(rollouts: Sequence[Rollout]) -> dict[UUID, str]:
    """Why the next stage may not open: something has broken around it and is not mended."""
    return {
        pk: f"{found.metric} of {found.service.name} broke: growth waits for its end"
        for pk, anomalies in troubles(rollouts).items()
        for found in anomalies[::-1]
        if found.ended_at is None
    }


def troubles(rollouts: Sequence[Rollout]) -> dict[UUID, list[Anomaly]]:
    """What broke on each rollout's services, or on what they call, since it started; oldest first.

    Not what was there before (a noisy alert would block its service for ever), nor what a person
    has answered, nor the anomaly that the rollout's own halt opened.
    """
    since = {r.pk: r.evidence_since or r.started_at for r in rollouts}
    begun = [at for at in since.values() if at is not None]
    if not begun:
        return {}
    places: dict[UUID, set[str]] = {}
    for pk, service in Placement.objects.filter(rollout__in=since).values_list(
        "rollout", "service"
    ):
        places.setdefault(pk, set()).add(service)
    reach = around({name for services in places.values() for name in services})
    near = {pk: {each for n in services for each in reach[n]} for pk, services in places.items()}
    seen = anomalies_since({name for names in near.values() for name in names}, min(begun))
    return {
        r.pk: [a for a in seen if a.service.name in near.get(r.pk, ()) and _concerns(r, a)]
        for r in rollouts
    }


def _concerns(rollout: Rollout, found: Anomaly) -> bool:
    since = rollout.evidence_since or rollout.started_at
    own = found.origin == Anomaly.Origin.JUDGE and found.key == str(rollout.change_id)
    return since is not None and found.detected_at > since and not own


def artefact_conflict(rollout: Rollout) -> str:
    """Versions of one artefact come one after the other."""
    same = Rollout.objects.filter(artefact=rollout.artefact, environment=rollout.environment)
    other = _in_the_way(same.exclude(pk=rollout.pk))
    return f"waiting for rollout {other.pk} of the same artefact to end" if other else ""


def target_conflict(placement: Placement) -> str:
    """An exclusive target is free when no other rollout has it and it shows no exposure."""
    target = placement.target
    having = Placement.objects.filter(executor=placement.executor, target=target)
    same = Rollout.objects.filter(pk__in=having.values("rollout")).exclude(pk=placement.rollout_id)
    if other := _in_the_way(same):
        return f"waiting for rollout {other.pk}, which has {target}, to end"
    if placement.observed_at is None or placement.failures:
        error = f": {placement.last_error[:200]}" if placement.last_error else " yet"
        return f"{target} could not be read{error}"
    if placement.observed > SAME_SHARE:
        return (
            f"{target} already shows {placement.observed * 100:.3g}%: make that version "
            "the stable one, then set the weights back"
        )
    return ""


def version_conflict(rollout: Rollout) -> str:
    """Where cohorts are told apart by version, one change at a time says which version that is."""
    names = set(rollout.placements.values_list("service", flat=True))
    for service in Service.objects.filter(name__in=names).order_by("name"):
        if not uses_versions(service.cohorts):
            continue
        having = Placement.objects.filter(service=service.name).values("rollout")
        same = Rollout.objects.filter(pk__in=having).exclude(pk=rollout.pk)
        if other := _in_the_way(same):
            return (
                f"waiting for rollout {other.pk} to end: the cohorts of {service.name} are versions"
            )
    return ""


def _in_the_way(others: QuerySet[Rollout]) -> Rollout | None:
    under_way = (Phase.RUNNING, Phase.WATCHING, Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED)
    for other in others.filter(phase__in=under_way):
        # What cannot be taken back is mended by what comes after it: that must not wait.
        if other.phase != Phase.ROLLBACK_FAILED or other.spec["reversible"]:
            return other
    return None
