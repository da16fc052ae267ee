"""Argo Rollouts: `AnalysisTemplate` and `ClusterAnalysisTemplate`. PURE."""

from collections.abc import Mapping

from controlplane.importing.cohort import Cohorts
from controlplane.importing.conditions import Condition, condition
from controlplane.importing.found import Asked, Place, add
from controlplane.importing.queries import NotCarriedError, query_of

KINDS = ("AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun")
_NOT_A_COMPARISON = "canary and control are compared with each other, not with a number"
_STAGES = "how often and how long is looked is the judge's and the stages' business"
_OF_A_METRIC = {
    **dict.fromkeys(("interval", "count", "initialDelay", "consecutiveErrorLimit"), _STAGES),
    **dict.fromkeys(("failureLimit", "inconclusiveLimit", "maxFailures"), _STAGES),
    "consecutiveSuccessLimit": _STAGES,
}
_OF_A_SPEC = {
    "dryRun": "give such a guardrail a small weight, and not critical, by hand",
    "measurementRetention": "samples are kept by their own settings",
    "templates": "the templates that are named are imported by themselves",
}


def import_template(document: Place, asked: Asked) -> None:
    spec = document.at("/spec")
    spec.rest({"metrics", "args"}, _OF_A_SPEC)
    values = _values(spec) | dict(asked.values)
    for metric in spec.items("/metrics"):
        _metric(metric, asked, values)


def _values(spec: Place) -> dict[str, str]:
    found = {}
    for arg in spec.items("/args"):
        value = arg.mapping().get("value")
        if isinstance(value, str | int | float):
            found[arg.text("/name")] = str(value)
    return found


def _metric(metric: Place, asked: Asked, values: Mapping[str, str]) -> None:
    metric.found.metrics += 1
    metric.rest({"name", "provider", "successCondition", "failureCondition"}, _OF_A_METRIC)
    provider = metric.at("/provider")
    if "prometheus" not in provider.mapping():
        kinds = ", ".join(provider.mapping()) or "none"
        provider.note("", f"not carried over: provider {kinds}; only prometheus is read here")
        return
    provider.at("/prometheus").rest(
        {"query"}, {"address": "the server is the service's source, in the operator's file"}
    )
    told = _condition(metric)
    try:
        query = query_of(provider.text("/prometheus/query"), told.direction, Cohorts(values))
    except NotCarriedError as problem:
        provider.note("/prometheus/query", f"not carried over: {problem}")
        return
    name = metric.text("/name") or "metric"
    # One metric that fails aborts an analysis.
    add(metric, name, asked.service, query, {"critical": True})


def _condition(metric: Place) -> Condition:
    found = Condition(None)
    for key, good in (("failureCondition", False), ("successCondition", True)):
        text = metric.text(f"/{key}")
        if not text:
            continue
        told = condition(text, good=good)
        if told.direction is None:
            metric.note(f"/{key}", f"{text!r} says no direction: an increase is taken for harm")
        else:
            metric.note(f"/{key}", f"{text!r} gave the direction of harm; {_NOT_A_COMPARISON}")
            found = told
    return found
