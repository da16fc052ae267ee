"""What enforcing would have done with changes that others carried out."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.clock import database_now
from controlplane.access import Scope
from controlplane.api.base import ApiView, days_of
from controlplane.models import Feedback
from controlplane.shadow_record import as_json, shadowed, standings


class WouldAnswer(s.Serializer[Any]):
    decision = s.UUIDField(help_text="`POST decisions/{id}/feedback` says whether it was right.")
    done = s.ChoiceField(["halted", "rolled back"])
    at = s.DateTimeField()
    reason = s.CharField()
    feedback = s.ListField(child=s.ChoiceField(Feedback.Answer.choices))


class ShadowedAnswer(s.Serializer[Any]):
    change = s.UUIDField()
    title = s.CharField()
    author = s.CharField()
    services = s.ListField(child=s.CharField())
    kind = s.CharField()
    level = s.CharField()
    state = s.CharField()
    seen_at = s.DateTimeField(allow_null=True)
    ended_at = s.DateTimeField(allow_null=True)
    would_have = WouldAnswer(many=True)


class StandingAnswer(s.Serializer[Any]):
    service = s.CharField()
    watched = s.IntegerField()
    interfered = s.IntegerField()
    right = s.IntegerField()
    wrong = s.IntegerField()


class ShadowView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(
        operation_id="shadow",
        responses=inline_serializer(
            "Shadow",
            {
                "days": s.IntegerField(),
                "changes": ShadowedAnswer(many=True),
                "services": StandingAnswer(many=True),
            },
        ),
        parameters=[Parameter("days", int)],
    )
    def get(self, request: Request) -> Response:
        """Of the last `days` (30): each change that others carried out, newest first."""
        days = days_of(request)
        found = shadowed(database_now() - timedelta(days=days))
        return Response(
            {
                "days": days,
                "changes": [as_json(each) for each in found],
                "services": [asdict(each) for each in standings(found)],
            }
        )
