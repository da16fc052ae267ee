import json

import pytest

from tests.unit.risk.terraform.plans import classified, created, signal, signals, updated

TOKEN = "ghp_" + "a1B2" * 9
SECRET = "c0rrect-h0rse"

SHOWN = [
    ("aws_instance", {"user_data": f"export TOKEN={TOKEN}"}, "high"),
    ("aws_lambda_function", {"environment": [{"variables": {"URL": "postgres://u:pw1@db/x"}}]},
     "high"),
    ("aws_ssm_parameter", {"value": "-----BEGIN RSA PRIVATE KEY-----"}, "high"),
    ("aws_lambda_function", {"environment": [{"variables": {"DB_PASSWORD": SECRET}}]}, "medium"),
    ("google_sql_user", {"password": SECRET}, "medium"),
]  # fmt: skip

HIDDEN = [
    {"password": "REDACTED"},
    {"password": "********"},
    {"password": "${var.password}"},
    {"password": ""},
    {"http_tokens": "required"},
    {"access_token_validity": "minutes"},
    {"master_user_secret_kms_key_id": "arn:aws:kms:eu-west-1:1:key/2"},
    {"db_password": "arn:aws:secretsmanager:eu-west-1:1:secret:x"},
    {"secret_name": "shop-cart-9f"},
    {"password_length": "12345678"},
]


@pytest.mark.parametrize(("kind", "after", "severity"), SHOWN)
def test_plan__shows_a_secret__names_the_attribute_and_not_the_value(kind, after, severity):
    found = classified(created(kind, after))
    assert found["signals"][0]["id"] == "secret_in_plain_sight"
    assert found["signals"][0]["severity"] == severity
    text = json.dumps(found)
    assert not any(part in text for part in (SECRET, TOKEN, "pw1"))


@pytest.mark.parametrize("after", HIDDEN)
def test_plan__shows_no_secret__raises_nothing(after):
    assert signals(created("aws_thing", after)) == {}


def test_plan__secret_that_the_provider_marks_as_sensitive__is_not_in_plain_sight():
    made = created("aws_db_instance", {"password": SECRET}, after_sensitive={"password": True})
    assert signals(made) == {}


def test_plan__secret_that_was_shown_before__is_not_blamed_on_another_edit():
    before = {"password": SECRET, "tags": {}}
    assert signals(updated("google_sql_user", before, before | {"tags": {"a": "b"}})) == {}


def code(expressions, *, module=False):
    root = {"resources": [{"address": "aws_db_instance.this", "expressions": expressions}]}
    return {"root_module": {"module_calls": {"db": {"module": root}}} if module else root}


@pytest.mark.parametrize("module", [False, True])
def test_plan__sensitive_value_written_as_a_constant__is_a_secret_in_code(module):
    address = 'module.db["a"].aws_db_instance.this[0]' if module else "aws_db_instance.this"
    made = created(
        "aws_db_instance", {"password": SECRET}, after_sensitive={"password": True}, address=address
    )
    found = signals(
        made, configuration=code({"password": {"constant_value": SECRET}}, module=module)
    )
    assert found == {"secret_in_code": "high"}


def test_plan__sensitive_value_from_a_variable__is_fine():
    made = created("aws_db_instance", {"password": SECRET}, after_sensitive={"password": True})
    assert signals(made, configuration=code({"password": {"references": ["var.p"]}})) == {}


def test_plan__constant_that_this_change_does_not_set__is_not_blamed_on_it():
    before = {"password": SECRET, "tags": {}}
    other = updated(
        "aws_db_instance", before, before | {"tags": {"a": "b"}}, after_sensitive={"password": True}
    )
    assert signals(other, configuration=code({"password": {"constant_value": SECRET}})) == {}


def test_plan__login_of_the_provider_in_code__is_told_once():
    expressions = {"access_key": {"constant_value": "AK"}, "secret_key": {"constant_value": SECRET}}
    provider = {"provider_config": {"aws": {"name": "aws", "expressions": expressions}}}
    found = signal("secret_in_code", configuration=provider)
    assert found["severity"] == "medium"
    assert "checkov:CKV_AWS_41" in found["aliases"]
    assert SECRET not in json.dumps(found)


@pytest.mark.parametrize(("sensitive", "expected"), [(False, {"secret_in_output": "medium"}),
                                                     (True, {})])  # fmt: skip
def test_plan__output_that_shows_a_secret__unless_marked(sensitive, expected):
    change = {"actions": ["create"], "before": None, "after": SECRET, "after_sensitive": sensitive}
    assert signals(output_changes={"db_password": change}) == expected


def test_plan__without_secrets__its_outputs_raise_nothing():
    change = {
        "actions": ["create"],
        "before": None,
        "after": "https://shop",
        "after_sensitive": False,
    }
    assert signals(output_changes={"url": change}) == {}
