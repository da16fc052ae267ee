"""What CDEvents tell of changes that somebody else carries out, as exposures."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from attribution import exposures
from attribution.clock import database_now
from attribution.models import Exposure, Service
from controlplane.api.cloudevents import CloudEvent, moment_of
from controlplane.models import Change, Event

# CDEvents put their version behind the type; any version of these is understood.
DEPLOYED = ("dev.cdevents.service.deployed.", "dev.cdevents.service.upgraded.")
ROLLED_BACK = "dev.cdevents.service.rolledback."
REMOVED = "dev.cdevents.service.removed."
UNMANAGED = uuid.UUID("5f0a7e0c-3f43-5c3e-9a55-6f3d8c1d7b11")
LONGEST_VERSION = 80
# A package URL: pkg:type/namespace/name@version?qualifiers#subpath.
_PURL = re.compile(r"pkg:[^@?#]+(?:@([^?#]*))?(?:\?([^#]*))?")


def receive(event: CloudEvent) -> bool:
    """Keep it once; True when it is new."""
    _, new = Event.objects.get_or_create(
        source=event.source,
        event_id=event.id,
        defaults={"type": event.type, "payload": event.payload},
    )
    if new and event.type.startswith(DEPLOYED):
        _expose(event)
    elif new and event.type.startswith((ROLLED_BACK, REMOVED)):
        _end(event)
    return new


def _expose(event: CloudEvent) -> None:
    """A deployment by somebody else: from then on, that service is exposed to it as a whole."""
    context, subject = _parts(event)
    service = _service(subject)
    if service is None:
        return
    change_id = _change_id(event, context)
    name = _name(service, subject)
    if Change.objects.filter(pk=change_id).exists() or _is_followed(service, name):
        # How far it is exposed is observed, not told.
        return
    exposures.record(
        change_id, service.name, _at(event, context), 1.0, [], "deploy", managed=False, name=name
    )


def _is_followed(service: Service, name: str) -> bool:
    """Its version was seen before the event came."""
    return bool(name) and any(one.name == name for one in exposures.live_unmanaged(service))


def _end(event: CloudEvent) -> None:
    """Rolled back: the newest, or the one of the chain. Removed: all that was seen there."""
    context, subject = _parts(event)
    service = _service(subject)
    if service is None:
        return
    at = _at(event, context)
    live = [one for one in exposures.live_unmanaged(service) if one.at <= at]
    submitted = Change.objects.filter(pk__in=[one.change_id for one in live])
    kept = set(submitted.values_list("pk", flat=True))
    for one in _ended(event, context, [one for one in live if one.change_id not in kept]):
        exposures.record(
            one.change_id, service.name, at, 0.0, [], one.kind, managed=False, name=one.name
        )


def _ended(
    event: CloudEvent, context: Mapping[str, Any], live: list[Exposure]
) -> Iterable[Exposure]:
    if event.type.startswith(REMOVED):
        return live
    chain = _chain(context)
    return [one for one in live if one.change_id == chain] or live[-1:]


def _parts(event: CloudEvent) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    data = event.data if isinstance(event.data, Mapping) else {}
    return _part(data, "context"), _part(data, "subject")


def _service(subject: Mapping[str, Any]) -> Service | None:
    """By the subject's id, which may carry a namespace: `shop/cart`."""
    name = str(subject.get("id", ""))
    return Service.objects.filter(name__in=[name, name.rpartition("/")[2]]).first()


def _name(service: Service, subject: Mapping[str, Any]) -> str:
    """Such as "cart 1.4.2"; empty: the event names no version."""
    version = version_of(_part(subject, "content").get("artifactId"))
    return f"{service.name} {version}" if version else ""


def version_of(artifact: Any) -> str:
    """Of a package URL the tag, else the version; a digest says nothing to a person."""
    found = _PURL.fullmatch(artifact.partition("#")[0]) if isinstance(artifact, str) else None
    if found is None:
        return ""
    pairs = (pair.partition("=") for pair in (found[2] or "").split("&"))
    tag = next((value for key, _, value in pairs if key == "tag"), "")
    version = unquote(tag or found[1] or "")
    shown = version.isprintable() and len(version) <= LONGEST_VERSION and ":" not in version
    return version if shown else ""


def _change_id(event: CloudEvent, context: Mapping[str, Any]) -> uuid.UUID:
    """The chain's id where it is a UUID: one id goes from commit to rollback."""
    return _chain(context) or uuid.uuid5(UNMANAGED, f"{event.source}\n{event.id}")


def _chain(context: Mapping[str, Any]) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(context.get("chainId")))
    except ValueError:
        return None


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = data.get(key)
    return part if isinstance(part, Mapping) else {}


def _at(event: CloudEvent, context: Mapping[str, Any]) -> datetime:
    """A clock that is ahead must not make an exposure begin in the future."""
    told = moment_of(context, "timestamp", f"{event.pointer}/data/context") or event.at
    now = database_now()
    return min(told, now) if told else now
