"""A zone in octoDNS's format; each test changes one thing of it."""

import json

import pytest

from controlplane.risk.classify import classify

NS = {"type": "NS", "values": ["ns1.example.net.", "ns2.example.net."]}
WEB = {"type": "A", "ttl": 300, "value": "203.0.113.7"}
MAIL = {"type": "MX", "values": [{"exchange": "mx.example.net.", "preference": 10}]}
ZONE = {"": [NS, MAIL], "www": WEB}
LARGE = ZONE | {f"host{i}": {"type": "A", "value": f"203.0.113.{i}"} for i in range(20)}


def answer(before, after):
    return classify({"kind": "network", "before": before, "artefact": after})


def found(before, after):
    return {signal["id"]: signal["severity"] for signal in answer(before, after)["signals"]}


def with_hosts(zone, value, count):
    return zone | {f"host{i}": {"type": "A", "value": value} for i in range(count)}


CASES = [
    (ZONE, ZONE, {}),
    (ZONE, ZONE | {"new": WEB}, {}),
    (ZONE, ZONE | {"www": {**WEB, "ttl": 60}}, {}),
    (ZONE, ZONE | {"www": {**WEB, "value": "203.0.113.8"}}, {"record_redirected": "medium"}),
    (ZONE, ZONE | {"www": {**WEB, "values": ["203.0.113.7", "203.0.113.8"]}}, {}),
    (ZONE, {"": ZONE[""]}, {"record_removed": "medium"}),
    (ZONE, ZONE | {"": [NS]}, {"record_removed": "high"}),
    (
        ZONE,
        ZONE | {"": [{**NS, "values": ["ns.other.net."]}, MAIL]},
        {"root_ns_changed": "critical"},
    ),
    (ZONE, ZONE | {"": [MAIL]}, {"root_ns_changed": "critical"}),
    (ZONE, ZONE | {"*": WEB}, {"wildcard_added": "medium"}),
    (ZONE, ZONE | {"db": {**WEB, "value": "10.0.0.7"}}, {"private_address": "medium"}),
    (ZONE, ZONE | {"a": [WEB, {"type": "CNAME", "value": "x."}]}, {"cname_beside_others": "high"}),
    (ZONE, ZONE | {"s": {"type": "TXT", "value": "v=spf1 +all"}}, {"spf_allows_all": "high"}),
    (ZONE, ZONE | {"s": {"type": "TXT", "value": "v=spf1 mx -all"}}, {}),
    (
        ZONE | {"c": {"type": "CAA", "value": "0 issue x"}},
        ZONE,
        {"caa_lost": "medium", "record_removed": "medium"},
    ),
    (
        ZONE | {"www": {**WEB, "ttl": 86400}},
        ZONE | {"www": {**WEB, "ttl": 86400, "values": ["203.0.113.7", "203.0.113.9"]}},
        {"long_ttl_while_changing": "medium"},
    ),
    (LARGE, ZONE, {"zone_mostly_deleted": "high", "record_removed": "medium"}),
    (
        LARGE,
        with_hosts(LARGE, "203.0.113.99", 20),
        {"zone_mostly_updated": "high", "record_redirected": "medium"},
    ),
    (LARGE, with_hosts(LARGE, "203.0.113.99", 3), {"record_redirected": "medium"}),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_zone__one_thing_changed__raises_just_that(before, after, expected):
    assert found(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [c for c in CASES if "private_address" in c[2] or "spf_allows_all" in c[2]],
)
def test_zone__wrong_before_as_well__is_not_brought_in(before, after, expected):
    assert found(after, after | {"other": WEB}) == {}


def test_zone__emptied__is_critical():
    assert found(LARGE, {})["zone_mostly_deleted"] == "critical"


def test_zone__root_name_servers__no_policy_lets_it_below_critical():
    assert answer(ZONE, ZONE | {"": [MAIL]})["level"] == "critical"


def test_zone__yaml__is_read_like_the_object():
    text = """---
'':
  - type: NS
    values: [ns1.example.net., ns2.example.net.]
www:
  type: A
  value: 203.0.113.9
"""
    before = json.dumps({"": NS, "www": WEB})
    assert found(before, text) == {"record_redirected": "medium"}


def test_zone__nobody_said_what_is_there__is_told():
    assert found(None, ZONE) == {"no_before": "medium"}


HOSTILE = [
    "text",
    "[]",
    {"www": 1},
    {"www": {"type": 1}},
    {"www": {"type": "A", "ttl": "x"}},
    {"www": {"type": "A", "ttl": -1}},
    "{" * 9000,
    "\x00{",
    {"a": [[[]]]},
]


@pytest.mark.parametrize("artefact", HOSTILE)
def test_zone__unreadable__is_unparsed_and_high(artefact):
    seen = answer(ZONE, artefact)
    assert seen["signals"][0]["id"] == "unparsed"
    assert seen["level"] in ("high", "critical")
