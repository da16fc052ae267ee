"""Files that commands and settings read, without a database."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given

from attribution.discovery.calls import components
from controlplane.configuration.items import ConfigurationError, items_of, read_folder
from controlplane.environment import operator_file
from controlplane.importing.reading import FORMATS
from controlplane.management.commands.discover import _catalogue
from tests.hostile import FILES, refusal
from tests.memory import MOST_MB, peak_mb
from tests.unit.fuzzing.mutating import and_each_of_the_table, documents, drawn, texts

DRAFT = [{"level": "high", "approvals": 1, "stages": [{"share": 1.0, "min_s": 1}], "checks": ["a"]}]
ENDED = {"level": "high", "kind": "deploy", "tier": 1, "harmful": True}
OPERATOR = {
    "targets": {"edge": {"executor": "haproxy", "url": "http://127.0.0.1"}},
    "sources": {"prom": {"url": "http://127.0.0.1", "token_env": "T"}},
    "webhooks": [{"name": "w", "url": "http://127.0.0.1"}],
    "allowed_destinations": ["http://127.0.0.1:*"],
    "reviewer": {"url": "http://127.0.0.1", "model": "m"},
    "heartbeat": {"url": "http://127.0.0.1"},
    "identity_providers": [{"name": "g", "issuer": "https://i", "rules": [{"claims": {"a": "b"}}]}],
}
CATALOGUE = b"""apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: cart, annotations: {a: b}}
spec: {type: service, owner: group:shop, dependsOn: [component:pay], consumesApis: [x]}
"""
RULES = b"""groups:
- name: a
  interval: 30s
  rules:
  - alert: High
    expr: sum(rate(requests_total{code=~"5.."}[5m])) / sum(rate(requests_total[5m])) > 1
    for: 5m
    labels: {severity: page}
    annotations: {summary: x}
"""
ARGO = b"""apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: a}
spec:
  args: [{name: service, value: cart}]
  metrics:
  - name: success
    interval: 1m
    count: 5
    successCondition: result[0] >= 0.95
    failureLimit: 3
    provider:
      prometheus:
        address: http://p
        query: sum(rate(a{service="{{args.service}}"}[1m])) / sum(rate(b[1m]))
"""
FLAGGER = b"""apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: m}
spec: {provider: {type: prometheus, address: http://p}, query: "100 * sum(a) / sum(b)"}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: c}
spec:
  analysis:
    interval: 1m
    threshold: 5
    metrics: [{name: m, templateRef: {name: m}, thresholdRange: {max: 1}}]
"""
KAYENTA = json.dumps(
    {
        "name": "k",
        "metrics": [
            {
                "name": "m",
                "query": {
                    "type": "prometheus",
                    "metricName": "m",
                    "customInlineTemplate": "sum(a)",
                },
                "groups": ["g"],
                "analysisConfigurations": {"canary": {"direction": "increase", "critical": True}},
            }
        ],
        "classifier": {"groupWeights": {"g": 100}},
    }
).encode()
OPENSLO = b"""apiVersion: openslo/v1
kind: SLO
metadata: {name: s}
spec:
  service: cart
  indicator:
    metadata: {name: i}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: sum(rate(a[5m]))}}}
        total: {metricSource: {type: Prometheus, spec: {query: sum(rate(b[5m]))}}}
  objectives: [{target: 0.99}]
"""
IMPORTED = dict(zip(FORMATS, (ARGO, FLAGGER, KAYENTA, RULES, OPENSLO), strict=True))
APPLIED = b"""kind: Service
name: cart
team: shop
tier: 1
units: [u1, u2]
cohorts: {canary: 'track="canary"', control: 'track="old"'}
executor: {name: dryrun, config: {}}
---
kind: Guardrail
name: errors
service: cart
metric_kind: ratio
events: 'a{code=~"5..",$cohort}'
total: 'a{$cohort}'
direction: increase
"""


def refused_in_short(error):
    assert len(str(error)) < 100_000
    assert "Traceback" not in str(error)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("files") / "file.yaml"


def written(file, content):
    file.write_bytes(content)
    return str(file)


@drawn
@and_each_of_the_table()
@given(content=documents(DRAFT))
def test_policy_backtest__any_draft__is_replayed_or_refused(file, tmp_path_factory, content):
    history = file.with_suffix(".history")
    history.write_text(json.dumps(ENDED))
    try:
        call_command("policy_backtest", written(file, content), file=str(history))
    except CommandError as error:
        refused_in_short(error)


@drawn
@and_each_of_the_table()
@given(content=documents(ENDED))
def test_policy_backtest__any_history__is_replayed_or_refused(file, content):
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(DRAFT))
    try:
        call_command("policy_backtest", str(draft), file=written(file, content))
    except CommandError as error:
        refused_in_short(error)


@pytest.mark.parametrize("chosen", FORMATS)
@drawn
@and_each_of_the_table()
@given(content=texts(*IMPORTED.values()))
def test_import_guardrails__any_file__is_read_or_told(file, chosen, content):
    with suppress(SystemExit):
        try:
            call_command("import_guardrails", chosen, written(file, content), service="cart")
        except CommandError as error:
            refused_in_short(error)


@pytest.mark.parametrize("occupied", [b"\xff\xfe", None])
def test_import_guardrails__output_that_is_something_else__is_one_line(tmp_path, occupied):
    (tmp_path / "rules.yaml").write_bytes(RULES)
    out = tmp_path / "out"
    if occupied is None:
        out.write_text("a file")
    else:
        out.mkdir()
        (out / "cart-guardrails.yaml").write_bytes(occupied)
    with pytest.raises(CommandError):
        call_command(
            "import_guardrails", "prometheus", str(tmp_path / "rules.yaml"),
            service="cart", output=str(out),
        )  # fmt: skip
    if occupied is not None:
        assert (out / "cart-guardrails.yaml").read_bytes() == occupied


@drawn
@and_each_of_the_table()
@given(content=documents(OPERATOR))
def test_operator_file__anything__is_read_or_told(file, content):
    found = operator_file(written(file, content))

    assert len(found.error) < 2000
    assert isinstance(found.targets, dict)


@drawn
@and_each_of_the_table()
@given(content=texts(CATALOGUE))
def test_catalogue__anything__is_read_or_refused(file, content):
    try:
        list(components(_catalogue(Path(written(file, content)))))
    except CommandError as error:
        refused_in_short(error)


@drawn
@and_each_of_the_table()
@given(content=texts(APPLIED))
def test_apply__any_text__is_items_or_places(content):
    with suppress(ConfigurationError):
        items_of([("file", content.decode("utf-8", "replace"))])


LARGE = {
    **{name: content for name, content in FILES.items() if len(content) > 500_000},
    "lists_of_5_mb": b"[" + b"[]," * 1_600_000 + b"[]]",
    "anchors": b"".join(b"- &a%d [a]\n" % n for n in range(200_000)),
}


@pytest.mark.parametrize("name", LARGE)
def test_file__large__is_read_or_told_in_little_memory(file, name):
    path = written(file, LARGE[name])
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(DRAFT))

    def readers():
        refusal("policy_backtest", path, file=path)
        refusal("policy_backtest", str(draft), file=path)
        refusal("import_guardrails", "prometheus", path, service="cart")
        operator_file(path)
        with suppress(ConfigurationError):
            items_of(read_folder(Path(path)))
        with suppress(CommandError):
            list(components(_catalogue(Path(path))))

    assert peak_mb(readers) < MOST_MB


COMMANDS = {
    "classify": ("{}",),
    "judge": ("--batch={}",),
    "backtest": ("{}",),
    "policy_backtest": ("{}", "--file={}"),
    "import_guardrails": ("prometheus", "{}"),
    "discover": ("--prometheus=http://127.0.0.1:1", "--catalog={}"),
}


def folder(path):
    path.mkdir()


def loop(path):
    path.symlink_to(path)


def unnamable(path):
    return str(path) + "x" * 5000


@pytest.mark.parametrize("made", [folder, loop, unnamable, str])
@pytest.mark.parametrize("command", COMMANDS)
def test_file__that_is_none__is_one_line(tmp_path, command, made):
    path = made(tmp_path / "it") or str(tmp_path / "it")
    told = refusal(command, *(one.format(path) for one in COMMANDS[command]))

    assert "\n" not in told.strip()
    # A folder without files has no rules.
    assert told or (command, made) == ("import_guardrails", folder)


def test_pipe__that_nobody_writes_to__does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError):
        read_folder(tmp_path / "pipe")
