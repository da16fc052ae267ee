"""How teams change production: how standard, how fast, how often it goes wrong."""

from collections.abc import Callable
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
from controlplane.changed import changed
from controlplane.coverage import Coverage, coverage, coverage_by
from controlplane.practised import practised
from controlplane.standardisation import Figures, by, figures

GROUPS: dict[str, Callable[[Any], str]] = {
    "team": lambda each: each.team,
    "service": lambda each: each.service,
}
NOTHING = Coverage()


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
    coverage = s.FloatField(
        allow_null=True, help_text="managed ÷ (managed + by_others + unmanaged), a service each."
    )
    managed = s.IntegerField(help_text="Changes that Graygate began to carry out.")
    by_others = s.IntegerField(help_text="Submitted, and carried out by others (L0, L1).")
    unmanaged = s.IntegerField(help_text="Seen only: nobody submitted them.")


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
        """Of changes that ended within the last `days` (30), by `team` or by `service`; and how
        much of what changed Graygate carried out.
        """
        group = GROUPS[parameter(request, "by", tuple(GROUPS)) or "team"]
        days = days_of(request)
        since = database_now() - timedelta(days=days)
        done, seen = practised(since), changed(since)
        done_by, seen_by = by(group, done, days), coverage_by(group, seen)
        return Response(
            {
                "days": days,
                "all": _told(figures(done, days), coverage(seen)),
                "groups": {
                    name: _told(done_by.get(name) or figures([], days), seen_by.get(name, NOTHING))
                    for name in sorted({*done_by, *seen_by})
                },
            }
        )


def _told(found: Figures, seen: Coverage) -> dict[str, Any]:
    return found.as_dict() | seen.as_dict()
