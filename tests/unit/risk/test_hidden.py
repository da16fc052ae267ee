import json

import pytest

from controlplane.risk.hidden import HIDDEN, revealed

SECRET = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"host": "aHVudGVy"}}
YAML = """apiVersion: v1
kind: ConfigMap
data:
  host: db.internal
---
apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  host: hunter22
  text: |
    hunter22
"""
CHANGE = {
    "address": "x.y",
    "change": {
        "actions": ["update"],
        "before": {"user_data": "hunter22", "size": 1, "list": ["a", "hunter22"]},
        "before_sensitive": {"user_data": True, "list": [False, True]},
        "after": {"user_data": "hunter22", "size": 2},
        "after_sensitive": {"user_data": True},
    },
}
PLAN = {
    "resource_changes": [CHANGE],
    "variables": {"db": {"value": "hunter22"}},
    "planned_values": {
        "outputs": {"o": {"sensitive": True, "value": "hunter22"}},
        "root_module": {
            "resources": [
                {"values": {"content": "hunter22"}, "sensitive_values": {"content": True}}
            ]
        },
    },
}


@pytest.mark.parametrize(
    "document", [PLAN, json.dumps(PLAN), SECRET, YAML, [SECRET], {"items": [SECRET]}]
)
def test_revealed__sensitive_whatever_its_name__is_hidden(document):
    text = json.dumps(revealed(document))
    assert "hunter22" not in text
    assert "aHVudGVy" not in text
    assert HIDDEN in text


def test_revealed__plan__what_is_not_sensitive_stays():
    change = revealed(PLAN)["resource_changes"][0]["change"]
    assert change["before"] == {"user_data": HIDDEN, "size": 1, "list": ["a", HIDDEN]}
    assert change["after"]["size"] == 2
    assert revealed(PLAN)["variables"] == {"db": HIDDEN}


def test_revealed__manifests_beside_a_secret__stay():
    lines = revealed(YAML).splitlines()
    assert "  host: db.internal" in lines
    assert "kind: Secret" in lines
    assert "  name: db" in lines


def test_revealed__nothing_secret__is_the_same():
    document = {"a": [1, None, True, {"b": "c"}], "kind": "ConfigMap", "data": {"x": "y"}}
    assert revealed(document) == document
    assert revealed("a: b\nc") == "a: b\nc"
    assert revealed(None) is None


@pytest.mark.parametrize("end", ["-----END RSA PRIVATE KEY-----\nafter", "cut off"])
def test_revealed__private_key_in_a_text__is_hidden_and_lines_keep_their_numbers(end):
    text = f"before\n-----BEGIN RSA PRIVATE KEY-----\nhunter22\nhunter22\n{end}"
    seen = revealed(text)
    assert "hunter22" not in seen
    assert [n for n, line in enumerate(seen.splitlines()) if line == "after"] == [
        n for n, line in enumerate(text.splitlines()) if line == "after"
    ]
