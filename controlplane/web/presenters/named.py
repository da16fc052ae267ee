"""What a change is called on a page: by its id alone nobody knows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from attribution.models import Exposure
from controlplane.models import Change
from controlplane.reactions import id_of


@dataclass(frozen=True)
class Named:
    id: str
    title: str
    services: list[str]
    # There is a page of it.
    managed: bool

    @property
    def where(self) -> str:
        return ", ".join(self.services) if self.managed else "not managed here"


def named(ids: Iterable[str]) -> Mapping[str, Named]:
    """Each of them: as it was submitted; of an unmanaged one what was seen; else by its id."""
    wanted = set(ids)
    known = {pk for each in wanted if (pk := id_of(each))}
    changes = Change.objects.filter(pk__in=known).only("title", "targets")
    found = {str(change.pk): _managed(change) for change in changes}
    found |= _seen(known - {UUID(each) for each in found})
    return {each: found.get(each, Named(each, each, [], managed=False)) for each in wanted}


def _managed(change: Change) -> Named:
    services = list(dict.fromkeys(target["service"] for target in change.targets))
    return Named(str(change.pk), change.title, services, managed=True)


def _seen(ids: Iterable[UUID]) -> dict[str, Named]:
    rows = Exposure.objects.filter(change_id__in=ids).order_by("change_id", "at", "id")
    found: dict[str, Named] = {}
    columns = rows.values_list("change_id", "kind", "service__name", "name")
    for pk, kind, service, name in columns:
        services = found[str(pk)].services if str(pk) in found else []
        services = list(dict.fromkeys([*services, service]))
        title = f"{name}, seen" if name else f"{kind} on {services[0]}"
        found[str(pk)] = Named(str(pk), title, services, managed=False)
    return found
