"""How teams change production: how standard, how fast, how often it goes wrong."""

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
from controlplane.practised import practised
from controlplane.standardisation import Practised, by, figures

GROUPS = {"team": lambda each: each.team, "service": lambda each: each.service}


class FiguresAnswer(s.Serializer[Any]):
    changes = s.IntegerField()
    standard = s.FloatField(allow_null=True, help_text="All five of the following.")
    typed = s.FloatField(allow_null=True)
    staged = s.FloatField(allow_null=True)
    observed = s.FloatField(allow_null=True)
    reversible = s.FloatField(allow_null=True)
    unattended = s.FloatField(allow_null=True)
    deployments_per_day = s.FloatField()
    change_failure_rate = s.FloatField(allow_null=True)
    lead_time_s = s.FloatField(allow_null=True)
    recovery_time_s = s.FloatField(allow_null=True)


class StandardisationView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(
        operation_id="standardisation",
        responses=inline_serializer(
            "Standardisation",
            {
                "days": s.IntegerField(),
                "all": FiguresAnswer(),
                "groups": s.DictField(child=FiguresAnswer()),
            },
        ),
        parameters=[Parameter("by", enum=[*GROUPS]), Parameter("days", int)],
    )
    def get(self, request: Request) -> Response:
        """Of changes that ended within the last `days` (30), by `team` or by `service`."""
        group = parameter(request, "by", tuple(GROUPS)) or "team"
        days = days_of(request)
        done: list[Practised] = practised(database_now() - timedelta(days=days))
        groups = by(GROUPS[group], done, days)
        return Response(
            {
                "days": days,
                "all": figures(done, days).as_dict(),
                "groups": {name: found.as_dict() for name, found in groups.items()},
            }
        )
