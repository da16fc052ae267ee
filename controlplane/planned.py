"""What each stage of a plan is able to see at the traffic of lately, told before it starts.

It warns and decides nothing: a plan that cannot pass is the operator's to change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.forecast import Forecast, Looks, of_plan, rules
from attribution.models import Service
from attribution.recent import Recent, recent
from attribution.stats.planning import Rule, Traffic
from controlplane import forecasts, handover
from controlplane.models import Change
from rollout.machine import ChangeState
from rollout.plan import unit_count
from rollout.spec import RolloutSpec, StageSpec

NOT_STARTED = frozenset({ChangeState.PENDING_APPROVAL, ChangeState.APPROVED, ChangeState.SCHEDULED})
BETA = 0.05  # the judge's own, where a case does not say


@dataclass(frozen=True)
class Guarded:
    """One guardrail of one service, by the name that the judge's case gives it."""

    name: str
    service: str
    spec: Mapping[str, Any]
    lately: Recent | None


@dataclass(frozen=True)
class Planned:
    """A stage, foretold. `pass_in_s`: from the begin of its bake; None: never, or not known."""

    number: int
    stage: StageSpec
    pass_in_s: float | None
    metrics: list[Forecast]


def of_spec(spec: RolloutSpec, now: datetime) -> list[Planned]:
    """One query a service."""
    guarded = list(_guarded(spec, now))
    return [_stage(spec, index, guarded) for index in range(len(spec.stages))] if guarded else []


def of_change(change: Change) -> list[dict[str, Any]] | None:
    """The stages that a change that has not started would be handed over with, as of now."""
    if change.state not in NOT_STARTED:
        return None
    assessed = handover.assessed(change)
    names = [target["service"] for target in change.targets]
    services = list(Service.objects.filter(name__in=names))
    guardrails = handover.guardrails_of(services, handover.own_guardrails(change))
    try:
        spec = handover.spec_of(change, services, guardrails, assessed)
    except (CaseError, KeyError):  # what it names has changed since; the hand-over says how
        return None
    if spec.control_level in handover.HANDED_OUT:
        return None
    return stages_json(spec, of_spec(spec, database_now()))


def stages_json(spec: RolloutSpec, planned: Sequence[Planned]) -> list[dict[str, Any]]:
    """The stages of a dry run, with `expected` where something guards them."""
    found = [asdict(stage) for stage in spec.stages]
    for stage, each in zip(found, planned, strict=False):
        told = forecasts.metrics_json(each.metrics)
        known = {metric.metric: metric for metric in each.metrics}
        for size in told["detects"]:
            size["smallest"] = forecasts.significant(known[size["metric"]].smallest)
        stage["expected"] = {"pass_in_s": forecasts.rounded(each.pass_in_s), **told}
    return found


def _guarded(spec: RolloutSpec, now: datetime) -> Iterator[Guarded]:
    watched = {service: given for service, given in spec.guardrails.items() if given}
    for service, guardrails in watched.items():
        lately = recent(service, guardrails, now)
        for each in guardrails:
            name = f"{service}/{each['name']}" if len(watched) > 1 else each["name"]
            yield Guarded(name, service, each, lately.get(each["name"]))


def _stage(spec: RolloutSpec, index: int, guarded: Sequence[Guarded]) -> Planned:
    stage, number = spec.stages[index], index + 1
    found = rules([each.spec for each in guarded], number, spec.alpha_halt, BETA)
    looks = Looks(spec.interval_s, forecasts.persistence(stage.share))
    metrics = [
        _metric(each, rule, _traffic(spec, index, each), looks, stage.max_s)
        for each, rule in zip(guarded, found, strict=True)
    ]
    times = [stage.min_s, _samples_s(stage, metrics), *(each.pass_in_s for each in metrics)]
    return Planned(number, stage, forecasts.all_of(times), metrics)


def _metric(
    guarded: Guarded, rule: Rule, traffic: Traffic | None, looks: Looks, max_s: float
) -> Forecast:
    spec = {**guarded.spec, "name": guarded.name}
    if traffic is None:
        unknown = "no_samples" if spec.get("kind", "ratio") == "ratio" else "not_foretold"
        return Forecast(guarded.name, rule.direction, unknown)
    return of_plan(spec, rule, traffic, looks, max_s)


def _traffic(spec: RolloutSpec, index: int, guarded: Guarded) -> Traffic | None:
    """Of an interval. At 100% the canary is compared with the control of the stage before."""
    if guarded.lately is None:
        return None
    shares = [0.0, *(_achieved(spec, guarded.service, stage.share) for stage in spec.stages)]
    before, share = shares[index], shares[index + 1]
    requests = guarded.lately.requests_per_s * spec.interval_s
    control = 1.0 - (before if share >= 1 else share)
    return Traffic(guarded.lately.base, control * requests, share * requests)


def _achieved(spec: RolloutSpec, service: str, share: float) -> float:
    """Units are whole: of 4, 5% is one."""
    units = next((len(each.units) for each in spec.targets if each.service == service), 0)
    return unit_count(share, units) / units if units else share


def _samples_s(stage: StageSpec, metrics: Sequence[Forecast]) -> float | None:
    slowest = min((m.requests_per_s for m in metrics if m.requests_per_s > 0), default=0.0)
    if not stage.min_samples:
        return 0.0
    return stage.min_samples / slowest if slowest > 0 else None


# --- warnings --------------------------------------------------------------------------------


def warnings(planned: Sequence[Planned]) -> list[str]:
    """One a metric and defect, of the first stage that has it; what is not known is no warning."""
    found: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for each in planned:
        for metric, defect, text in _defects(each):
            _, stages = found.setdefault((metric, defect), (text, []))
            stages.append(each.number)
    return [text + _also(stages[1:]) for text, stages in found.values()]


def _also(stages: Sequence[int]) -> str:
    return f"; the same in stage {', '.join(map(str, stages))}" if stages else ""


def _defects(planned: Planned) -> Iterator[tuple[str, str, str]]:
    """Metric, kind of defect, sentence."""
    most = planned.stage.max_s
    at = f"stage {planned.number} ({planned.stage.share:.3g} of the traffic)"
    wanted = planned.stage.min_samples
    samples = _samples_s(planned.stage, planned.metrics)
    if samples is not None and samples > most:
        yield (
            "",
            "samples",
            f"{at} ends after {most:g} s: {wanted} samples take {_about(samples)} s",
        )
    for metric in planned.metrics:
        if metric.sees is None:
            continue
        if too_slow := _cannot_pass(metric, most):
            yield metric.metric, "pass", f"{at} {too_slow}"
        if metric.seen_in_s is None or metric.seen_in_s > most:
            yield metric.metric, "see", f"{at} is unlikely to see within {most:g} s {_size(metric)}"


def _cannot_pass(metric: Forecast, most: float) -> str:
    if metric.why == "no_base":
        name = metric.metric
        return f"cannot pass: {name} had no bad event lately to compare with, and has no margin_abs"
    if metric.pass_in_s is None or metric.pass_in_s <= most:
        return ""
    traffic = f"{metric.requests_per_s:.3g} requests a second"
    return (
        f"is unlikely to pass within {most:g} s: to exclude {metric.metric} of "
        f"{_percent(metric.excludes)} at {traffic} takes about {_about(metric.pass_in_s)} s"
    )


def _size(metric: Forecast) -> str:
    times = f" (bad events ×{metric.factor:.3g})" if metric.factor else ""
    side = "less" if metric.direction == "decrease" else "more"
    least = "nothing" if metric.smallest is None else f"{_percent(metric.smallest)} or {side}"
    return f"{metric.metric} at {_percent(metric.sees)}{times}; it would see {least}"


def _percent(share: float | None) -> str:
    return "nothing" if share is None else f"{100 * share:.3g}%"


def _about(seconds: float) -> str:
    """Two digits: 25219 -> "25000"."""
    return f"{float(f'{seconds:.2g}'):.0f}"
