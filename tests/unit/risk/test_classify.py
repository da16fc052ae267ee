import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.errors import CaseError
from controlplane.risk.assess import assess
from controlplane.risk.classify import classify
from controlplane.risk.kinds import KINDS
from controlplane.risk.signals import SEVERITIES, Signal, rank
from controlplane.risk.surroundings import Surroundings

CONFIG, NOWHERE = KINDS["config"], Surroundings()
CLEAN = {"id": "a", "kind": "deploy", "artefact": "1.4.1", "before": "1.4.0"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
CONTEXT = dict.fromkeys(
    ("tier", "environment", "topology", "record", "policy", "service"), json_values
)
cases = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values,
        "kind": st.sampled_from([*KINDS, "nonsense", None, 7]),
        "artefact": json_values,
        "before": json_values,
        "path": st.sampled_from([None, "a.yaml", "a.json", "a.ini", "a.properties", "a.toml", 3]),
        "context": json_values | st.fixed_dictionaries({}, optional=CONTEXT),
    },
)
severities = st.sampled_from(SEVERITIES)
around = st.builds(
    Surroundings,
    tier=st.none() | st.integers(0, 3),
    environment=st.sampled_from([None, "production", "staging", "dev"]),
    dependents=st.none() | st.integers(0, 50),
    traffic=st.none() | st.floats(0, 1),
)


def signal(severity):
    return Signal("x", severity, "", "", "", "")


@given(cases)
@settings(max_examples=400)
def test_classify__any_json__answers_or_raises_case_error(case):
    with suppress(CaseError):
        found = classify(case)
        assert found["level"] in SEVERITIES
        assert 0 <= found["score"] <= 100
        assert all(0 <= found[name] <= 1 for name in ("reach", "hazard", "likelihood"))


@given(st.text(max_size=200), st.sampled_from(["", "a.yaml", "a.json", "a.ini", "a.toml"]))
def test_classify__any_text__answers(text, path):
    assert classify({"kind": "config", "artefact": text, "before": {}, "path": path})["level"]


@given(st.lists(severities, max_size=5), severities, around)
def test_assess__one_more_signal__never_lowers_level_or_score(present, added, surroundings):
    signals = [signal(severity) for severity in present]
    less = assess(signals, KINDS["deploy"], surroundings)
    more = assess([*signals, signal(added)], KINDS["deploy"], surroundings)
    assert rank(more.level) >= rank(less.level)
    assert more.score >= less.score - 1e-9


@given(st.lists(severities, min_size=1, max_size=5), around)
def test_assess__level__is_never_below_the_worst_signal(present, surroundings):
    found = assess([signal(one) for one in present], KINDS["config"], surroundings)
    assert rank(found.level) >= max(rank(one) for one in present)


def test_classify__answer__has_the_shape_of_the_contract():
    found = classify(CLEAN)
    assert found.keys() >= {
        "id", "kind", "level", "score", "reach", "hazard", "likelihood", "reversibility",
        "signals", "policy",
    }  # fmt: skip
    assert found["policy"].keys() >= {"source", "control_level", "approvals", "stages"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_classify__same_case__same_answer():
    case = {"kind": "config", "before": {"a": 1, "b": 2}, "artefact": {"c": 3}}
    assert classify(case) == classify(case)


def test_kinds__each__has_somebody_who_reads_its_artefact():
    assert all(kind.has_reader for kind in KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_classify__without_artefact__is_medium_at_least(kind):
    found = classify({"kind": kind})
    assert found["signals"][0]["id"] == "no_artefact"
    assert rank(found["level"]) >= rank("medium")


def test_classify__clean_release__is_low():
    assert classify(CLEAN)["level"] == "low"


def test_classify__most_important_service__is_raised():
    context = {"tier": 0, "topology": {"dependents": 12, "traffic_share": 0.5}}
    assert classify(CLEAN | {"context": context})["level"] == "medium"


def test_classify__unknown_surroundings__are_said_and_count_as_risk():
    known = {
        "tier": 3,
        "environment": "production",
        "topology": {"dependents": 0, "traffic_share": 0.0},
        "record": {"changes": 50, "failed": 0},
    }
    silent, told = classify(CLEAN), classify(CLEAN | {"context": known})
    assert silent["explanation"]["unknown"] == [
        "tier", "environment", "dependents", "traffic", "record",
    ]  # fmt: skip
    assert told["explanation"]["unknown"] == []
    assert silent["score"] > told["score"]


def test_classify__bad_record__raises_the_likelihood():
    def likelihood(failed):
        record = {"changes": 20, "failed": failed}
        return classify(CLEAN | {"context": {"record": record}})["likelihood"]

    assert likelihood(0) < likelihood(5) < likelihood(20)


def test_classify__callers_in_the_topology__count_transitively():
    services = [
        {"name": "web", "calls": ["cart"]},
        {"name": "cart", "calls": ["db"]},
        {"name": "db", "calls": []},
        {"name": "mail", "calls": []},
    ]
    reach = {
        name: classify(CLEAN | {"context": {"service": name, "topology": {"services": services}}})
        for name in ("web", "cart", "db")
    }
    assert reach["web"]["reach"] < reach["cart"]["reach"] < reach["db"]["reach"]


@pytest.mark.parametrize(
    ("case", "pointer"),
    [
        ({"kind": "deployment"}, "/kind"),
        ({}, "/kind"),
        ({"kind": "deploy", "artefact": 7}, "/artefact"),
        ({"kind": "deploy", "artefact": "1", "before": True}, "/before"),
        ({"kind": "deploy", "context": []}, "/context"),
        ({"kind": "deploy", "context": {"tier": 9}}, "/context/tier"),
        (
            {"kind": "deploy", "context": {"record": {"changes": 1, "failed": 2}}},
            "/context/record/failed",
        ),
        ({"kind": "deploy", "context": {"policy": [{"stages": []}]}}, "/context/policy/0/stages"),
    ],
)
def test_classify__bad_case__points_at_the_fault(case, pointer):
    with pytest.raises(CaseError) as caught:
        classify(case)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ({"artefact": {"image": "a:1"}}, "deploy"),
        ({"artefact": {"resource_changes": []}}, "terraform_plan"),
        ({"artefact": "select 1", "path": "db/1.sql"}, "sql_migration"),
        ({"artefact": "a: 1", "path": "app.yaml"}, "config"),
    ],
)
def test_classify__kind_left_out__is_told_from_the_artefact(case, kind):
    assert classify(case)["kind"] == kind


@pytest.mark.parametrize("count", [2, 50])
def test_assess__however_much_advice__weighs_as_two_pieces(count):
    advice = [Signal(f"advice_{i}", "low", "", "", "", "") for i in range(count)]
    assert assess(advice, CONFIG, NOWHERE) == assess(advice[:2], CONFIG, NOWHERE)


def test_assess__one_mistake_made_often__counts_once_and_as_its_worst():
    often = [Signal("same", severity, "", "", "", "") for severity in ("low", "high", "medium")]
    once = [Signal("same", "high", "", "", "", "")]
    assert assess(often, CONFIG, NOWHERE).score == assess(once, CONFIG, NOWHERE).score


def test_assess__a_further_grave_signal__raises_the_score():
    one, two = (Signal(name, "high", "", "", "", "") for name in ("a", "b"))
    assert assess([one, two], CONFIG, NOWHERE).score > assess([one], CONFIG, NOWHERE).score


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("config", "a: 1"),
        ("kubernetes_manifest", "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n"),
        ("network", "www: {type: A, value: 203.0.113.7}"),
    ],
)
def test_classify__emptied__is_read_as_taking_all_of_it_out(kind, before):
    answer = classify({"kind": kind, "before": before, "artefact": ""})
    assert "removed" in answer["signals"][0]["id"]
    assert answer["level"] != "low"
