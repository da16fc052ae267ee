"""`method: "mann_whitney"`: classifications and score as Kayenta's, verdicts by our rules."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.backtest import backtest
from attribution.errors import CaseError
from attribution.judge import judge
from attribution.kayenta.classify import cleaned
from attribution.kayenta.options import ScoreOptions, metric_options
from attribution.kayenta.score import Scored, score

from .cases import judge_case

STEADY = [10.0, 11.0, 9.0, 10.5, 9.5, 10.2, 9.8, 10.1, 9.9, 10.3]
HIGHER = [value * 2 for value in STEADY]
SLOWER = [value * 1.15 for value in STEADY]
SAME = [*STEADY[5:], *STEADY[:5]]


def metric(canary=SAME, control=STEADY, name="latency", **params):
    contract = {k: params.pop(k) for k in ("kind", "error", "min_samples") if k in params}
    sides = {"control": control, "canary": canary}
    return {"name": name, "kind": "value", **sides, "params": params, **contract}


def answer(*metrics, **more):
    return judge(judge_case(*metrics, method="mann_whitney", **more))


def labels(found):
    return [each["classification"] for each in found["metrics"]]


def told(found):
    return found["verdict"], found["reason"], found["classification"], found["score"]


# One metric


def test_judge__canary_twice_the_control__is_high_and_fails():
    found = answer(metric(HIGHER))
    assert told(found) == ("fail", "harm_shown", "Fail", 0.0)
    one = found["metrics"][0]
    assert (one["verdict"], one["direction"], one["classification"]) == ("fail", "high", "High")
    assert one["effect"] == pytest.approx(1.0)
    assert one["interval"][0] < 1.0 < one["interval"][1]
    assert (one["samples"], found["decided_at"], one["log_e"]) == (10, 9, None)
    assert one["effect_size"] == {"measure": "meanRatio", "value": pytest.approx(2.0)}
    json.dumps(found, allow_nan=False)


def test_judge__same_values_in_another_order__pass():
    found = answer(metric())
    assert told(found) == ("pass", "no_harm_shown", "Pass", 100.0)
    assert found["decided_at"] is None
    assert found["metrics"][0]["direction"] == "none"


@pytest.mark.parametrize(
    ("params", "canary", "label"),
    [
        ({"direction": "increase"}, HIGHER, "High"),
        ({"direction": "decrease"}, HIGHER, "Pass"),
        ({"direction": "either"}, [v / 2 for v in STEADY], "Low"),
        ({"direction": "increase"}, [v / 2 for v in STEADY], "Pass"),
        ({"effectSize": {"allowedIncrease": 2.5}}, HIGHER, "Pass"),
        ({"allowedIncrease": 2.5}, HIGHER, "Pass"),
        ({"effectSize": {"allowedIncrease": 1.9}}, HIGHER, "High"),
        ({"effectSize": {"allowedDecrease": 0.4}}, [v / 2 for v in STEADY], "Pass"),
        ({"effectSize": {"measure": "cles", "allowedIncrease": 0.9}}, HIGHER, "High"),
        ({"effectSizeMeasure": "cles", "allowedIncrease": 1.1}, HIGHER, "Pass"),
        ({"tolerance": 1.0}, HIGHER, "Pass"),
        ({"confidence": 0.98}, SLOWER, "High"),
        ({"confidence": 0.9999}, SLOWER, "Pass"),
        ({"confLevel": 0.9999}, SLOWER, "Pass"),
        ({"classifier": "MeanInequalityClassifier"}, [10.04, *STEADY[1:]], "High"),
        ({"classifier": "MeanInequalityClassifier"}, [9.9, *STEADY[1:]], "Low"),
        ({"classifier": "MeanInequalityClassifier"}, SAME, "Pass"),
    ],
)
def test_judge__option__decides_the_classification(params, canary, label):
    assert labels(answer(metric(canary, **params))) == [label]


def test_judge__direction_of_the_contract__counts_unless_params_say_otherwise():
    lower = [v / 2 for v in STEADY]
    assert labels(answer({**metric(lower), "direction": "increase"})) == ["Pass"]
    both = {**metric(lower, direction="decrease"), "direction": "increase"}
    assert labels(answer(both)) == ["Low"]
    of_case = answer({**metric(lower)}, params={"direction": "increase"})
    assert labels(of_case) == ["Pass"]


def test_judge__two_different_constants__are_told_apart_again_and_again_alike():
    case = metric([10.0] * 5, [0.0] * 5)
    first = answer(case)
    assert (labels(first), first["metrics"][0]["effect"]) == (["High"], None)
    assert answer(case) == first


def test_judge__zero_control_mean__asks_no_effect_size():
    found = answer(metric([0.1 * v for v in STEADY], [0.0] * 10, allowedIncrease=1000.0))
    assert labels(found) == ["High"]
    assert found["metrics"][0]["effect_size"]["value"] is None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=8),
    st.lists(st.integers(0, 20), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_judge__order_of_points__does_not_matter(canary, control, random):
    mixed = answer(metric(random.sample(canary, len(canary)), random.sample(control, len(control))))
    for one, other in zip(
        mixed["metrics"], answer(metric(canary, control))["metrics"], strict=True
    ):
        assert one["classification"] == other["classification"]
        assert one["shift"] == other["shift"]


# NaN, outliers, missing data


def test_cleaned__nan__is_removed_or_zero():
    values = np.array([1.0, np.nan, 3.0])
    assert cleaned(values, metric_options({})).tolist() == [1.0, 3.0]
    replacing = metric_options({"nanStrategy": ("replace", "")})
    assert cleaned(values, replacing).tolist() == [1.0, 0.0, 3.0]


def test_cleaned__outliers__go_beyond_the_wider_fence_only():
    values = np.arange(1.0, 201.0)
    values[-1] = 10_000.0
    keeping = metric_options({})
    assert cleaned(values, keeping).size == 200
    removing = metric_options({"outlierStrategy": ("remove", "")})
    assert cleaned(values, removing).max() == 199.0
    # Tukey's fence of factor 0.1 would cut many; the 1st and 99th percentile cut two on each side.
    narrow = metric_options({"outlierStrategy": ("remove", ""), "outlierFactor": (0.1, "")})
    assert cleaned(np.arange(1.0, 201.0), narrow).tolist() == list(np.arange(3.0, 199.0))
    assert cleaned(np.zeros(0), removing).size == 0


@pytest.mark.parametrize(
    ("params", "label", "critical", "verdict"),
    [
        ({}, "Nodata", False, ("inconclusive", "no_data")),
        ({"critical": True}, "Nodata", True, ("inconclusive", "no_data")),
        ({"mustHaveData": True}, "NodataFailMetric", False, ("fail", "no_data")),
        ({"mustHaveData": True, "critical": True}, "Nodata", True, ("inconclusive", "no_data")),
        ({"nanStrategy": "replace"}, "Pass", False, ("inconclusive", "no_data")),
    ],
)
@pytest.mark.parametrize(
    ("control", "canary"), [(STEADY, []), ([], STEADY), ([], [])], ids=["canary", "control", "both"]
)
def test_judge__empty_side__is_classified_as_kayenta_and_never_passes(
    params, label, critical, verdict, control, canary
):
    found = answer(metric(canary, control, **params))
    one = found["metrics"][0]
    assert (one["classification"], one["critical"]) == (label, critical)
    assert (found["verdict"], found["reason"]) == verdict


def test_judge__canary_of_nulls_replaced_by_zero__does_not_pass():
    found = answer(metric([None] * 10, [0.0] * 10, nanStrategy="replace"))
    assert (labels(found), told(found)) == (
        ["Pass"],
        ("inconclusive", "no_data", "Pass", 100.0),
    )


def test_judge__some_nulls_replaced_by_zero__is_data():
    found = answer(metric([None, *([0.0] * 9)], [0.0] * 10, nanStrategy="replace"))
    assert found["verdict"] == "pass"


# Where the verdict is stricter


def test_judge__nothing_but_errors__is_no_pass_although_kayenta_scores_100():
    found = answer(metric([2.0], [1.0]))  # one point a side: nothing to rank by
    assert labels(found) == ["Error"]
    assert told(found) == ("inconclusive", "not_computable", "Pass", 100.0)


def test_judge__an_error_beside_a_pass__is_no_pass():
    found = answer(metric(), metric([2.0], [1.0], name="other"))
    assert told(found) == ("inconclusive", "not_computable", "Pass", 100.0)
    failed = answer(metric(), {"name": "other", "kind": "value", "error": "connection refused"})
    assert told(failed) == ("inconclusive", "source_error", "Pass", 100.0)


def test_judge__an_error_beside_a_failing_metric__fails():
    found = answer(metric(HIGHER), metric([2.0], [1.0], name="other"))
    assert told(found) == ("fail", "harm_shown", "Fail", 0.0)


def test_judge__a_group_without_data__is_no_pass_although_kayenta_counts_100():
    rest = [metric(name=name, groups=["a"]) for name in ("x", "y")]
    found = answer(*rest, metric([], name="z", groups=["b"]))
    assert told(found) == ("inconclusive", "no_data", "Pass", 100.0)


def test_judge__no_data_beside_compared_metrics_of_its_group__is_left_out():
    found = answer(*[metric(name=name) for name in ("x", "y")], metric([], name="z"))
    assert told(found) == ("pass", "no_harm_shown", "Pass", 100.0)


def test_judge__two_points_a_side_apart__fail_as_in_kayenta():
    """Two of six orders are such by chance: the page says so, and why one needs more points."""
    assert answer(metric([3.0, 4.0], [1.0, 2.0]))["verdict"] == "fail"
    assert answer(metric([2.0, 4.0], [1.0, 3.0]))["verdict"] == "pass"


def test_judge__fewer_points_than_min_samples__is_no_pass():
    assert answer(metric(min_samples=10))["verdict"] == "pass"
    found = answer(metric(min_samples=11))
    assert (found["verdict"], found["reason"]) == ("inconclusive", "low_samples")


def test_judge__harm_smaller_than_the_root_search_sees__is_no_pass():
    """15% slower, in a unit in which that is 1.5e-6: Kayenta's Pass, and ours is none."""
    assert labels(answer(metric(SLOWER))) == ["High"]
    found = answer(metric([v * 1e-6 for v in SLOWER], [v * 1e-6 for v in STEADY]))
    one = found["metrics"][0]
    assert (one["classification"], one["exact"]["classification"]) == ("Pass", "High")
    assert told(found) == ("inconclusive", "root_search", "Pass", 100.0)


def test_judge__mostly_zeros__is_high_only_by_the_root_search():
    """What decides Kayenta's vector "High Metric (Large Input)", in small.

    More than half of the differences are exactly 0, and so are estimate and lower bound. The
    search ends within 1e-4 of 0: which of the two comes out larger is chance.
    """
    control = [0.0] * 180 + [1.5] * 20
    canary = [0.0] * 130 + [2.0] * 70
    found = answer(metric(canary, control, tolerance=0.1))["metrics"][0]
    assert found["exact"]["estimate"] == found["exact"]["interval"][0] == 0.0
    assert 0 < found["shift"]["estimate"] < 1e-4
    assert 0 < found["shift"]["interval"][0] < 1e-4
    assert (found["classification"], found["exact"]["classification"]) == ("High", "Pass")
    scales = (1e-8, 1e-4, 0.1, 1.0, 7.0, 1e4, 1e8)
    scaled = [
        answer(metric([k * v for v in canary], [k * v for v in control], tolerance=0.1))["metrics"]
        for k in scales
    ]
    assert {each[0]["classification"] for each in scaled} == {"High", "Pass"}
    assert {each[0]["exact"]["classification"] for each in scaled} == {"Pass"}


def test_judge__zero_control_and_errors_in_half_of_the_points__passes_as_in_kayenta():
    """spinnaker/spinnaker, issue 5622. The page says to use `ratio` with the sequential judge."""
    found = answer(metric([5.0, 0.0] * 5, [0.0] * 10, direction="increase"))
    assert told(found) == ("pass", "no_harm_shown", "Pass", 100.0)
    six = answer(metric([5.0] * 8 + [0.0] * 2, [0.0] * 10, direction="increase"))
    assert labels(six) == ["High"]


# The score


def scored(*found, weights=None, passes=95.0, marginal=75.0):
    metrics = [Scored(label, critical, groups) for label, critical, groups in found]
    return score(metrics, ScoreOptions(weights or {}, passes, marginal))


def test_score__one_group__is_the_share_that_passes():
    found = scored(("Pass", False, ("g",)), ("High", False, ("g",)), ("Low", False, ("g",)))
    assert (found.value, found.label) == (33.33, "Fail")
    assert found.groups[0].score == pytest.approx(100 / 3)
    missing = scored(
        ("Pass", False, ("g",)), ("NodataFailMetric", False, ("g",)), ("Pass", False, ("g",))
    )
    assert missing.value == 66.67


def test_score__weights__are_shares_and_what_is_left_goes_to_the_other_groups():
    metrics = [("Pass", False, ("a",)), ("High", False, ("b",)), ("Pass", False, ("c",))]
    assert scored(*metrics, weights={"a": 75.0, "b": 5.0}).value == 95.0
    assert scored(*metrics).value == 66.67
    assert scored(("Pass", False, ("a", "b")), ("High", False, ("b",))).value == 75.0


def test_score__thresholds__are_inclusive():
    metrics = [("Pass", False, ("a",)), ("High", False, ("a",))]
    assert scored(*metrics, passes=50.0, marginal=50.0).label == "Pass"
    assert scored(*metrics, passes=50.01, marginal=50.0).label == "Marginal"
    assert scored(*metrics, passes=60.0, marginal=50.01).label == "Fail"


def test_score__critical_or_half_without_data__is_zero():
    passing = ("Pass", False, ("a",))
    assert scored(passing, passing, ("High", True, ("a",))).value == 0.0
    assert scored(passing, passing, ("Nodata", True, ("a",))).value == 0.0
    assert scored(passing, passing, ("Nodata", False, ("a",))).value == 100.0
    assert scored(passing, ("Nodata", False, ("a",))).value == 0.0
    assert scored(passing, ("Error", False, ("b",))).value == 100.0


def test_judge__score_between_the_thresholds__is_inconclusive():
    metrics = [metric(name=name) for name in "abc"]
    found = answer(*metrics, metric(HIGHER, name="d"))
    assert told(found) == ("inconclusive", "score_too_low", "Marginal", 75.0)
    assert [each["verdict"] for each in found["metrics"]] == ["pass", "pass", "pass", "fail"]
    low = {"thresholds": {"pass": 70, "marginal": 50}}
    assert answer(*metrics, metric(HIGHER, name="d"), params=low)["verdict"] == "pass"
    high = {"thresholds": {"pass": 95, "marginal": 80}}
    assert answer(*metrics, metric(HIGHER, name="d"), params=high)["verdict"] == "fail"


def test_judge__critical_metric__fails_all_from_its_critical_effect_on():
    others = [metric(name=name) for name in "abcdefghijklmnopqrstuvwxyz"]
    assert answer(*others, metric(HIGHER, name="0"))["verdict"] == "pass"
    found = answer(*others, metric(HIGHER, name="0", critical=True))
    assert told(found) == ("fail", "harm_shown", "Fail", 0.0)
    mild = metric(HIGHER, name="0", critical=True, effectSize={"criticalIncrease": 3.0})
    assert answer(*others, mild)["verdict"] == "pass"
    contract = {**metric(HIGHER, name="0"), "critical": True}
    assert answer(*others, contract)["verdict"] == "fail"


def test_judge__muted_metric__is_shown_and_not_scored():
    found = answer(metric(), metric(HIGHER, name="muted", muted=True))
    assert told(found) == ("pass", "no_harm_shown", "Pass", 100.0)
    assert found["metrics"][1]["classification"] == "High"


def test_judge__groups_and_weights__are_in_the_answer():
    found = answer(
        metric(groups=["a"], groupWeights={"a": 80}), metric(HIGHER, name="y", groups="b")
    )
    assert found["groups"] == [
        {"name": "a", "score": 100.0, "weight": 80.0},
        {"name": "b", "score": 0.0, "weight": 20.0},
    ]
    assert (found["classification"], found["score"]) == ("Marginal", 80.0)
    assert found["thresholds"] == {"pass": 95.0, "marginal": 75.0}


# Reading


def test_judge__units__are_averaged_over_those_that_report():
    units = {"a": [v - 1 for v in HIGHER], "b": [v + 1 for v in HIGHER]}
    units["b"][3] = None
    units["a"][3] = HIGHER[3]
    whole = answer(metric(HIGHER))
    for canary in (units, [units["b"], units["a"]]):
        found = answer(metric(canary))["metrics"][0]
        assert found["shift"]["interval"] == pytest.approx(
            whole["metrics"][0]["shift"]["interval"], abs=1e-9
        )
        assert found["samples"] == 10


def test_judge__ratio__is_the_share_of_each_interval():
    control = [[v, 1000] for v in STEADY]
    found = answer(metric([[v, 1000] for v in HIGHER], control, kind="ratio"))["metrics"][0]
    assert (found["classification"], found["effect"]) == ("High", pytest.approx(1.0))
    gaps = answer(metric([[0, 0], None, *([[v, 1000] for v in HIGHER])], control, kind="ratio"))
    assert gaps["metrics"][0]["samples"] == 10


def test_judge__stages__only_the_one_under_way_counts():
    sides = [*SAME, *HIGHER], [*STEADY, *STEADY]
    assert answer(metric(*sides))["verdict"] == "pass"
    stages = [{"start": 0, "share": 0.1}, {"start": 10, "share": 0.5}, {"start": 90, "share": 1}]
    found = answer(metric(*sides), stages=stages)
    assert (found["verdict"], found["metrics"][0]["samples"]) == ("fail", 10)
    assert found["decided_at"] == 19
    settled = answer({**metric(*sides), "settle_s": 4}, stages=stages)
    assert settled["metrics"][0]["samples"] == 6
    t = list(range(100, 120))
    assert answer(metric(*sides), t=t, stages=[{"start": 110}])["verdict"] == "fail"
    assert answer({**metric(*sides), "settle_s": 10}, t=t)["verdict"] == "fail"
    early = answer(metric(*sides), t=t, stages=[{"start": 200}])
    assert (early["verdict"], early["reason"]) == ("inconclusive", "no_data")


BAD = [
    ({"metrics": []}, "/metrics"),
    ({"interval_s": 0}, "/interval_s"),
    ({"metrics": [metric(), metric()]}, "/metrics/1/name"),
    ({"metrics": [metric(muted=True)]}, "/metrics"),
    ({"metrics": [metric(kind="distribution")]}, "/metrics/0/kind"),
    ({"metrics": [metric(kind="rate")]}, "/metrics/0/kind"),
    ({"metrics": [metric(canary=None)]}, "/metrics/0/canary"),
    ({"metrics": [metric(canary=7)]}, "/metrics/0/canary"),
    ({"metrics": [metric(canary=[1, "2"])]}, "/metrics/0/canary/1"),
    ({"metrics": [metric(canary=[1, 1e31])]}, "/metrics/0/canary/1"),
    ({"metrics": [metric(canary=[1, float("nan")])]}, "/metrics/0/canary/1"),
    ({"metrics": [metric(canary={"a/b": [1], "c": [1, 2]})]}, "/metrics/0/canary/c"),
    ({"metrics": [metric(canary={"a/b": [True]})]}, "/metrics/0/canary/a~1b/0"),
    ({"metrics": [metric(canary=[0.0] * 20_001)]}, "/metrics/0/canary"),
    ({"metrics": [metric([[3, 2]], kind="ratio")]}, "/metrics/0/control/0"),
    ({"metrics": [{**metric(), "params": [1]}]}, "/metrics/0/params"),
    ({"metrics": [{**metric(), "direction": "up"}]}, "/metrics/0/direction"),
    ({"metrics": [metric(direction="up")]}, "/metrics/0/params/direction"),
    ({"metrics": [metric(mustHavedata=True)]}, "/metrics/0/params/mustHavedata"),
    ({"metrics": [metric(mustHaveData="yes")]}, "/metrics/0/params/mustHaveData"),
    ({"metrics": [metric(nanStrategy="zero")]}, "/metrics/0/params/nanStrategy"),
    ({"metrics": [metric(effectSize={"measure": "d"})]}, "/metrics/0/params/effectSize/measure"),
    ({"metrics": [metric(effectSize={"allowed": 1})]}, "/metrics/0/params/effectSize/allowed"),
    (
        {"metrics": [metric(effectSize={"allowedIncrease": 1}, allowedIncrease=2)]},
        "/metrics/0/params/allowedIncrease",
    ),
    (
        {"metrics": [metric(outliers={"outlierFactor": 0})]},
        "/metrics/0/params/outliers/outlierFactor",
    ),
    ({"metrics": [metric(confidence=1)]}, "/metrics/0/params/confidence"),
    ({"metrics": [metric(groups=[1])]}, "/metrics/0/params/groups"),
    ({"params": {"groupWeights": {"none": 10}}}, "/params/groupWeights/none"),
    ({"params": {"groupWeights": {"default": 101}}}, "/params/groupWeights/default"),
    ({"params": {"thresholds": {"pass": 50, "marginal": 60}}}, "/params/thresholds/marginal"),
    (
        {
            "params": {"thresholds": {"pass": 50}},
            "metrics": [metric(thresholds={"pass": 60})],
        },
        "/metrics/0/params/thresholds",
    ),
    ({"t": [1, 2]}, "/metrics/0/control"),
    ({"metrics": [metric([1.0])], "stages": [{"start": 0}]}, "/metrics/0/canary"),
    ({"stages": [{"start": 5}, {"start": 1}]}, "/stages/1/start"),
]


@pytest.mark.parametrize(("change", "pointer"), BAD, ids=[pointer for _, pointer in BAD])
def test_judge__unreadable_case__names_the_place(change, pointer):
    case = {**judge_case(metric(), method="mann_whitney"), **change}
    with pytest.raises(CaseError) as problem:
        judge(case)
    assert problem.value.pointer == pointer


def test_score__weights_of_more_than_100__are_an_error():
    metrics = [metric(name="x", groups=["a"]), metric(name="y", groups=["b"])]
    with pytest.raises(CaseError) as problem:
        answer(*metrics, params={"groupWeights": {"a": 60, "b": 60}})
    assert problem.value.pointer == "/params/groupWeights"


def test_backtest__labelled_lines__are_counted():
    bad, good = answer(metric(HIGHER)), answer(metric())
    assert (bad["verdict"], good["verdict"]) == ("fail", "pass")
    lines = [
        {**judge_case(metric(HIGHER), method="mann_whitney"), "label": "bad"},
        {**judge_case(metric([], mustHaveData=True), method="mann_whitney"), "label": "bad"},
        {**judge_case(metric(), method="mann_whitney"), "label": "good"},
    ]
    report = backtest(lines)
    assert (report["judge"]["true_fail"], report["judge"]["passed_good"]) == (2, 1)
    assert report["errors"] == []
