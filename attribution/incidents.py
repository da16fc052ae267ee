"""What is broken around some services: on them, or on what they call.

A caller shows what its callee does: while that lasts, nothing can be said of the caller itself by
comparing it with before.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from attribution.models import Anomaly, Service

HOPS = 2


def around(names: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Each service with itself and what it calls, up to HOPS calls away; HOPS queries."""
    found = {name: {name} for name in names}
    for _ in range(HOPS):
        known = {each for reached in found.values() for each in reached}
        calls: dict[str, set[str]] = {}
        pairs = Service.objects.filter(name__in=known).values_list("name", "calls__name")
        for caller, callee in pairs:
            if callee is not None:
                calls.setdefault(caller, set()).add(callee)
        for reached in found.values():
            reached.update(*(calls.get(each, ()) for each in tuple(reached)))
    return {name: frozenset(reached) for name, reached in found.items()}


def anomalies_since(names: Collection[str], since: datetime) -> list[Anomaly]:
    """Those noticed after `since` on these services, ended or not; oldest first."""
    found = Anomaly.objects.filter(service__name__in=names, detected_at__gt=since)
    return list(found.select_related("service").order_by("detected_at", "id"))
