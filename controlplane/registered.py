"""Is everything that a submission names registered? Answers with the services, or CaseError."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from attribution.errors import CaseError
from attribution.models import Guardrail, Service
from controlplane.submission import Submission
from controlplane.targets import each_target
from rollout.executors.base import executor


def services_of(submission: Submission) -> list[Service]:
    """In the order of the targets."""
    names = [target.service for target in submission.targets]
    known = {service.name: service for service in Service.objects.filter(name__in=names)}
    for index, target in enumerate(submission.targets):
        at = f"/targets/{index}"
        service = known.get(target.service)
        if service is None:
            raise CaseError(
                "unknown service", f"no service {target.service!r} is registered", f"{at}/service"
            )
        if service.environment != submission.environment:
            detail = f"{service.name} is in {service.environment!r}"
            raise CaseError("other environment", detail, "/environment")
        _check_units(target.units, service, f"{at}/units")
    return [known[name] for name in names]


def _check_units(units: Sequence[str] | None, service: Service, at: str) -> None:
    known = set(service.units)
    for index, unit in enumerate(units or ()):
        if unit not in known:
            detail = f"{service.name} has no unit {unit!r}"
            raise CaseError("unknown unit", detail, f"{at}/{index}")


def executor_of(given: Mapping[str, Any], service: Service) -> dict[str, Any]:
    """`{"name", "config"}`: the submission's own, else the service's. Validated, nothing sent."""
    chosen, at = (given, "/executor") if given else (service.executor, "/targets")
    if not chosen:
        detail = f"{service.name} has none of its own: name one"
        raise CaseError("no executor", detail, "/executor")
    name, config = str(chosen.get("name")), dict(chosen.get("config", {}))
    try:
        problems = executor_problems(name, config, f"{at}/config")
    except LookupError as unknown:
        raise CaseError("unknown executor", str(unknown.args[0]), f"{at}/name") from None
    if problems:
        raise CaseError("bad executor", "; ".join(problems), f"{at}/config")
    return {"name": name, "config": config}


def executor_problems(name: str, config: Mapping[str, Any], at: str) -> list[str]:
    """Of all targets. Raises CaseError for a bad list of them, LookupError for the name."""
    made = executor(name)
    return [problem for each in each_target(config, at) for problem in made.validate(each)]


MEASURED = ("source", "kind", "query", "events", "total")


def check_guardrail_names(submission: Submission, services: Sequence[Service]) -> None:
    """Samples are kept by name, so one name on one service has to measure one thing."""
    for index, wanted in enumerate(submission.guardrails):
        for service in services:
            _check_measured(wanted, service, f"/guardrails/{index}")
    taken = list(Guardrail.objects.filter(service__in=services).select_related("service"))
    for index, wanted in enumerate(submission.guardrails):
        for row in taken:
            if row.name == wanted["name"] and _differs(row, wanted):
                raise CaseError(
                    "name is taken",
                    f"{row.name!r} already stands for something else on {row.service.name}",
                    f"/guardrails/{index}/name",
                )


def _check_measured(wanted: Mapping[str, Any], service: Service, at: str) -> None:
    """A metric is read from the service's own source, and its name means one thing there."""
    source = service.source.get("name", wanted["source"])
    if wanted["source"] != source or source not in settings.GRAYGATE_SOURCES:
        detail = f"{service.name} is read from {source!r}"
        raise CaseError("other source", detail, f"{at}/source")
    for entry in service.telemetry:
        if entry.get("name") == wanted["name"] and any(
            entry.get(name) != wanted.get(name) for name in (*MEASURED, "peer")
        ):
            detail = f"{wanted['name']!r} already stands for something else on {service.name}"
            raise CaseError("name is taken", detail, f"{at}/name")


def _differs(row: Guardrail, wanted: Mapping[str, Any]) -> bool:
    """A change may share a metric with another change, not loosen a standing guardrail."""
    if row.change_id is None:
        return bool(row.spec != dict(wanted))
    return any(row.spec.get(name) != wanted.get(name) for name in MEASURED)
