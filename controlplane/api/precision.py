"""How often each guardrail was right when it stopped a change."""

from datetime import timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.clock import database_now
from controlplane.access import Scope
from controlplane.api.base import ApiView, days_of, parameter
from controlplane.guardrail_record import proposals, standings
from controlplane.precision import as_json


class GuardrailPrecisionAnswer(s.Serializer[Any]):
    service = s.CharField()
    guardrail = s.CharField()
    right = s.IntegerField()
    wrong = s.IntegerField()
    unanswered = s.IntegerField()
    precision = s.FloatField(allow_null=True, help_text="right ÷ (right + wrong)")
    low = s.FloatField(help_text="Of the 95% interval (Wilson).")
    high = s.FloatField()
    noisy = s.BooleanField()
    proposal = s.CharField(allow_null=True, help_text="What to do about a noisy one.")


class PrecisionView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(
        operation_id="precision",
        responses=inline_serializer(
            "Precision",
            {"days": s.IntegerField(), "guardrails": GuardrailPrecisionAnswer(many=True)},
        ),
        parameters=[Parameter("days", int), Parameter("service")],
    )
    def get(self, request: Request) -> Response:
        """Of halts and rollbacks of the last `days` (30), those of shadow too; noisy ones first."""
        days, service = days_of(request), parameter(request, "service")
        found = standings(database_now() - timedelta(days=days))
        found = [one for one in found if service in {None, one.service}]
        proposed = proposals(found)
        guardrails = [
            as_json(one) | {"proposal": proposed.get((one.service, one.guardrail))} for one in found
        ]
        return Response({"days": days, "guardrails": guardrails})
