"""Change + policy → one frozen RolloutSpec, and the hand-over of it to the floor below."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from attribution import settlings
from attribution.errors import CaseError
from attribution.models import Guardrail, Service
from controlplane.models import Change
from controlplane.registered import executor_of
from controlplane.risk.deploy import release_of
from controlplane.risk.kinds import kind_of
from controlplane.targets import each_target
from rollout import services as rollouts
from rollout.executors.base import executor
from rollout.models import Rollout
from rollout.settling import LAST_EXPOSURES, learned
from rollout.spec import RolloutSpec, StageSpec, TargetSpec

# Changes of these are changes of Graygate's own eyes (invariant 6).
OWN_EYES = ("graygate", "prometheus", "alertmanager", "victoriametrics", "thanos", "mimir")
# A plan of one's own may be faster than the policy's up to this level.
FREE_PLANS = ("low", "medium")
OBSERVED = "L0"
HANDED_OUT = (OBSERVED, "L1")

Guardrails = Mapping[str, Sequence[Mapping[str, Any]]]


def guardrails_of(services: Sequence[Service], own: Sequence[Mapping[str, Any]]) -> Guardrails:
    """The services' standing guardrails and the change's own, by service; each name once."""
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    for service in services:
        standing = Guardrail.objects.filter(service=service, change_id=None)
        specs = {spec["name"]: spec for spec in standing.values_list("spec", flat=True)}
        added = [spec for spec in own if spec["name"] not in specs]
        both = [*specs.values(), *_weighed(added, list(specs.values()))]
        found[service.name] = _settling(service, both)
    return found


def _settling(service: Service, given: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Where nobody says how long a canary takes to settle, earlier harmless ones do."""
    if all("settle_s" in spec for spec in given):
        return list(given)
    lately = settlings.last(service, LAST_EXPOSURES)
    taught = {name: learned(seconds) for name, seconds in lately.items()}
    return [
        {**spec, "settle_s": taught[spec["name"]], "settle_learned": True}
        if "settle_s" not in spec and taught.get(spec["name"])
        else spec
        for spec in given
    ]


def _weighed(
    own: Sequence[Mapping[str, Any]], standing: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Weight is a share of the verdict and of its evidence: all that a change brings itself
    weighs no more than what stands, else it could talk over the guardrails of the service.
    """
    most = sum(_weight(spec) for spec in standing)
    factor = min(1.0, most / sum(map(_weight, own))) if own and most > 0 else 1.0
    return [{**spec, "weight": _weight(spec) * factor} for spec in own]


def _weight(spec: Mapping[str, Any]) -> float:
    return float(spec.get("weight", 1.0))


def control_level(
    policy: Mapping[str, Any], change: Change, services: Sequence[Service], guardrails: Guardrails
) -> str:
    """The policy's, at most what the services are trusted with, at most L2 without eyes or on
    them.
    """
    # The names sort as the levels do.
    trusted = min(service.control_level for service in services)
    return min(trusted, policy_level(policy, change, guardrails))


def is_gated(policy: Mapping[str, Any], services: Sequence[Service]) -> bool:
    """As the strictest of its services is: one that is only observed, named beside another, opens
    none of the other's gates.
    """
    gated = any(service.control_level != OBSERVED for service in services)
    return gated and policy["control_level"] != OBSERVED


def policy_level(policy: Mapping[str, Any], change: Change, guardrails: Guardrails) -> str:
    """What it would be if every service were trusted with the highest."""
    level = str(policy["control_level"])
    return level if any(guardrails.values()) and not own_eyes(change) else min(level, "L2")


def own_eyes(change: Change) -> bool:
    names = {name.lower() for name in getattr(settings, "GRAYGATE_OWN_EYES", OWN_EYES)}
    return any(target["service"].lower() in names for target in change.targets)


def stages_of(change: Change, level: str, policy: Mapping[str, Any]) -> tuple[StageSpec, ...]:
    """The submitted plan where the policy lets it be. Raises CaseError."""
    wanted = change.plan.get("stages")
    if not wanted:
        return tuple(_stage(stage) for stage in policy["stages"])
    if level not in FREE_PLANS:
        _no_faster(wanted, policy["stages"], level)
    if len(policy["stages"]) == 1 and len(wanted) > 1 and not kind_of(change.kind).grayable:
        detail = f"{kind_of(change.kind).label} cannot be on for a share: one stage at 1"
        raise CaseError("not gray-able", detail, "/plan/stages")
    return tuple(_stage(stage) for stage in wanted)


def _no_faster(
    wanted: Sequence[Mapping[str, Any]], least: Sequence[Mapping[str, Any]], level: str
) -> None:
    rule = f"the policy for {level} risk"
    if len(wanted) < len(least):
        detail = f"{rule} asks for {len(least)} stages or more"
        raise CaseError("too few stages", detail, "/plan/stages")
    if wanted[0]["share"] > least[0]["share"]:
        detail = f"{rule} starts at {least[0]['share']:g} or less"
        raise CaseError("starts too high", detail, "/plan/stages/0/share")
    for index, stage in enumerate(wanted):
        # The bake that the policy asks for at the exposure reached here.
        bake = next(s["min_s"] for s in least if s["share"] >= stage["share"])
        if stage.get("min_s", bake) < bake:
            detail = f"{rule} bakes {bake:g} s or longer here"
            raise CaseError("bakes too short", detail, f"/plan/stages/{index}/min_s")


def _stage(stage: Mapping[str, Any]) -> StageSpec:
    """`pre_flight` is opened by the approvals before the start; it is not handed on."""
    least = float(stage.get("min_s", StageSpec.min_s))
    return StageSpec(
        share=stage["share"],
        min_s=least,
        max_s=float(stage.get("max_s", max(StageSpec.max_s, 4 * least))),
        min_samples=int(stage.get("min_samples", 0)),
    )


def spec_of(
    change: Change,
    services: Sequence[Service],
    guardrails: Guardrails,
    assessed: Mapping[str, Any],
) -> RolloutSpec:
    """`assessed`: `level`, `reversibility` and `policy` of the assessment. Raises CaseError."""
    policy = assessed["policy"]
    return frozen_spec(
        change,
        services,
        guardrails,
        assessed,
        control_level=control_level(policy, change, services, guardrails),
        stages=stages_of(change, assessed["level"], policy),
        targets=targets_of(change, services),
    )


def frozen_spec(  # noqa: PLR0913 - one spec's parts
    change: Change,
    services: Sequence[Service],
    guardrails: Guardrails,
    assessed: Mapping[str, Any],
    *,
    control_level: str,
    stages: tuple[StageSpec, ...],
    targets: tuple[TargetSpec, ...],
    would_level: str = "",
) -> RolloutSpec:
    """The named ones are others' where others carry it out."""
    policy = assessed["policy"]
    return RolloutSpec(
        change_id=str(change.id),
        title=change.title,
        kind=change.kind,
        artefact=artefact_name(change),
        environment=change.environment,
        team=", ".join(sorted({service.team for service in services})),
        level=assessed["level"],
        guardrails=guardrails,
        version=version_of(change.artefact),
        previous_version=version_of(change.before),
        on_inconclusive=change.plan.get("on_inconclusive") or policy["on_inconclusive"],
        reversible=kind_of(change.kind).reversible and assessed["reversibility"] != "irreversible",
        own_eyes=own_eyes(change),
        policy=policy["source"],
        control_level=control_level,
        stages=stages,
        targets=targets,
        would_level=would_level,
        **_timings(),
    )


def _timings() -> dict[str, float]:
    return {
        "interval_s": settings.GRAYGATE_INTERVAL_S,
        "alpha_halt": settings.GRAYGATE_ALPHA_HALT,
        "alpha_rollback": settings.GRAYGATE_ALPHA_ROLLBACK,
        "undo_s": settings.GRAYGATE_UNDO_S,
        "halt_patience_s": settings.GRAYGATE_HALT_PATIENCE_S,
        "rollback_timeout_s": settings.GRAYGATE_ROLLBACK_TIMEOUT_S,
    }


def targets_of(change: Change, services: Sequence[Service]) -> tuple[TargetSpec, ...]:
    by_name = {service.name: service for service in services}
    found: list[TargetSpec] = []
    for index, target in enumerate(change.targets):
        service = by_name[target["service"]]
        given = executor_of(change.executor, service)
        units = _units(target, service, given["name"], f"/targets/{index}/units")
        found += [
            TargetSpec(service.name, given["name"], config, units)
            for config in each_target(given["config"], "/executor/config")
        ]
    names = [str(target.config.get("target") or target.service) for target in found]
    if len(set(names)) != len(names):
        detail = "each service needs a target of its own; leave the executor to the services"
        raise CaseError("one target for several services", detail, "/executor/config/target")
    return tuple(found)


def _units(
    target: Mapping[str, Any], service: Service, executor_name: str, at: str
) -> tuple[str, ...]:
    if not executor(executor_name).exclusive:
        return tuple(target.get("units") or service.units)
    if target.get("units"):
        detail = f"a target of {executor_name} has one share, and knows no units"
        raise CaseError("no units here", detail, at)
    return ()


def artefact_name(change: Change) -> str:
    """What is replaced: versions of the same come one after the other."""
    targets = "+".join(sorted(target["service"] for target in change.targets))
    name = f"{targets}/{change.kind}/{change.source.get('path', 'main')}"
    if len(name) <= 200:
        return name
    return name[:150] + "#" + hashlib.sha256(name.encode()).hexdigest()[:32]


def version_of(artefact: Any) -> str:
    """The version it names itself, else a name by its content."""
    if not artefact:
        return ""
    release = release_of(artefact) if isinstance(artefact, Mapping) else None
    if release is None and isinstance(artefact, str):
        release = release_of(artefact)
    if release is not None and release.name:
        return release.name
    content = json.dumps(artefact, sort_keys=True).encode()
    return "sha256:" + hashlib.sha256(content).hexdigest()[:12]


def hand_over(change: Change) -> Rollout:
    """Raises CaseError when what the change names is no longer as it was at its submission."""
    services = services_of(change)
    guardrails = guardrails_of(services, own_guardrails(change))
    return rollouts.create(spec_of(change, services, guardrails, assessed(change)))


def services_of(change: Change) -> list[Service]:
    names = [target["service"] for target in change.targets]
    services = list(Service.objects.filter(name__in=names))
    if len(services) != len(names):
        raise CaseError("unknown service", "a service was removed since", "/targets")
    return services


def level_of(change: Change) -> str:
    """The control level that it has now. Raises CaseError as hand_over does."""
    services = services_of(change)
    guardrails = guardrails_of(services, own_guardrails(change))
    return control_level(assessed(change)["policy"], change, services, guardrails)


def is_gated_now(change: Change) -> bool:
    return is_gated(assessed(change)["policy"], services_of(change))


def own_guardrails(change: Change) -> list[Mapping[str, Any]]:
    rows = Guardrail.objects.filter(change_id=change.id).order_by("name")
    return list({row.name: row.spec for row in rows}.values())


def assessed(change: Change) -> dict[str, Any]:
    assessment = change.assessments.latest()
    return {
        "level": assessment.level,
        "reversibility": assessment.reversibility,
        "policy": assessment.policy,
    }
