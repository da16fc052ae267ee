"""Kayenta's canary config. PURE.

Its options go under `params` by Kayenta's names, all of them: with `method: mann_whitney` the
guardrails judge as Kayenta does. The margin is the effect size that it allows, for the sequential
judge, which leaves `params` alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attribution.guardrails import LEAST_WEIGHT
from attribution.kayenta.options import NESTED, OF_A_METRIC, SYNONYMS
from attribution.pointers import pointer_step
from controlplane.importing.cohort import Cohorts
from controlplane.importing.found import Asked, Place, add
from controlplane.importing.queries import NotCarriedError, query_of, value_of
from controlplane.importing.ratios import Query

CANARY = frozenset({"scope"})
_STANDARD_JUDGE = "NetflixACAJudge-v1.0"
_OF_A_CONFIG = {
    **dict.fromkeys(
        ("id", "name", "description", "configVersion", "createdTimestamp", "updatedTimestamp"),
        "describes the config, not what is measured",
    ),
    **dict.fromkeys(
        ("createdTimestampIso", "updatedTimestampIso", "isNew"),
        "describes the config, not what is measured",
    ),
    "applications": "the service is named by itself",
}
_QUERY = {
    *("type", "metricName", "labelBindings", "groupByFields", "customFilter"),
    *("customFilterTemplate", "customInlineTemplate", "serviceType"),
}
_OPTIONS = OF_A_METRIC | set(NESTED) | set(SYNONYMS)


def is_config(value: object) -> bool:
    return isinstance(value, dict) and "metrics" in value and "classifier" in value


def import_config(document: Place, asked: Asked) -> None:
    document.rest({"metrics", "classifier", "templates", "judge"}, _OF_A_CONFIG)
    document.at("/classifier").rest({"groupWeights", "scoreThresholds"}, {})
    if (judge := document.text("/judge/name")) not in ("", _STANDARD_JUDGE):
        document.note("/judge/name", f"{judge} is not known here: judged as {_STANDARD_JUDGE}")
    service = asked.service or _application(document)
    begin = len(document.found.guardrails)
    for metric in document.items("/metrics"):
        _metric(metric, document, service, asked)
    _weigh(document, document.found.guardrails[begin:])


def _application(document: Place) -> str:
    applications = document.mapping().get("applications")
    if not isinstance(applications, list) or len(applications) != 1:
        return ""
    return str(applications[0]) if applications[0] not in ("ad-hoc", "") else ""


def _metric(metric: Place, document: Place, service: str, asked: Asked) -> None:
    metric.found.metrics += 1
    metric.rest(
        {"name", "query", "groups", "analysisConfigurations", "scopeName"},
        {"id": "describes the config, not what is measured"},
    )
    canary = metric.at("/analysisConfigurations/canary")
    params = _params(metric, canary, document)
    direction = str(params.pop("direction", "either"))
    query = _query(metric.at("/query"), document, direction, asked)
    if query is None:
        return
    margins = _margins(canary, direction)
    more = {"critical": params.pop("critical", False), **margins, "params": params}
    add(metric, metric.text("/name"), service, query, more)


def _params(metric: Place, canary: Place, document: Place) -> dict[str, Any]:
    """All of Kayenta's options of one metric; weights of groups are added when they are known."""
    found: dict[str, Any] = {}
    for place in (document.at("/judge/judgeConfigurations"), canary):
        for key, value in place.mapping().items():
            if key in _OPTIONS:
                found[key] = value
            else:
                place.note(f"/{key}", "not carried over: no option of Kayenta's judge")
    groups = metric.mapping().get("groups")
    if groups:
        found["groups"] = groups
    thresholds = document.mapping("/classifier/scoreThresholds")
    if thresholds:
        found["thresholds"] = dict(thresholds)
    return found


def _margins(canary: Place, direction: str) -> dict[str, float]:
    """The relative harm that is allowed; a pass excludes twice of it."""
    size = canary.mapping("/effectSize")
    if size.get("measure", "meanRatio") != "meanRatio":
        canary.note("/effectSize/measure", "no ratio: kept under params, the margin is the usual")
        return {}
    told = {
        "increase": _above(size.get("allowedIncrease"), 1.0),
        "decrease": _above(size.get("allowedDecrease"), -1.0),
    }
    sides = told if direction == "either" else {direction: told.get(direction)}
    margins = [each for each in sides.values() if each is not None]
    if not margins:
        return {}
    margin = round(min(margins), 6)
    return {"margin": margin, "pass_margin": round(max(0.5, 2 * margin), 6)}


def _above(allowed: Any, sign: float) -> float | None:
    if isinstance(allowed, bool) or not isinstance(allowed, int | float):
        return None
    margin = sign * (float(allowed) - 1.0)
    return margin if margin > 0 else None


def _query(query: Place, document: Place, direction: str, asked: Asked) -> Query | None:
    kind = query.text("/type")
    if kind != "prometheus":
        query.note("/type", f"not carried over: metrics of {kind}; only prometheus is read here")
        return None
    query.rest(_QUERY, {"resourceType": "the labels are given by themselves"})
    text = _promql(query, document)
    try:
        level = value_of(text, direction, Cohorts(asked.values, CANARY))
        found = level and (_as_counts(text, direction, asked) or level)
        if found is None:
            query.note("", "a sum grows with the cohort: the series is another one than Kayenta's")
            found = query_of(text, "either", Cohorts(asked.values, CANARY))
    except NotCarriedError as problem:
        query.note("", f"not carried over: {problem}")
        return None
    return Query(found.kind, direction, found.queries, found.params, found.remarks)


def _as_counts(text: str, direction: str, asked: Asked) -> Query | None:
    """A share of events by its counts, which a rollout can be judged by without a past: Kayenta's
    series is their quotient. A share of successes is left: its options speak of that series.
    """
    try:
        found = query_of(text, direction, Cohorts(asked.values, CANARY))
    except NotCarriedError:
        return None
    return found if found.kind == "ratio" and found.direction == direction else None


def _promql(query: Place, document: Place) -> str:
    """As Kayenta writes it: the average of the series that a filter leaves."""
    inline = query.text("/customInlineTemplate")
    if inline:
        return inline.removeprefix("PromQL:")
    template = query.text("/customFilterTemplate")
    filters = [query.text("/customFilter") or document.text(f"/templates/{template}")]
    labels = query.mapping().get("labelBindings")
    filters += [str(each) for each in labels] if isinstance(labels, list) else []
    inside = ",".join(each for each in filters if each)
    groups = query.mapping().get("groupByFields")
    by = f" by ({', '.join(map(str, groups))})" if isinstance(groups, list) and groups else ""
    return f"avg({query.text('/metricName')}{{{inside}}}){by}"


def _weigh(document: Place, guardrails: Iterable[dict[str, Any]]) -> None:
    """A group's weight is shared by its metrics. What groups that are not left had goes to those
    that are: Kayenta's score would else never reach the thresholds.
    """
    given = document.mapping("/classifier/groupWeights")
    guardrails = list(guardrails)
    left = [_groups(each) for each in guardrails]
    known = {group: _weight(weight) for group, weight in given.items()}
    kept = {group: known[group] for group in known if any(group in some for some in left)}
    for group in known.keys() - kept.keys():
        why = "no metric of the group was carried over: its weight goes to the others"
        document.note(f"/classifier/groupWeights/{pointer_step(group)}", why)
    scale = sum(known.values()) / sum(kept.values()) if sum(kept.values()) else 0.0
    weights = {group: round(weight * scale, 6) for group, weight in kept.items()}
    for guardrail in guardrails if weights else ():
        guardrail["params"]["groupWeights"] = dict(weights)
        guardrail["weight"] = max(LEAST_WEIGHT, round(_share(guardrail, weights, left), 6))


def _weight(value: Any) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return float(value) if fits else 0.0


def _groups(guardrail: Mapping[str, Any]) -> list[str]:
    groups = guardrail["params"].get("groups", [])
    return [groups] if isinstance(groups, str) else list(groups)


def _share(
    guardrail: Mapping[str, Any], weights: Mapping[str, float], left: list[list[str]]
) -> float:
    shares = (
        weights[group] / sum(group in some for some in left)
        for group in _groups(guardrail)
        if group in weights
    )
    return sum(shares) or 1.0
