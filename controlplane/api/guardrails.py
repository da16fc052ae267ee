from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request

from attribution.guardrails import parse_guardrail
from attribution.models import Guardrail, Service
from controlplane.api import answers
from controlplane.api.base import parameter
from controlplane.api.bodies import GuardrailBody
from controlplane.api.errors import ProblemError, invalid
from controlplane.api.named import NamedListView, NamedView

SERVICE = Parameter("service", description="Needed where two services have one of that name")


def guardrail_json(row: Guardrail) -> dict[str, Any]:
    return {**row.spec, "name": row.name, "service": row.service.name}


def standing(request: Request) -> QuerySet[Guardrail]:
    """Those of services; what a change brings along is shown with its rollout."""
    rows = Guardrail.objects.filter(change_id=None).select_related("service")
    if service := parameter(request, "service"):
        rows = rows.filter(service__name=service)
    return rows


@extend_schema_view(
    get=extend_schema(
        operation_id="guardrails_list",
        responses=answers.page(answers.GuardrailAnswer),
        parameters=[*answers.PAGE_PARAMETERS, Parameter("service")],
    )
)
class GuardrailsView(NamedListView):
    def rows(self, request: Request) -> QuerySet[Guardrail]:
        return standing(request)

    def shown(self, row: Guardrail) -> dict[str, Any]:
        return guardrail_json(row)


@extend_schema_view(
    get=extend_schema(
        operation_id="guardrails_read", responses=answers.GuardrailAnswer, parameters=[SERVICE]
    ),
    put=extend_schema(
        operation_id="guardrails_put",
        request=GuardrailBody,
        responses={200: answers.GuardrailAnswer, 201: answers.GuardrailAnswer},
    ),
    delete=extend_schema(
        operation_id="guardrails_delete", responses={204: None}, parameters=[SERVICE]
    ),
)
class GuardrailView(NamedView):
    def row(self, request: Request, name: str) -> Guardrail:
        rows = list(standing(request).filter(name=name)[:2])
        if len(rows) > 1:
            detail = f"Several services have a guardrail {name!r}: say which with ?service=."
            raise ProblemError(409, "ambiguous", detail)
        if not rows:
            raise Guardrail.DoesNotExist
        return rows[0]

    def put_row(self, request: Request, name: str, body: dict[str, Any]) -> tuple[Guardrail, bool]:
        del request
        spec = {key: value for key, value in body.items() if key != "service"} | {"name": name}
        parsed = parse_guardrail(spec, "")
        service = _service(body.get("service"))
        taken = Guardrail.objects.filter(service=service, name=name).exclude(change_id=None)
        if taken.exists():
            # Samples are kept by name: two meanings of one name would be mixed.
            raise ProblemError(409, "name-taken", "An open change has a guardrail of that name.")
        return Guardrail.objects.update_or_create(
            name=name, service=service, change_id=None, defaults={"spec": parsed}
        )

    def shown(self, row: Guardrail) -> dict[str, Any]:
        return guardrail_json(row)


def _service(name: Any) -> Service:
    if not isinstance(name, str) or not name:
        raise invalid("Name the service that it guards.", "/service")
    service = Service.objects.filter(name=name).first()
    if service is None:
        raise invalid(f"No service {name!r} is registered.", "/service")
    return service
