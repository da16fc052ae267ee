"""Flagger: `MetricTemplate`, and the metrics of a `Canary`'s analysis. PURE.

A Canary names templates, which may stand in any of the files; a template that no Canary names is
imported by itself, with less known of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.importing.cohort import Cohorts
from controlplane.importing.found import Asked, Place, add
from controlplane.importing.queries import NotCarriedError, query_of

KINDS = ("MetricTemplate", "Canary")
CANARY = frozenset({"target", "service", "name"})
_STAGES = "stages, weights and their times are the plan's; a policy has them"
_OF_AN_ANALYSIS = {
    **dict.fromkeys(("interval", "threshold", "maxWeight", "stepWeight", "stepWeights"), _STAGES),
    **dict.fromkeys(
        ("iterations", "match", "mirror", "mirrorWeight", "canaryReadyThreshold"), _STAGES
    ),
    **dict.fromkeys(("primaryReadyThreshold", "stepWeightPromotion", "sessionAffinity"), _STAGES),
    "webhooks": "gates, load tests and notices have their own places (quality checks, endpoints)",
    "alerts": "who is told is said by the notification endpoints",
}
_PODS = r'pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"'
_ISTIO = (
    'reporter="destination",destination_workload_namespace=~"{{ namespace }}",'
    'destination_workload=~"{{ target }}"'
)
_LINKERD = 'namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"'
_NGINX = 'namespace="{{ namespace }}",ingress="{{ ingress }}",canary!=""'
# By the published documentation of Flagger's builtin checks: (success rate in %, duration).
_SHARE = "sum(rate({counter}{{{where},{good}}}[1m])) / sum(rate({counter}{{{where}}}[1m])) * 100"
_QUANTILE = "histogram_quantile(0.99, sum(rate({histogram}{{{where}}}[1m])) by (le))"
_MEAN = "sum(rate({name}_sum{{{where}}}[1m])) / sum(rate({name}_count{{{where}}}[1m]))"
_NGINX_LATENCY = "nginx_ingress_controller_ingress_upstream_latency_seconds"
_HTTP = "http_request_duration_seconds"
_BUILTIN = {
    "istio": (
        _SHARE.format(counter="istio_requests_total", where=_ISTIO, good='response_code!~"5.*"'),
        _QUANTILE.format(histogram="istio_request_duration_milliseconds_bucket", where=_ISTIO),
    ),
    "linkerd": (
        _SHARE.format(counter="response_total", where=_LINKERD, good='classification!="failure"'),
        _QUANTILE.format(histogram="response_latency_ms_bucket", where=_LINKERD),
    ),
    "nginx": (
        _SHARE.format(
            counter="nginx_ingress_controller_requests", where=_NGINX, good='status!~"5.*"'
        ),
        _MEAN.format(name=_NGINX_LATENCY, where=_NGINX),
    ),
    "kubernetes": (
        _SHARE.format(counter=f"{_HTTP}_count", where=_PODS, good='status!~"5.*"'),
        _QUANTILE.format(histogram=f"{_HTTP}_bucket", where=_PODS),
    ),
}
_NAMES = ("request-success-rate", "request-duration")
# As they were called before version 1.
_OLD_NAMES = {
    "istio_requests_total": _NAMES[0],
    "istio_request_duration_seconds_bucket": _NAMES[1],
}


def import_all(documents: Iterable[Place], asked: Asked) -> None:
    templates: dict[str, Place] = {}
    canaries = []
    for document in documents:
        if document.text("/kind") == "MetricTemplate":
            templates[document.text("/metadata/name")] = document
        else:
            canaries.append(document)
    named: set[str] = set()
    for canary in canaries:
        named |= _canary(canary, templates, asked)
    for name, template in templates.items():
        if name not in named:
            template.found.metrics += 1
            template.note("", "no Canary names it: an increase is taken for harm")
            _template(template, template, name, asked, {}, "increase")


def _canary(canary: Place, templates: Mapping[str, Place], asked: Asked) -> set[str]:
    analysis = canary.at(
        "/spec/analysis" if canary.mapping("/spec").get("analysis") else "/spec/canaryAnalysis"
    )
    analysis.rest({"metrics"}, _OF_AN_ANALYSIS)
    target = canary.text("/spec/targetRef/name")
    known = {
        "target": target,
        "name": canary.text("/metadata/name"),
        "namespace": canary.text("/metadata/namespace"),
        "ingress": canary.text("/spec/ingressRef/name"),
    }
    values = {name: value for name, value in known.items() if value} | dict(asked.values)
    asked = Asked(asked.service or target, values)
    if target and analysis.items("/metrics"):
        primary = f"the control is Flagger's primary, {target}-primary"
        canary.note("/spec/targetRef/name", f"for the service's cohorts: {primary}")
    named = set()
    for metric in analysis.items("/metrics"):
        named.add(_metric(metric, canary, templates, asked))
    return named


def _metric(metric: Place, canary: Place, templates: Mapping[str, Place], asked: Asked) -> str:
    """Answers with the name of the template."""
    metric.found.metrics += 1
    metric.rest(
        {"name", "templateRef", "thresholdRange", "interval", "templateVariables", "threshold"},
        {"query": "not carried over: give it as a MetricTemplate"},
    )
    name, reference = _named(metric), metric.text("/templateRef/name")
    values = dict(asked.values)
    if interval := metric.text("/interval"):
        values["interval"] = interval
    for key, value in metric.mapping("/templateVariables").items():
        values[f"variables.{key}"] = str(value)
    asked = Asked(asked.service, values)
    direction = _direction(metric)
    if reference in templates:
        _template(templates[reference], metric, name, asked, values, direction)
    elif name in _NAMES and not reference:
        _builtin(metric, canary, name, asked, direction)
    elif text := metric.text("/query"):
        _carry(metric, "/query", text, name, asked, direction)
    else:
        metric.note("", f"not carried over: the template {reference or name!r} is in no file")
    return reference


def _named(metric: Place) -> str:
    name = metric.text("/name")
    return _OLD_NAMES.get(name, name)


def _direction(metric: Place) -> str:
    limits = metric.mapping("/thresholdRange")
    if limits:
        why = "gave the direction of harm; canary and control are compared with each other"
        metric.note("/thresholdRange", why)
    if "threshold" in metric.mapping():
        metric.note("/threshold", "gave the direction of harm; the number was left out")
        return "decrease" if _named(metric) == _NAMES[0] else "increase"
    if "min" in limits and "max" in limits:
        return "either"
    return "decrease" if "min" in limits else "increase"


def _template(
    template: Place,
    metric: Place,
    name: str,
    asked: Asked,
    values: Mapping[str, str],
    direction: str,
) -> None:
    kind = template.text("/spec/provider/type")
    template.at("/spec/provider").rest(
        {"type"},
        {
            "address": "the server is the service's source, in the operator's file",
            "secretRef": "credentials are the operator's file's",
            "insecureSkipVerify": "certificates are checked; ca_file of the source says by whose",
        },
    )
    if kind != "prometheus":
        template.note(
            "/spec/provider/type",
            f"not carried over: provider {kind}; only prometheus is read here",
        )
        return
    known = Asked(asked.service, {**asked.values, **values})
    _carry(template, "/spec/query", template.text("/spec/query"), name, known, direction, metric)


def _builtin(metric: Place, canary: Place, name: str, asked: Asked, direction: str) -> None:
    provider = canary.text("/spec/provider").partition(":")[0] or "istio"
    if provider not in _BUILTIN:
        metric.note("/name", f"not carried over: the builtin check of {provider} is not known here")
        return
    if not canary.text("/spec/provider"):
        metric.note("/name", "no provider is told: the builtin check of istio was taken")
    text = _BUILTIN[provider][_NAMES.index(name)]
    _carry(metric, "", text, name, asked, direction)


def _carry(  # noqa: PLR0913, PLR0917 - where it stands, what it says, what it is for
    place: Place,
    pointer: str,
    text: str,
    name: str,
    asked: Asked,
    direction: str,
    metric: Place | None = None,
) -> None:
    cohorts = Cohorts(asked.values, CANARY)
    try:
        query = query_of(text, direction, cohorts)
    except NotCarriedError as problem:
        place.note(pointer, f"not carried over: {problem}")
        return
    more: dict[str, Any] = {"critical": True}
    add(metric or place, name, asked.service, query, more)
