"""Prometheus alerting rules: rule files, and the `PrometheusRule` of its operator. PURE."""

from controlplane.importing.cohort import Cohorts
from controlplane.importing.found import Asked, Place, add
from controlplane.importing.queries import NotCarriedError, query_of

_SERVICE_LABELS = ("service", "service_name", "app", "application", "job")
_GRAVE = ("critical", "page", "high", "error")
_OF_A_RULE = {
    "for": "the judge says itself when the evidence suffices",
    "keep_firing_for": "the judge says itself when the evidence suffices",
    "annotations": "texts for people are written anew",
}


def is_rules(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return "groups" in value or value.get("kind") == "PrometheusRule"


def import_rules(document: Place, asked: Asked) -> None:
    at = "/spec/groups" if document.text("/kind") == "PrometheusRule" else "/groups"
    for group in document.items(at):
        group.rest({"name", "rules"}, {"interval": "each service is read once an interval"})
        for rule in group.items("/rules"):
            _rule(rule, asked)


def _rule(rule: Place, asked: Asked) -> None:
    if "alert" not in rule.mapping():
        rule.note("/record", "a recording rule: not carried over, and still read by its name")
        return
    rule.found.metrics += 1
    rule.rest({"alert", "expr", "labels"}, _OF_A_RULE)
    try:
        query = query_of(rule.text("/expr"), None, Cohorts(asked.values))
    except NotCarriedError as problem:
        rule.note("/expr", f"not carried over: {problem}")
        return
    labels = rule.mapping("/labels")
    service = asked.service or next(
        (str(labels[name]) for name in _SERVICE_LABELS if labels.get(name)), ""
    )
    critical = str(labels.get("severity", "")).lower() in _GRAVE
    add(rule, rule.text("/alert"), service, query, {"critical": critical})
