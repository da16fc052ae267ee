"""A small feed's policy; each test changes one thing of it."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.classify import classify
from controlplane.risk.content_policy.numbers import jump

POLICY = {
    "ranking": {"weights": {"relevance": 0.5, "recency": 0.3, "friends": 0.2}},
    "demotions": {"spam_weight": -4, "ads_penalty": 2},
    "thresholds": {"spam": 0.8, "quality": 0.4, "integrity": 0.5},
    "limits": {"min_age_for_adult": 18, "hate_sensitivity": 0.7},
    "rules": [
        {"id": "r1", "category": "self-harm", "action": "remove", "enabled": True},
        {"id": "minors_contact", "action": "block", "enabled": True},
        {"id": "clickbait", "action": "demote", "enabled": True},
        {"id": "hate_speech", "action": "remove", "blocked_terms": ["a", "b"], "disabled": False},
    ],
    "audience": {"share": 0.05},
}


def answer(before, after, **more):
    return classify({"kind": "content_policy", "before": before, "artefact": after, **more})


def found(before, after, **more):
    signals = answer(before, after, **more)["signals"]
    return {signal["id"]: signal["severity"] for signal in signals}


def changed(path, value):
    policy = copy.deepcopy(POLICY)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = policy
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return policy


CASES = [
    ("ranking.weights", {"relevance": 0.48, "recency": 0.32, "friends": 0.2}, {}),
    (
        "ranking.weights",
        {"relevance": 0.4, "recency": 0.4, "friends": 0.2},
        {"weight_jump": "low"},
    ),
    (
        "ranking.weights.relevance",
        0.8,
        {"weight_jump": "medium", "weights_sum_changed": "medium"},
    ),
    ("ranking.weights.friends", 2, {"weight_jump": "high", "weights_sum_changed": "medium"}),
    ("ranking.weights.friends", None, {"weight_jump": "high", "weights_sum_changed": "medium"}),
    ("demotions.spam_weight", -2, {"safety_weight_lowered": "high"}),
    ("demotions.spam_weight", -4.1, {}),
    ("demotions.ads_penalty", -2, {"weight_jump": "high"}),
    ("thresholds.spam", 0.85, {"safety_threshold_loosened": "high"}),
    ("thresholds.spam", None, {"safety_threshold_loosened": "high"}),
    ("thresholds.spam", 0.78, {}),
    ("thresholds.spam", 0.3, {"threshold_jump": "medium"}),
    ("thresholds.quality", 0.42, {}),
    ("thresholds.quality", 0.9, {"threshold_jump": "high"}),
    ("thresholds.integrity", 0.6, {"safety_threshold_changed": "medium"}),
    ("limits.min_age_for_adult", 16, {"safety_threshold_loosened": "high"}),
    ("limits.hate_sensitivity", 0.6, {"safety_threshold_loosened": "high"}),
    ("limits.hate_sensitivity", 0.8, {}),
    ("rules.0", None, {"rule_removed": "high"}),
    ("rules.1", None, {"rule_removed": "critical"}),
    ("rules.2", None, {"rule_removed": "medium"}),
    ("rules.1.enabled", False, {"rule_disabled": "critical"}),
    ("rules.2.enabled", False, {"rule_disabled": "medium"}),
    ("rules.3.disabled", True, {"rule_disabled": "high"}),
    ("rules.3.action", "warn", {"action_weakened": "high"}),
    ("rules.2.action", "log", {"action_weakened": "medium"}),
    ("rules.2.action", "remove", {}),
    ("rules.3.blocked_terms", ["a"], {"blocklist_shortened": "high"}),
    ("rules.3.blocked_terms", ["a", "b", "c"], {}),
    ("audience.share", 0.1, {"audience_step": "low"}),
    ("audience.share", 0.4, {"audience_jump": "medium"}),
    ("audience.share", 1.0, {"audience_jump": "high"}),
    ("audience.share", 0.01, {}),
    ("audience.share", None, {"audience_limit_removed": "high"}),
    ("notes", "spoken about", {}),
]


@pytest.mark.parametrize(("path", "value", "expected"), CASES)
def test_policy__one_thing_changed__raises_just_that(path, value, expected):
    assert found(POLICY, changed(path, value)) == expected


@pytest.mark.parametrize(
    ("path", "value"), [case[:2] for case in CASES if "rule" in "".join(case[2])]
)
def test_policy__protection_given_back__raises_nothing(path, value):
    assert found(changed(path, value), POLICY) == {}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"rollout_percent": 1}, {"rollout_percent": 5}, {"audience_step": "low"}),
        ({"rollout_percent": 5}, {"rollout_percent": 100}, {"audience_jump": "high"}),
        ({"audience": "5%"}, {"audience": "40%"}, {"audience_jump": "medium"}),
        ({"audience": "staff"}, {"audience": "everyone"}, {"audience_jump": "high"}),
        ({"audience": ["all"]}, {"audience": ["staff"]}, {}),
    ],
)
def test_audience__however_it_is_written__is_told(before, after, expected):
    assert found(before, after) == expected


RISKY = changed("ranking.weights.friends", 2)
UNWATCHED = {"reports_not_watched", "creator_reach_not_watched"}


def test_weights__of_what_people_share__are_no_audience():
    before, after = ({"weights": {"share": share, "like": 0.5}} for share in (0.5, 0.8))
    assert found(before, after) == {"weight_jump": "medium", "weights_sum_changed": "medium"}


@pytest.mark.parametrize(
    ("guardrails", "expected"),
    [
        (["errors", "latency"], UNWATCHED),
        ([], UNWATCHED),
        ([{"name": "user_reports"}], {"creator_reach_not_watched"}),
        ({"reach_of_creators": {}}, {"reports_not_watched"}),
        ([{"metric": "abuse_reports_total"}, "creator_impressions"], set()),
        (None, set()),
    ],
)
def test_guardrails__that_watch_no_people__are_told(guardrails, expected):
    raised = found(POLICY, RISKY, context={"guardrails": guardrails})
    assert raised.keys() & UNWATCHED == expected


def test_guardrails__of_a_change_that_moves_nothing__are_not_asked_for():
    assert found(POLICY, POLICY, context={"guardrails": []}) == {}


def test_policy__nobody_said_what_is_there__is_told():
    assert found(None, POLICY) == {"no_before": "medium"}


def test_policy__as_text__is_read_like_the_object():
    as_text = answer(json.dumps(POLICY), "\ufeff" + json.dumps(RISKY))
    assert as_text["signals"] == answer(POLICY, RISKY)["signals"]


@pytest.mark.parametrize("artefact", ["no policy", "\x00f", '{"a": ' * 5000, "[" * 5000])
def test_policy__unreadable__is_unparsed_and_high(artefact):
    assert found(POLICY, artefact) == {"unparsed": "high"}


def test_policy__numbers_beyond_bounds__raise_nothing():
    huge = {"weights": {"a": 1e308, "b": 1e308, "c": 10**400}}
    assert found(huge, {"weights": {"a": 1e308, "b": -1e308}})["weight_jump"] == "high"


@pytest.mark.parametrize(("age", "expected"), [(12, {"safety_threshold_loosened"}), (14, set())])
def test_policy__least_age__is_looser_when_it_is_lower(age, expected):
    assert found({"signup": {"min_age": 13}}, {"signup": {"min_age": age}}).keys() == expected


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers)
def test_jump__up_or_down__is_the_same(old, new):
    assert jump(old, new) == jump(new, old) >= 0


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from([case[0] for case in CASES]), anything, anything)
def test_policy__anything_in_a_field__raises_nothing(path, value, guardrails):
    after = changed(path, value if value is not None else 0)
    json.dumps(answer(POLICY, after, context={"guardrails": guardrails}))
    answer(after, POLICY)
