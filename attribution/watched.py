"""Which versions the cohorts of a service stand for now (versions.py): said by what starts."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from attribution.clock import database_now
from attribution.models import Service
from attribution.versions import uses_versions


def watch(services: Iterable[str], change_id: UUID, version: str, previous: str) -> None:
    """From now on the cohorts of these services are those of this change.

    The counters that were kept are of other series: the next read begins anew.
    """
    versions = {"change": str(change_id), "version": version, "previous_version": previous}
    since = database_now().timestamp()
    rows = Service.objects.select_for_update().filter(name__in=set(services)).order_by("pk")
    for service in rows:
        known = watched(service)
        known.pop("since", None)
        if uses_versions(service.cohorts) and known != versions:
            service.counters = {"versions": versions | {"since": since}}
            service.save(update_fields=["counters"])


def watched(service: Service) -> dict[str, Any]:
    return dict(service.counters.get("versions") or {})


def told_by_version(service: Service) -> tuple[str, float] | None:
    """Whose cohorts the service's are, and since when; None: they are not told by version."""
    versions = watched(service)
    if not versions or not uses_versions(service.cohorts):
        return None
    return str(versions["change"]), float(versions.get("since", 0.0))
