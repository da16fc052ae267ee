from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.alerts import receive
from controlplane.access import Scope
from controlplane.api import answers
from controlplane.api.base import ApiView, body_of


class AlertsView(ApiView):
    scopes: ClassVar = {"POST": Scope.ALERT}

    @extend_schema(
        operation_id="alerts_receive",
        request=OpenApiTypes.OBJECT,
        responses=answers.AcceptedAnswer,
    )
    def post(self, request: Request) -> Response:
        """Alertmanager's webhook, version 4 (Grafana sends the same). Told twice, counted once."""
        return Response({"accepted": receive(body_of(request))})
