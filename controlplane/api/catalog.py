"""Services: what is changed, observed and blamed."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request

from attribution.clock import database_now
from attribution.destinations import is_allowed
from attribution.guardrails import check_matchers, parse_telemetry
from attribution.models import Service
from attribution.sources.base import source_named
from controlplane.api import answers
from controlplane.api.base import parameter
from controlplane.api.bodies import ServiceBody
from controlplane.api.errors import ProblemError, invalid
from controlplane.api.fields import validated
from controlplane.api.named import NamedListView, NamedView
from controlplane.registered import executor_problems
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
        given = validated(ServiceBody, body)
        calls = _callees(given["calls"], name)
        values = {
            key: given[key] for key in ("team", "environment", "tier", "control_level", "units")
        }
        values |= {
            "cohorts": _cohorts(given.get("cohorts")),
            "source": _source(given.get("source")),
            "executor": _executor(given.get("executor")),
            "telemetry": _telemetry(given["telemetry"]),
        }
        before = Service.objects.select_for_update().filter(name=name).first()
        if before is None or before.source != values["source"]:
            # Increments against counters of another source would be nonsense.
            values |= {"counters": {}, "due_at": database_now() if values["source"] else None}
        row, created = Service.objects.update_or_create(name=name, defaults=values)
        row.calls.set(calls)
        return row, created

    def shown(self, row: Service) -> dict[str, Any]:
        return service_json(row)

    def remove(self, row: Service) -> None:
        live = Placement.objects.filter(service=row.name).exclude(rollout__phase__in=FINAL_PHASES)
        if live.exists():
            detail = "A rollout is under way on this service: end it first."
            raise ProblemError(409, "in-use", detail)
        row.delete()


def _callees(names: list[str], own: str) -> list[Service]:
    known = {service.name: service for service in Service.objects.filter(name__in=names)}
    for index, name in enumerate(names):
        if name == own:
            raise invalid("A service does not call itself.", f"/calls/{index}")
        if name not in known:
            detail = f"No service {name!r} is registered: put callees first."
            raise invalid(detail, f"/calls/{index}")
    return [known[name] for name in names]


def _cohorts(given: dict[str, str] | None) -> dict[str, str]:
    if not given:
        return {}
    for side, matchers in given.items():
        check_matchers(matchers, f"/cohorts/{side}")
    if given["canary"].strip() == given["control"].strip():
        raise invalid("Canary and control are the same: no harm would show.", "/cohorts/control")
    return dict(given)


def _telemetry(given: list[Any]) -> list[dict[str, Any]]:
    found = [parse_telemetry(entry, f"/telemetry/{index}") for index, entry in enumerate(given)]
    seen: set[str] = set()
    for index, entry in enumerate(found):
        if entry["name"] in seen:
            raise invalid("Each metric once: samples are kept by name.", f"/telemetry/{index}/name")
        seen.add(entry["name"])
    return found


def _executor(given: dict[str, Any] | None) -> dict[str, Any]:
    if not given:
        return {}
    name, config = given["name"], dict(given["config"])
    if not isinstance(config.get("target", ""), str):
        raise invalid("A target is named by a text.", "/executor/config/target")
    try:
        problems = executor_problems(name, config, "/executor/config")
    except LookupError as unknown:
        raise invalid(str(unknown.args[0]), "/executor/name") from None
    if problems:
        raise invalid("; ".join(problems), "/executor/config")
    return {"name": name, "config": config}


def _source(given: dict[str, Any] | None) -> dict[str, Any]:
    """Valid to the source itself; and no address in it, wherever it stands, that the operator's
    file does not allow: a source by a third party may not look.
    """
    if not given:
        return {}
    config = dict(given["config"])
    source_named(given["name"]).validate(config, "/source/config")
    for address, at in _addresses(config, "/source/config"):
        if not is_allowed(address):
            detail = "The operator's file does not list this address in allowed_destinations."
            raise invalid(detail, at)
    return {"name": given["name"], "config": config}


def _addresses(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every text that an HTTP client would take for an address, with its JSON pointer."""
    if isinstance(value, str) and ":" in value and "/" in value:
        yield value, at
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _addresses(inner, f"{at}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _addresses(inner, f"{at}/{index}")
