"""Flags of a shop in flagd's format; each test changes one thing of `checkout`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.classify import classify
from controlplane.risk.flags.definition import flags_of
from controlplane.risk.flags.rules import moved

FLAG = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
}
STAFF = {"ends_with": [{"var": "email"}, "@shop.example"]}


def document(**flags):
    return {"flags": flags}


def split(on, by=None):
    parts = [["on", on], ["off", 100 - on]]
    return {"fractional": [*([by] if by else []), *parts]}


def found(before, after):
    """By id, severity of what the change of the flag `checkout` raises; None: no such flag."""
    documents = (
        document(**({} if flag is None else {"checkout": flag})) for flag in (before, after)
    )
    old, new = documents
    answer = classify({"kind": "feature_flag", "before": old, "artefact": new})
    return {signal["id"]: signal["severity"] for signal in answer["signals"]}


CASES = [
    (FLAG, {**FLAG, "targeting": split(5)}, {"exposure_step": "low"}),
    (FLAG, {**FLAG, "targeting": split(30)}, {"exposure_jump": "medium"}),
    (FLAG, {**FLAG, "targeting": split(80)}, {"exposure_jump": "high"}),
    ({**FLAG, "targeting": split(75)}, {**FLAG, "targeting": split(80)}, {"exposure_step": "low"}),
    ({**FLAG, "targeting": split(80)}, {**FLAG, "targeting": split(0)}, {"exposure_jump": "high"}),
    (FLAG, {**FLAG, "targeting": {"if": [STAFF, "on", None]}}, {}),
    (FLAG, {**FLAG, "targeting": {"if": [STAFF, "on"]}}, {}),
    (FLAG, {**FLAG, "targeting": {"if": [STAFF, "off", "on"]}}, {"exposure_jump": "high"}),
    (
        FLAG,
        {**FLAG, "defaultVariant": "on"},
        {"default_variant_changed": "medium", "exposure_jump": "high"},
    ),
    (FLAG, {**FLAG, "state": "DISABLED"}, {"flag_switched": "medium", "exposure_jump": "high"}),
    (FLAG, {**FLAG, "targeting": {"if": [STAFF, "maybe"]}}, {"unknown_variant": "high"}),
    (FLAG, {**FLAG, "variants": {"off": False}}, {"variant_removed": "medium"}),
    (FLAG, {**FLAG, "variants": {**FLAG["variants"], "blue": "b"}}, {"variant_type": "high"}),
    (FLAG, {**FLAG, "variants": {"on": "y", "off": "n"}}, {"variant_type": "high"}),
    (
        FLAG,
        {**FLAG, "targeting": {"if": [STAFF, "on", STAFF, "off"]}},
        {"overlapping_targeting": "medium"},
    ),
    (
        {**FLAG, "targeting": split(50)},
        {**FLAG, "targeting": split(50, {"var": "session"})},
        {"rebucketed": "medium"},
    ),
    (
        {**FLAG, "targeting": split(50)},
        {**FLAG, "targeting": {"fractional": [["on", 0], ["off", 0]]}},
        {"split_of_nothing": "high", "exposure_jump": "medium"},
    ),
    (
        FLAG,
        {**FLAG, "targeting": {"fractional": [["on", 1], ["off", 99.5]]}},
        {"split_not_a_hundred": "low", "exposure_step": "low"},
    ),
    (FLAG, {**FLAG, "targeting": {"magic": []}}, {"targeting_not_followed": "medium"}),
    (None, FLAG, {}),
    (FLAG, None, {"flag_removed": "medium"}),
    (FLAG, FLAG, {}),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_flag__one_thing_changed__raises_just_that(before, after, expected):
    assert found(before, after) == expected


@pytest.mark.parametrize(
    "wrong",
    [after for _, after, expected in CASES if after and "unknown_variant" in expected]
    + [{**FLAG, "variants": {"on": True, "off": "n"}}],
)
def test_flag__wrong_before_as_well__is_not_brought_in(wrong):
    assert not {"unknown_variant", "variant_type"} & found(wrong, {**wrong, "note": 1}).keys()


def test_flag__kill_switch_taken_out__is_high():
    before = {"flags": {"payment-kill-switch": FLAG}}
    answer = classify({"kind": "feature_flag", "before": before, "artefact": document()})
    assert [(s["id"], s["severity"]) for s in answer["signals"]] == [
        ("kill_switch_removed", "high")
    ]
    assert answer["signals"][0]["where"] == "/flags/payment-kill-switch"


def test_flags__a_dozen_at_once__is_told():
    old = document(**{f"f{i}": FLAG for i in range(12)})
    new = document(**{f"f{i}": {**FLAG, "targeting": split(1)} for i in range(12)})
    answer = classify({"kind": "feature_flag", "before": old, "artefact": new})
    assert "many_flags" in {signal["id"] for signal in answer["signals"]}


def test_flags__nobody_said_what_is_there__is_told():
    answer = classify({"kind": "feature_flag", "artefact": document(checkout=FLAG)})
    assert [signal["id"] for signal in answer["signals"]] == ["no_before"]


@pytest.mark.parametrize("write", [json.dumps, lambda value: f"\ufeff{json.dumps(value)}"])
def test_flags__as_text__are_read_like_the_object(write):
    old, new = document(checkout=FLAG), document(checkout={**FLAG, "defaultVariant": "on"})
    as_object = classify({"kind": "feature_flag", "before": old, "artefact": new})
    as_text = classify({"kind": "feature_flag", "before": write(old), "artefact": write(new)})
    assert as_text["signals"] == as_object["signals"]


HOSTILE = [
    "no flags",
    "[]",
    {"flags": []},
    {"flags": {"a": 1}},
    {"flags": {"a": {"variants": [1]}}},
    {"other": {}},
    '{"flags": ' * 5000,
    "\x00f\x00l",
    {"flags": {"a": {"defaultVariant": {"x": 1}}}},
]


@pytest.mark.parametrize("artefact", HOSTILE)
def test_flags__unreadable__is_unparsed_and_high(artefact):
    answer = classify({"kind": "feature_flag", "before": document(), "artefact": artefact})
    assert answer["signals"][0]["id"] == "unparsed"
    assert answer["level"] in ("high", "critical")


def test_flags__rules_nested_a_thousand_times__end():
    rule = "on"
    for _ in range(300):
        rule = {"if": [STAFF, "off", rule]}
    artefact = {"flags": {"checkout": {**FLAG, "targeting": rule}}}
    answer = classify({"kind": "feature_flag", "before": document(), "artefact": artefact})
    assert answer["signals"][0]["id"] == "unparsed"


weights = st.lists(
    st.tuples(st.sampled_from(["on", "off", "third"]), st.integers(0, 100)), min_size=1, max_size=5
)


@given(weights)
def test_split__any_weights__shares_add_up_to_one_or_nothing(parts):
    flag = {**FLAG, "targeting": {"fractional": [list(part) for part in parts]}}
    shares = flags_of(document(checkout=flag), "")["checkout"].everybody_else.shares
    assert sum(shares.values()) == pytest.approx(1.0 if sum(w for _, w in parts) else 0.0)
    assert moved(shares, shares) == 0
