"""OpenSLO: the indicators of `SLO` and `SLI` (v1, v1alpha, v2alpha). PURE.

An objective is a promise over weeks; a rollout is judged in minutes. So the indicator is carried
over, and the objective is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from controlplane.importing.cohort import Cohorts
from controlplane.importing.found import Asked, Place, add
from controlplane.importing.promql import PromQLError, parse
from controlplane.importing.queries import NotCarriedError, query_of
from controlplane.importing.ratios import counter_of
from controlplane.importing.tree import Aggregate, Node, Selector, bare, mapped

KINDS = ("SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition")
_PROMISE = "a promise over weeks: a rollout is judged on its own"
_OF_A_SLO = {
    **dict.fromkeys(("timeWindow", "timeWindows", "budgetingMethod"), _PROMISE),
    "alertPolicies": "alerts come from the alerting rules",
    "description": "texts for people are written anew",
}
_HARM = {"lt": "increase", "lte": "increase", "gt": "decrease", "gte": "decrease"}


def import_all(documents: Iterable[Place], asked: Asked) -> None:
    indicators: dict[str, Place] = {}
    objectives = []
    for document in documents:
        kind = document.text("/kind")
        if kind == "SLI":
            indicators[document.text("/metadata/name")] = document.at("/spec")
        elif kind == "SLO":
            objectives.append(document)
        else:
            document.note("/kind", f"{kind} is not carried over: it holds no metric")
    named = {_objective(one, indicators, asked) for one in objectives}
    for name, indicator in indicators.items():
        if name not in named:
            indicator.found.metrics += 1
            _indicator(indicator, name, asked.service, "", asked)


def _objective(slo: Place, indicators: Mapping[str, Place], asked: Asked) -> str:
    """Answers with the name of the indicator that it refers to."""
    spec = slo.at("/spec")
    spec.rest({"service", "indicator", "indicatorRef", "sli", "sliRef", "objectives"}, _OF_A_SLO)
    service = asked.service or spec.text("/service")
    name, reference = slo.text("/metadata/name"), spec.text("/indicatorRef") or spec.text("/sliRef")
    op = ""
    for objective in spec.items("/objectives"):
        op = op or objective.text("/op")
        objective.rest(
            {"op", "ratioMetrics", "displayName"},
            dict.fromkeys(
                (
                    "target",
                    "targetPercent",
                    "timeSliceTarget",
                    "timeSliceWindow",
                    "value",
                    "compositeWeight",
                ),
                _PROMISE,
            ),
        )
        if "ratioMetrics" in objective.mapping():
            slo.found.metrics += 1
            _ratio(objective.at("/ratioMetrics"), name, service, asked)
            return reference
    slo.found.metrics += 1
    if reference:
        if reference not in indicators:
            spec.note("/indicatorRef", f"not carried over: the SLI {reference!r} is in no file")
        else:
            _indicator(indicators[reference], name, service, op, asked)
    elif key := next((each for each in ("/indicator", "/sli") if spec.mapping(each)), ""):
        inline = spec.at(key)
        inside = inline.at("/spec") if "spec" in inline.mapping() else inline
        _indicator(inside, name, service, op, asked)
    else:
        spec.note("", "not carried over: there is no indicator")
    return reference


def _indicator(indicator: Place, name: str, service: str, op: str, asked: Asked) -> None:
    metrics = indicator.mapping()
    if "ratioMetric" in metrics:
        _ratio(indicator.at("/ratioMetric"), name, service, asked)
    elif "thresholdMetric" in metrics:
        _threshold(indicator.at("/thresholdMetric"), name, service, op, asked)
    else:
        indicator.note("", "not carried over: neither a ratioMetric nor a thresholdMetric")


def _source(metric: Place) -> str | None:
    """The PromQL; None where it is something else, and that is told."""
    inside = metric.mapping("/metricSource")
    kind = str(inside.get("type") or metric.mapping().get("source") or "").lower()
    spec = metric.mapping("/metricSource/spec") or metric.mapping("/spec")
    query = spec.get("query") or spec.get("queries") or metric.mapping().get("query")
    if kind and kind != "prometheus":
        metric.note("", f"not carried over: metrics of {kind}; only Prometheus is read here")
        return None
    if not isinstance(query, str):
        metric.note("", "not carried over: there is no query as a text")
        return None
    if not kind:
        metric.note("", "no type of source is told: the query is taken for PromQL")
    return query


def _threshold(metric: Place, name: str, service: str, op: str, asked: Asked) -> None:
    text = _source(metric)
    if text is None:
        return
    direction = _HARM.get(op)
    if direction is None:
        metric.note("", "no op says which side is good: an increase is taken for harm")
    _carry(metric, text, direction or "increase", name, service, asked)


def _ratio(metric: Place, name: str, service: str, asked: Asked) -> None:
    given = metric.mapping()
    metric.rest(
        {"good", "bad", "total", "raw", "counter", "rawType", "incremental"},
        {},
    )
    if "raw" in given:
        _raw(metric, name, service, asked)
        return
    part = "bad" if "bad" in given else "good"
    if part not in given or "total" not in given:
        metric.note("", "not carried over: good or bad, and total, are wanted")
        return
    if given.get("good") and given.get("bad"):
        metric.note("/good", "bad and total say the same")
    some, total = _source(metric.at(f"/{part}")), _source(metric.at("/total"))
    if some is None or total is None:
        return
    direction = "increase" if part == "bad" else "decrease"
    try:
        sides = [some, total] if given.get("counter") is False else map(_counting, (some, total))
        quotient = " / ".join(f"({side})" for side in sides)
    except PromQLError as problem:
        metric.note("", f"not carried over: the query cannot be read: {problem}")
        return
    _carry(metric, quotient, direction, name, service, asked)


def _raw(metric: Place, name: str, service: str, asked: Asked) -> None:
    """A finished share: no counts, so a value."""
    text = _source(metric.at("/raw"))
    if text is not None:
        failing = metric.text("/rawType") == "failure"
        _carry(metric, text, "increase" if failing else "decrease", name, service, asked)


def _counting(text: str) -> str:
    """A counter that is only added up, as the rate of it."""

    def change(node: Node) -> Node:
        return replace(node, window="[5m]") if isinstance(node, Selector) else node

    tree = bare(parse(text))
    inner = bare(tree.args[0]) if isinstance(tree, Aggregate) and tree.args else tree
    if isinstance(inner, Selector) and not inner.window and counter_of(tree) is None:
        return f"sum(rate({mapped(inner, change)}))"
    return text


def _carry(metric: Place, text: str, direction: str, name: str, service: str, asked: Asked) -> None:
    try:
        query = query_of(text, direction, Cohorts(asked.values))
    except NotCarriedError as problem:
        metric.note("", f"not carried over: {problem}")
        return
    add(metric, name, service, query, {})
