"""Is everything that a submission names registered? Answers with the services, or CaseError."""

from collections.abc import Mapping, Sequence
from typing import Any

from attribution.errors import CaseError
from attribution.models import Guardrail, Service
from controlplane.submission import Submission
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
        problems = executor(name).validate(config)
    except LookupError as unknown:
        raise CaseError("unknown executor", str(unknown.args[0]), f"{at}/name") from None
    if problems:
        raise CaseError("bad executor", "; ".join(problems), f"{at}/config")
    return {"name": name, "config": config}


def check_guardrail_names(submission: Submission, services: Sequence[Service]) -> None:
    """Samples are kept by name: two meanings of one name on one service would be mixed."""
    taken = set(Guardrail.objects.filter(service__in=services).values_list("name", flat=True))
    for index, guardrail in enumerate(submission.guardrails):
        if guardrail["name"] in taken:
            detail = f"{guardrail['name']!r} is a guardrail of the service or of an open change"
            raise CaseError("name is taken", detail, f"/guardrails/{index}/name")
