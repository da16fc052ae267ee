"""News of changes that Graygate did not make: CloudEvents, and CDEvents within them."""

from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.access import Scope
from controlplane.api import answers
from controlplane.api.base import ApiView
from controlplane.api.cloudevents import BATCH, STRUCTURED, events_of
from controlplane.api.parsers import CloudEventBatchParser, CloudEventParser, StrictJSONParser
from controlplane.api.told import receive


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
