"""Which versions the cohorts of a service stand for now (versions.py): said by what starts."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from attribution.models import Service
from attribution.versions import uses_versions


def watch(services: Iterable[str], change_id: UUID, version: str, previous: str) -> None:
    """From now on the cohorts of these services are those of this change.

    The counters that were kept are of other series: the next read begins anew.
    """
    versions = {"change": str(change_id), "version": version, "previous_version": previous}
    rows = Service.objects.select_for_update().filter(name__in=set(services)).order_by("pk")
    for service in rows:
        if uses_versions(service.cohorts) and service.counters.get("versions") != versions:
            service.counters = {"versions": versions}
            service.save(update_fields=["counters"])


def watched(service: Service) -> dict[str, Any]:
    return dict(service.counters.get("versions") or {})
