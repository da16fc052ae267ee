"""Services: what is changed, observed and blamed."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request

from attribution.clock import database_now
from attribution.models import Service
from controlplane.api import answers
from controlplane.api.base import parameter
from controlplane.api.bodies import ServiceBody
from controlplane.api.errors import ProblemError
from controlplane.api.named import NamedListView, NamedView
from controlplane.configuration.services import check_calls, parse_service
from rollout.machine import FINAL_PHASES
from rollout.models import Placement


def service_json(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "team": service.team,
        "environment": service.environment,
        "tier": service.tier,
        "control_level": service.control_level,
        "calls": sorted(callee.name for callee in service.calls.all()),
        "units": service.units,
        "cohorts": service.cohorts,
        "source": service.source,
        "executor": service.executor,
        "telemetry": service.telemetry,
    }


@extend_schema_view(
    get=extend_schema(
        operation_id="services_list",
        responses=answers.page(answers.ServiceAnswer),
        parameters=[*answers.PAGE_PARAMETERS],
    )
)
class ServicesView(NamedListView):
    def rows(self, request: Request) -> QuerySet[Service]:
        rows = Service.objects.prefetch_related("calls")
        if environment := parameter(request, "environment"):
            rows = rows.filter(environment=environment)
        return rows

    def shown(self, row: Service) -> dict[str, Any]:
        return service_json(row)


@extend_schema_view(
    get=extend_schema(operation_id="services_read", responses=answers.ServiceAnswer),
    put=extend_schema(
        operation_id="services_put",
        request=ServiceBody,
        responses={200: answers.ServiceAnswer, 201: answers.ServiceAnswer},
    ),
    delete=extend_schema(operation_id="services_delete", responses={204: None}),
)
class ServiceView(NamedView):
    scopes: ClassVar = NamedView.scopes

    def row(self, request: Request, name: str) -> Service:
        del request
        return Service.objects.get(name=name)

    def put_row(self, request: Request, name: str, body: dict[str, Any]) -> tuple[Service, bool]:
        del request
        values = parse_service(body)
        callees = {each.name: each for each in Service.objects.filter(name__in=values["calls"])}
        check_calls(calls := values.pop("calls"), name, callees)
        before = Service.objects.select_for_update().filter(name=name).first()
        if before is None or before.source != values["source"]:
            # Increments against counters of another source would be nonsense.
            values |= {"counters": {}, "due_at": database_now() if values["source"] else None}
        row, created = Service.objects.update_or_create(name=name, defaults=values)
        row.calls.set([callees[each] for each in calls])
        return row, created

    def shown(self, row: Service) -> dict[str, Any]:
        return service_json(row)

    def remove(self, row: Service) -> None:
        live = Placement.objects.filter(service=row.name).exclude(rollout__phase__in=FINAL_PHASES)
        if live.exists():
            detail = "A rollout is under way on this service: end it first."
            raise ProblemError(409, "in-use", detail)
        row.delete()
