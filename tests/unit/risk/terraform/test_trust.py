"""Whether the plan says enough, and how far it reaches."""

import pytest

from controlplane.risk.classify import classify
from tests.unit.risk.terraform.plans import (
    classified,
    created,
    deleted,
    entry,
    signal,
    signals,
    updated,
)


def drifted(*drift):
    return signals(resource_drift=list(drift))


def test_drift__changed_by_hand__is_medium():
    found = signal(
        "drift", resource_drift=[updated("aws_security_group", {"name": "a"}, {"name": "b"})]
    )
    assert found["severity"] == "medium"
    assert "name" in found["summary"]


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        (deleted("aws_instance"), {"drift": "medium"}),
        (deleted("aws_db_instance"), {"drift": "high"}),
        (entry("aws_instance", "no-op", {"a": 1}, {"a": 1}, previous_address="aws_instance.o"), {}),
    ],
)
def test_drift__gone_or_moved__what_it_was_decides(drift, expected):
    assert drifted(drift) == expected


def test_unknown__risky_attribute_of_what_exists__is_medium():
    found = signals(
        updated("aws_s3_bucket_policy", {"policy": "{}"}, {}, after_unknown={"policy": True})
    )
    assert found == {"unknown_after_apply": "medium"}


@pytest.mark.parametrize(
    "harmless",
    [
        created("aws_s3_bucket_policy", {}, after_unknown={"policy": True}),
        updated("aws_instance", {"arn": "a"}, {}, after_unknown={"arn": True}),
    ],
)
def test_unknown__new_or_not_risky__raises_nothing(harmless):
    assert signals(harmless) == {}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"errored": True}, {"plan_errored": "high"}),
        ({"errored": False, "complete": True, "applyable": True}, {}),
        ({"complete": False}, {"plan_incomplete": "medium"}),
        ({"checks": [{"address": {"to_display": "check.c"}, "status": "fail"}]},
         {"check_failed": "high"}),
        ({"checks": [{"address": {"to_display": "check.c"}, "status": "pass"}]}, {}),
    ],
)  # fmt: skip
def test_plan__says_that_it_is_not_whole__is_told(more, expected):
    assert signals(**more) == expected


def test_plan__resources_but_no_changes__is_told():
    values = {"root_module": {"resources": [{"address": "a.b"}]}}
    found = classify({"kind": "terraform_plan", "artefact": {"planned_values": values}})
    assert [one["id"] for one in found["signals"]] == ["changes_missing"]


def fleet(kind, count, action=deleted, **more):
    return [action(kind, name=f"n{number}", **more) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "expected"), [(2, None), (3, "medium"), (9, "medium"), (10, "high")]
)
def test_blast_radius__instances_deleted__counts_ten_each(count, expected):
    assert signals(*fleet("aws_instance", count)).get("blast_radius") == expected


def test_blast_radius__same_plan_in_test__is_smaller():
    found = signals(*fleet("aws_instance", 10), context={"environment": "test"})
    assert "blast_radius" not in found


def test_blast_radius__wide_resource_among_others__weighs_ten_times():
    found = signal(
        "blast_radius", deleted("aws_autoscaling_group"), deleted("aws_iam_role_policy_attachment")
    )
    assert found["severity"] == "high"
    assert "2 to delete" in found["summary"]


def test_blast_radius__many_creations__stay_small():
    made = [created("aws_instance", {"ami": "a"}, name=f"n{number}") for number in range(100)]
    assert classified(*made)["level"] == "low"
