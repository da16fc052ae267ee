"""How a plan is read, whatever it holds."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.errors import CaseError
from controlplane.risk.classify import classify
from controlplane.risk.names import vocabulary
from controlplane.risk.signals import SEVERITIES
from tests.unit.risk.terraform.plans import (
    classified,
    created,
    deleted,
    entry,
    plan,
    signals,
    updated,
)


def classify_plan(artefact):
    return classify({"kind": "terraform_plan", "artefact": artefact})


def nested(levels):
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("version", ["0.1", "0.2", "1.0", "1.2", "9.9", None])
def test_plan__of_any_format_version__is_read(version):
    artefact = plan(deleted("aws_db_instance")) | {"format_version": version}
    assert classify_plan(artefact)["level"] == "critical"


@pytest.mark.parametrize("prefix", ["", "\ufeff", "\n  "])
def test_plan__as_text__is_read_like_the_object(prefix):
    artefact = plan(deleted("aws_db_instance"))
    assert classify_plan(prefix + json.dumps(artefact)) == classify_plan(artefact)


@pytest.mark.parametrize(
    "artefact",
    [
        {"format_version": "1.2", "planned_values": {"root_module": {}}},
        {"plan_format_version": "1.1", "resource_changes": []},
        plan(entry("aws_instance", "no-op", {"a": 1}, {"a": 1})),
        {"resource_changes": None, "output_changes": {}},
    ],
)
def test_plan__without_changes__is_low(artefact):
    found = classify_plan(artefact)
    assert (found["level"], found["signals"], found["reversibility"]) == ("low", [], "reversible")


@pytest.mark.parametrize(
    "artefact",
    [
        {"format_version": "1.0"},
        {"format_version": "1.0", "values": {"root_module": {"resources": []}}},
        {"version": 4, "terraform_version": "1.5.7", "lineage": "x", "resources": []},
    ],
)
def test_plan__is_a_state__is_said_and_medium(artefact):
    found = classify_plan(artefact)
    assert [one["id"] for one in found["signals"]] == ["state_not_plan"]
    assert found["level"] == "medium"


@pytest.mark.parametrize(
    "artefact",
    [
        "no json",
        "[]",
        "null",
        "[" * 100_000,
        json.dumps(plan()).encode("utf-16").decode("latin-1"),
        {"some": "thing"},
        {"resource_changes": "invalid"},
        {"resource_changes": {"a": 1}},
        plan(None),
        plan({"address": "a.b", "change": None}),
        plan(entry("aws_instance", "explode")),
        plan(created("aws_instance", nested(900))),
        plan(created("aws_instance", {f"k{number}": number for number in range(60_000)})),
    ],
)
def test_plan__cannot_be_read__is_unparsed_high_and_irreversible(artefact):
    found = classify_plan(artefact)
    assert [one["id"] for one in found["signals"]] == ["unparsed"]
    assert found["level"] in ("high", "critical")
    assert found["reversibility"] == "irreversible"


def test_plan__one_entry_cannot_be_read__the_others_are():
    deep = updated("aws_s3_bucket", nested(900), nested(901))
    found = classified(deep, None, deleted("aws_db_instance"))
    assert {one["id"] for one in found["signals"]} >= {"unparsed", "stateful_delete"}


def test_plan__too_deep_to_compare__what_it_destroys_is_told_all_the_same():
    found = signals(entry("aws_s3_bucket", ["delete", "create"], nested(900), nested(901)))
    assert found == {"stateful_replace": "critical", "unparsed": "high"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
resources = st.dictionaries(
    st.sampled_from(
        sorted(
            vocabulary(
                "ingress policy cidr_blocks tags acl password user_data from_port "
                "to_port settings rule versioning multi_az backup_retention_period role "
                "members permissions type"
            )
        )
    ),
    json_values
    | st.sampled_from(["0.0.0.0/0", ["::/0"], [{"cidr_blocks": ["0.0.0.0/0"]}], '{"Statement":1}']),
    max_size=6,
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "actions": json_values
        | st.sampled_from([["create"], ["update"], ["delete"], ["delete", "create"]]),
        "before": json_values | resources,
        "after": json_values | resources,
        "after_unknown": json_values,
        "after_sensitive": json_values,
        "replace_paths": json_values,
    },
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "address": json_values | st.just('module.a["b.c"].aws_instance.d[0]'),
        "type": json_values
        | st.sampled_from(
            sorted(
                vocabulary(
                    "aws_security_group aws_iam_policy google_project_iam_member "
                    "azurerm_role_definition kubernetes_cluster_role_binding aws_s3_bucket "
                    "aws_security_group_rule"
                )
            )
        ),
        "action_reason": json_values,
        "deposed": json_values,
        "change": json_values | changes,
    },
)
plans = st.fixed_dictionaries(
    {"format_version": st.just("1.2")},
    optional={
        "resource_changes": json_values | st.lists(entries, max_size=4),
        "resource_drift": json_values | st.lists(entries, max_size=4),
        "configuration": json_values
        | st.fixed_dictionaries({"root_module": json_values, "provider_config": json_values}),
        "output_changes": json_values | st.dictionaries(st.text(max_size=8), changes, max_size=3),
        "checks": json_values,
        "planned_values": json_values,
        "errored": json_values,
        "complete": json_values,
    },
)


@given(plans)
@settings(max_examples=400)
def test_plan__of_any_content__answers_with_a_level(artefact):
    with suppress(CaseError):
        assert classify_plan(artefact)["level"] in SEVERITIES


def test_plan__without_artefact__is_irreversible_until_told_otherwise():
    assert classify({"kind": "terraform_plan"})["reversibility"] == "irreversible"
