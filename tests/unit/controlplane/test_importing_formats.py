"""Files of other tools, written after their public documentation → guardrails and notes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.guardrails import parse_guardrail
from attribution.judge import judge
from controlplane.importing.found import Asked
from controlplane.importing.reading import FORMATS, import_texts

ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: ClusterAnalysisTemplate
metadata:
  name: errors
spec:
  args:
  - name: service-name
  - name: reporter
    value: source
  metrics:
  - name: success
    interval: 1m
    successCondition: result[0] >= 0.99
    provider:
      prometheus:
        address: http://prometheus:9090
        query: |
          sum(rate(istio_requests_total{reporter="{{args.reporter}}",service=~"{{args.service-name}}",code!~"5.."}[2m]))
          /
          sum(rate(istio_requests_total{reporter="{{args.reporter}}",service=~"{{args.service-name}}"}[2m]))
  - name: job
    provider:
      job: {}
    colour: red
"""
FLAGGER = """\
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test}
spec:
  provider: linkerd
  targetRef: {kind: Deployment, name: podinfo}
  analysis:
    threshold: 5
    metrics:
    - name: request-success-rate
      thresholdRange: {min: 99}
    - name: queue
      templateRef: {name: queue}
      thresholdRange: {max: 10}
      interval: 30s
      templateVariables: {kind: mail}
    - name: lost
      templateRef: {name: nowhere}
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: queue}
spec:
  provider: {type: prometheus, address: http://prometheus:9090}
  query: |
    avg(queue{namespace="{{ namespace }}",deployment="{{ target }}",kind="{{ variables.kind }}"})
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: hits}
spec:
  provider: {type: datadog}
  query: avg:hits
"""
RULES = """\
groups:
- name: shop
  rules:
  - record: job:errors:rate
    expr: sum(rate(errors_total[5m]))
  - alert: Errors
    expr: sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 0.05
    for: 5m
    labels: {severity: page, service: cart}
  - alert: Traffic
    expr: sum(rate(requests_total[5m])) > 1000
    labels: {service: cart}
  - alert: Nobody
    expr: up == 0
"""
SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: web
  indicatorRef: ok
  timeWindow: [{duration: 1w}]
  objectives: [{target: 0.99}]
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: ok}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, spec: {query: 'sum(http_total{code="200"})'}}}
    total: {metricSource: {type: Prometheus, spec: {query: sum(http_total)}}}
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: slow}
spec:
  thresholdMetric: {metricSource: {type: Datadog, spec: {query: x}}}
"""


def imported(chosen, text, service="", **values):
    return import_texts(chosen, [("in.yaml", text)], Asked(service, values))


def told(found):
    return "\n".join(map(str, found.notes))


def test_argo__template__carries_the_metric_and_tells_the_rest_with_its_line():
    found = imported("argo", ARGO, "cart")
    (guardrail,) = found.guardrails

    assert guardrail["events"] == 'istio_requests_total{reporter="source",code=~"5..",$cohort}'
    assert (guardrail["service"], guardrail["critical"]) == ("cart", True)
    for line in (
        "in.yaml:12: spec.metrics.0.interval:",
        "in.yaml:13: spec.metrics.0.successCondition:",
        "in.yaml:16: spec.metrics.0.provider.prometheus.address:",
        "in.yaml:22: spec.metrics.1.provider: not carried over: provider job",
        "in.yaml:24: spec.metrics.1.colour: not known to this import",
    ):
        assert line in told(found)
    assert (found.metrics, len(found.guardrails)) == (2, 1)


def test_argo__args_that_are_told__are_filled_in():
    found = imported("argo", ARGO, "cart", **{"service-name": "till"})

    assert 'service=~"till"' in found.guardrails[0]["total"]


def test_flagger__canary__knows_its_target_and_the_templates_beside_it():
    found = imported("flagger", FLAGGER)
    rate, queue = found.guardrails

    assert rate["service"] == "podinfo"
    assert rate["events"] == (
        'response_total{namespace="test",direction="inbound",classification="failure",$cohort}'
    )
    assert queue["query"] == 'avg(queue{namespace="test",kind="mail",$cohort})'
    assert "the template 'nowhere' is in no file" in told(found)
    assert "provider datadog" in told(found)
    assert found.metrics == 4


def test_prometheus__rules__become_guardrails_of_the_service_of_their_label():
    found = imported("prometheus", RULES)
    (errors,) = found.guardrails

    assert (errors["name"], errors["service"], errors["critical"]) == ("Errors", "cart", True)
    assert errors["events"] == "errors_total{$cohort}"
    assert "in.yaml:4: groups.0.rules.0.record: a recording rule" in told(found)
    assert "in.yaml:8: groups.0.rules.1.for:" in told(found)
    assert "a sum grows with the cohort" in told(found)
    assert "in.yaml:13: groups.0.rules.3: not carried over: it does not say which service" in told(
        found
    )


def test_openslo__indicator__is_carried_and_the_objective_is_not():
    found = imported("openslo", SLO)
    (guardrail,) = found.guardrails

    assert (guardrail["name"], guardrail["service"]) == ("availability (failures)", "web")
    assert guardrail["events"] == 'http_total{code!="200",$cohort}'
    assert "objectives.0.target: a promise over weeks" in told(found)
    assert "metrics of datadog" in told(found)


CONFIG = {
    "name": "shop",
    "applications": ["cart"],
    "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {"tolerance": 0.1}},
    "metrics": [
        {
            "name": "latency",
            "query": {
                "type": "prometheus",
                "metricName": "latency_seconds",
                "labelBindings": ['pod=~"${scope}.*"', 'code="200"'],
            },
            "groups": ["speed"],
            "analysisConfigurations": {
                "canary": {
                    "direction": "increase",
                    "nanStrategy": "remove",
                    "critical": True,
                    "mustHaveData": True,
                    "effectSize": {"allowedIncrease": 1.2, "criticalIncrease": 2.0},
                }
            },
            "scopeName": "default",
        },
        {
            "name": "load",
            "query": {
                "type": "prometheus",
                "customInlineTemplate": "PromQL:avg(load{x='${scope}'})",
            },
            "groups": ["speed"],
            "analysisConfigurations": {"canary": {"direction": "either"}},
            "scopeName": "default",
        },
        {
            "name": "hits",
            "query": {"type": "stackdriver", "metricType": "x"},
            "groups": ["hits"],
            "analysisConfigurations": {"canary": {"direction": "decrease"}},
            "scopeName": "default",
        },
    ],
    "classifier": {
        "groupWeights": {"speed": 60, "hits": 40},
        "scoreThresholds": {"pass": 90, "marginal": 50},
    },
}


def test_kayenta__config__keeps_all_options_under_params_and_shares_the_weights():
    found = imported("kayenta", json.dumps(CONFIG, indent=1))
    latency, load = found.guardrails

    assert latency["query"] == 'avg(latency_seconds{code="200",$cohort})'
    assert load["query"] == "avg(load{$cohort})"
    assert (latency["margin"], latency["weight"], load["weight"]) == (0.2, 50.0, 50.0)
    assert latency["params"] == {
        "tolerance": 0.1,
        "nanStrategy": "remove",
        "mustHaveData": True,
        "effectSize": {"allowedIncrease": 1.2, "criticalIncrease": 2.0},
        "groups": ["speed"],
        "thresholds": {"pass": 90, "marginal": 50},
        "groupWeights": {"speed": 100.0},
    }
    assert "metrics.2.query.type: not carried over: metrics of stackdriver" in told(found)
    assert "classifier.groupWeights.hits: no metric of the group" in told(found)


def _kayenta(query, direction):
    metric = {
        "name": "metric",
        "query": {"type": "prometheus", "customInlineTemplate": f"PromQL:{query}"},
        "analysisConfigurations": {"canary": {"direction": direction}},
    }
    return json.dumps({"metrics": [metric], "classifier": {}})


SHARE = 'sum(rate(x_total{r="${scope}",code%s"5.."}[1m])) / sum(rate(x_total{r="${scope}"}[1m]))'


def test_kayenta__share_of_counts__is_a_ratio_that_a_rollout_can_be_judged_by():
    found = imported("kayenta", _kayenta(SHARE % "=~", "increase"), "cart")
    (guardrail,) = found.guardrails

    assert guardrail["kind"] == "ratio"
    assert guardrail["events"] == 'x_total{code=~"5..",$cohort}'
    assert guardrail["direction"] == "increase"


def test_kayenta__share_of_successes__stays_the_series_that_its_options_speak_of():
    found = imported("kayenta", _kayenta(SHARE % "!~", "decrease"), "cart")
    (guardrail,) = found.guardrails

    assert (guardrail["kind"], guardrail["direction"]) == ("value", "decrease")


def test_import__level__tells_that_most_rollouts_cannot_be_judged_by_it():
    found = imported("kayenta", _kayenta("avg(load{pod='${scope}'})", "increase"), "cart")

    assert "inconclusive" in told(found)


def _case(found, control, canary):
    wanted = ("name", "kind", "direction", "critical", "weight", "params")
    parsed = [
        parse_guardrail({k: v for k, v in each.items() if k != "service"}, "")
        for each in found.guardrails
    ]
    series = {"control": control, "canary": canary}
    metrics = [{k: each[k] for k in wanted if k in each} | series for each in parsed]
    return {"id": "x", "interval_s": 60, "method": "mann_whitney", "metrics": metrics}


@pytest.mark.parametrize(
    ("factor", "latency", "overall"),
    [
        (1.0, "Pass", "Pass"),
        (1.15, "Pass", "Marginal"),
        (1.5, "High", "Fail"),
        (3.0, "High", "Fail"),
    ],
)
def test_kayenta__imported__judges_by_its_own_options(factor, latency, overall):
    """A fifth more is allowed of the latency; of the load, in either direction, nothing is."""
    found = imported("kayenta", json.dumps(CONFIG))
    control = [10.0 + (7 * n % 11) / 10 for n in range(40)]
    answer = judge(_case(found, control, [each * factor for each in control]))

    assert answer["metrics"][0]["classification"] == latency
    assert answer["metrics"][0]["critical"] == (factor >= 2.0)
    assert answer["classification"] == overall
    assert answer["thresholds"] == {"pass": 90.0, "marginal": 50.0}


@pytest.mark.parametrize("chosen", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "[1, 2]",
        "a: &x [1]\nb: *x\n",
        "kind: Pod\n",
        '{"metrics": 5, "classifier": []}',
        '{"metrics": [null, 3, {"query": []}], "classifier": null}',
        '{"groups": [{"rules": [{"alert": 5}, null]}]}',
        "kind: AnalysisTemplate\nspec: {args: 3, metrics: [{provider: {prometheus: 3}}, x]}\n",
        "kind: Canary\nspec: {analysis: [], targetRef: x}\n",
        "kind: Canary\nspec: {analysis: {metrics: [{name: [], thresholdRange: 3}]}}\n",
        "kind: SLO\napiVersion: openslo/v1\nspec: {objectives: [{ratioMetrics: {good: 1}}]}\n",
        "kind: SLI\napiVersion: openslo/v1\nspec: {ratioMetric: {good: {}, total: []}}\n",
        "\x00",
    ],
)
def test_import__of_anything_else__is_a_note_and_never_a_crash(chosen, text):
    found = imported(chosen, text, "cart")

    assert not found.guardrails
    assert found.notes


KEYS = st.sampled_from(
    [
        *("kind", "apiVersion", "metadata", "name", "spec", "metrics", "provider", "prometheus"),
        *("query", "args", "value", "groups", "rules", "alert", "expr", "labels", "classifier"),
        *("groupWeights", "scoreThresholds", "analysisConfigurations", "canary", "effectSize"),
        *("type", "labelBindings", "analysis", "targetRef", "templateRef", "thresholdRange"),
        *("indicator", "objectives", "ratioMetric", "good", "total", "op", "sli", "measure"),
        *("allowedIncrease", "judge", "judgeConfigurations", "templates", "applications"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 500)
    | st.sampled_from(
        [
            *("prometheus", "SLO", "SLI", "Canary", "MetricTemplate", "AnalysisTemplate", "lt"),
            *("openslo/v1", "sum(rate(a_total[5m]))", "a > 1", "PromQL:a", "increase", "x"),
        ]
    )
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=200)
@given(document=st.dictionaries(KEYS, ANYTHING, max_size=8), chosen=st.sampled_from(FORMATS))
def test_import__of_any_document__ends_with_guardrails_that_are_valid(document, chosen):
    found = imported(chosen, json.dumps(document), "cart")

    for guardrail in found.guardrails:
        parse_guardrail({k: v for k, v in guardrail.items() if k != "service"}, "")
    assert len(found.guardrails) <= found.metrics


@pytest.mark.parametrize("chosen", FORMATS)
@given(holes=st.lists(ANYTHING, min_size=8, max_size=8))
@settings(max_examples=60)
def test_import__of_a_template_with_wrong_parts__never_crashes(chosen, holes):
    a, b, c, d, e, f, g, h = holes
    documents = {
        "argo": {
            "kind": "AnalysisTemplate",
            "spec": {
                "args": [{"name": a, "value": b}],
                "metrics": [
                    {"name": c, "successCondition": d, "provider": {"prometheus": {"query": e}}},
                    {"provider": f, "failureCondition": g},
                    h,
                ],
            },
        },
        "flagger": {
            "kind": "Canary",
            "metadata": a,
            "spec": {
                "targetRef": b,
                "provider": c,
                "analysis": {
                    "metrics": [
                        {"name": "request-duration", "thresholdRange": d, "interval": e},
                        {"name": f, "templateRef": g, "query": "a", "templateVariables": h},
                    ]
                },
            },
        },
        "kayenta": {
            "applications": a,
            "judge": b,
            "metrics": [
                {
                    "name": c,
                    "query": {"type": "prometheus", "metricName": "a", "labelBindings": d},
                    "groups": e,
                    "analysisConfigurations": {"canary": {"direction": f, "effectSize": g}},
                }
            ],
            "classifier": {"groupWeights": h, "scoreThresholds": a},
        },
        "prometheus": {"groups": [{"rules": [{"alert": a, "expr": "a > 1", "labels": b}, c]}, d]},
        "openslo": {
            "kind": "SLO",
            "apiVersion": "openslo/v1",
            "metadata": a,
            "spec": {
                "service": b,
                "objectives": [{"op": c}, d],
                "indicator": {"spec": {"ratioMetric": {"good": {"query": e}, "total": f}}},
                "timeWindow": g,
                h if isinstance(h, str) else "x": h,
            },
        },
    }
    imported(chosen, json.dumps(documents[chosen]), "cart")
