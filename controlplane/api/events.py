"""News of changes that Graygate did not make: CloudEvents, and CDEvents within them."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from attribution import exposures
from attribution.clock import database_now
from attribution.models import Service
from controlplane.access import Scope
from controlplane.api import answers
from controlplane.api.base import ApiView
from controlplane.api.cloudevents import BATCH, STRUCTURED, CloudEvent, events_of, moment_of
from controlplane.api.parsers import CloudEventBatchParser, CloudEventParser, StrictJSONParser
from controlplane.models import Change, Event

# CDEvents put their version behind the type; any version of these is understood.
DEPLOYED = ("dev.cdevents.service.deployed.", "dev.cdevents.service.upgraded.")
UNMANAGED = uuid.UUID("5f0a7e0c-3f43-5c3e-9a55-6f3d8c1d7b11")


class EventsView(ApiView):
    scopes: ClassVar = {"POST": Scope.SUBMIT}
    parser_classes = [StrictJSONParser, CloudEventParser, CloudEventBatchParser]

    @extend_schema(
        operation_id="events_receive",
        request={
            "application/json": OpenApiTypes.OBJECT,
            STRUCTURED: OpenApiTypes.OBJECT,
            BATCH: {"type": "array", "items": {"type": "object"}},
        },
        responses={202: answers.AcceptedAnswer},
    )
    def post(self, request: Request) -> Response:
        """All events of a body are kept or none is. What came before is not counted again."""
        events = events_of(request)
        with transaction.atomic():
            new = sum(receive(event) for event in events)
        return Response({"accepted": new}, status=202)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """CloudEvents' handshake: yes, this address takes events from whoever may send them."""
        response: Response = super().options(request, *args, **kwargs)
        if origin := request.headers.get("WebHook-Request-Origin"):
            response["WebHook-Allowed-Origin"] = origin
            response["WebHook-Allowed-Rate"] = "*"
        return response


def receive(event: CloudEvent) -> bool:
    """Keep it once; True when it is new."""
    _, new = Event.objects.get_or_create(
        source=event.source,
        event_id=event.id,
        defaults={"type": event.type, "payload": event.payload},
    )
    if new and event.type.startswith(DEPLOYED):
        _expose(event)
    return new


def _expose(event: CloudEvent) -> None:
    """A deployment by somebody else: from then on, that service is exposed to it as a whole."""
    data = event.data if isinstance(event.data, Mapping) else {}
    context, subject = _part(data, "context"), _part(data, "subject")
    service = _service(subject)
    if service is None:
        return
    change_id = _change_id(event, context)
    if Change.objects.filter(pk=change_id).exists():
        # Its own pipeline tells of it; how far it is exposed is observed, not told.
        return
    told = moment_of(context, "timestamp", f"{event.pointer}/data/context") or event.at
    at = _not_later(told, database_now())
    exposures.record(change_id, service.name, at, 1.0, [], "deploy", managed=False)


def _service(subject: Mapping[str, Any]) -> Service | None:
    """By the subject's id, which may carry a namespace: `shop/cart`."""
    name = str(subject.get("id", ""))
    return Service.objects.filter(name__in=[name, name.rpartition("/")[2]]).first()


def _change_id(event: CloudEvent, context: Mapping[str, Any]) -> uuid.UUID:
    """The chain's id where it is a UUID: one id goes from commit to rollback."""
    try:
        return uuid.UUID(str(context.get("chainId")))
    except ValueError:
        return uuid.uuid5(UNMANAGED, f"{event.source}\n{event.id}")


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = data.get(key)
    return part if isinstance(part, Mapping) else {}


def _not_later(told: datetime | None, now: datetime) -> datetime:
    """A clock that is ahead must not make an exposure begin in the future."""
    return min(told, now) if told else now
