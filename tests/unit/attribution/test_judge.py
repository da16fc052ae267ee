import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.errors import CaseError
from attribution.judge import judge

from .cases import counts, judge_case, prefix, ratio

NOBODY = [None] * 120


def metric_of(answer):
    return answer["metrics"][0]


def test_judge__five_percent_errors__fails_within_seconds_at_both_levels():
    answer = judge(judge_case(ratio(canary=0.05)))
    assert (answer["verdict"], answer["reason"]) == ("fail", "harm_shown")
    assert answer["decided_at"] < 40
    assert answer["log_e_max"] >= math.log(1 / 0.002)
    assert metric_of(answer)["direction"] == "high"
    assert metric_of(answer)["effect"] > 5


def test_judge__same_rates__passes_with_enough_data_and_never_before():
    case = judge_case(ratio())
    assert judge(case)["verdict"] == "pass"
    early = judge(prefix(case, 5))
    assert (early["verdict"], early["reason"]) == ("inconclusive", "not_excluded")


def test_judge__difference_within_margin_abs__is_no_failure():
    assert judge(judge_case(ratio(control=0.0, canary=0.009)))["verdict"] != "fail"


def test_judge__share_of_fast_requests_falls__fails_on_decrease_only():
    slow = ratio(control=0.97, canary=0.7)
    assert judge(judge_case({**slow, "direction": "decrease"}))["verdict"] == "fail"
    assert judge(judge_case(slow))["verdict"] == "pass"


def test_judge__either__fails_both_ways():
    for canary in (0.02, 0.5):
        case = judge_case(ratio(control=0.2, canary=canary, direction="either"))
        assert judge(case)["verdict"] == "fail"


def test_judge__two_metrics__one_bad_is_enough_and_is_named():
    case = judge_case(ratio(canary=0.08), ratio(seed=2, name="other"))
    answer = judge(case)
    assert answer["verdict"] == "fail"
    assert [m["verdict"] for m in answer["metrics"]] == ["fail", "pass"]


def test_judge__canary_silent_while_control_reports__fails_after_some_intervals():
    bad = ratio()
    bad["canary"] = bad["canary"][:40] + [None] * 80
    answer = judge(judge_case(bad))
    assert (answer["verdict"], answer["reason"]) == ("fail", "silent_canary")
    assert 42 <= answer["decided_at"] <= 46


@pytest.mark.parametrize("nothing", [None, [0, 0], [-1, 5]])
def test_judge__one_lost_scrape__proves_nothing(nothing):
    bad = ratio()
    bad["canary"][40] = nothing
    assert judge(judge_case(bad))["verdict"] == "pass"


def test_judge__both_silent__is_inconclusive_no_data():
    answer = judge(judge_case({**ratio(), "control": NOBODY, "canary": NOBODY}))
    assert (answer["verdict"], answer["reason"]) == ("inconclusive", "no_data")


def test_judge__both_stop_to_report__does_not_pass_on_old_data():
    bad = ratio()
    for side in ("control", "canary"):
        bad[side] = bad[side][:100] + [None] * 20
    answer = judge(judge_case(bad))
    assert (answer["verdict"], answer["reason"]) == ("inconclusive", "no_data")


def test_judge__too_few_samples__is_low_samples():
    answer = judge(judge_case(ratio(min_samples=1e6)))
    assert (answer["verdict"], answer["reason"]) == ("inconclusive", "low_samples")


def test_judge__new_stage__needs_evidence_of_its_own_to_pass():
    case = judge_case(ratio(), stages=[{"start": 0, "share": 0.25}, {"start": 117, "share": 0.5}])
    assert judge(case)["verdict"] == "inconclusive"
    assert judge({**case, "stages": case["stages"][:1]})["verdict"] == "pass"


def test_judge__fault_begins_in_the_third_stage__is_found_soon_after():
    rng = np.random.default_rng(3)
    late = ratio(length=200)
    late["canary"] = late["canary"][:150] + counts(rng, 50, 20, 0.08)
    stages = [{"start": start} for start in (0, 80, 150)]
    answer = judge(judge_case(late, stages=stages))
    assert answer["verdict"] == "fail"
    assert 150 <= answer["decided_at"] <= 175


def test_judge__times_given__stages_start_by_them():
    at = [1000.0 + second for second in range(120)]
    stages = [{"start": 1000, "share": 0.25}, {"start": 1060, "share": 0.5}]
    answer = judge(judge_case(ratio(canary=0.06), t=at, stages=stages))
    assert answer["verdict"] == "fail"


def test_judge__settling__does_not_look_at_the_cold_canary():
    cold = ratio()
    cold["canary"][:10] = [[n, n] for _events, n in cold["canary"][:10]]
    assert judge(judge_case({**cold, "settle_s": 10}))["verdict"] == "pass"
    assert judge(judge_case(cold))["verdict"] == "fail"
    still = judge(prefix(judge_case({**cold, "settle_s": 10}), 8))
    assert (still["verdict"], still["reason"]) == ("inconclusive", "settling")


def test_judge__value_of_single_units_without_a_past__is_inconclusive_and_blocks_passing():
    other = {"name": "cpu", "kind": "value", "control": [1.0] * 120, "canary": [9.0] * 120}
    answer = judge(judge_case(ratio(), other))
    assert (answer["verdict"], answer["reason"]) == ("inconclusive", "not_excluded")


def test_judge__source_error__is_inconclusive():
    answer = judge(judge_case({"name": "errors", "kind": "ratio", "error": "connection refused"}))
    assert (answer["verdict"], answer["reason"]) == ("inconclusive", "source_error")


def by_unit(rng, units, length, requests, rate):
    return [counts(rng, length, requests, rate) for _ in range(units)]


def test_judge__units__in_any_order_and_by_name_or_not__give_the_same():
    rng = np.random.default_rng(4)
    control, canary = by_unit(rng, 5, 120, 20, 0.01), by_unit(rng, 3, 120, 20, 0.06)
    listed = judge(judge_case({**ratio(), "control": control, "canary": canary}))
    turned = judge(judge_case({**ratio(), "control": control[::-1], "canary": canary[::-1]}))
    named = {f"pod-{place}": unit for place, unit in enumerate(control)}
    by_name = judge(judge_case({**ratio(), "control": named, "canary": canary}))
    assert listed["verdict"] == "fail"
    for other in (turned, by_name):
        assert other["decided_at"] == listed["decided_at"]
        assert other["log_e"] == pytest.approx(listed["log_e"], rel=1e-9)


def test_judge__two_units_that_say_nothing__are_silent():
    silent = [[None, None, None], [None, None, None]]
    answer = judge(judge_case({**ratio(length=3), "canary": silent}))
    assert answer["verdict"] == "inconclusive"


BAD = [
    ({"interval_s": 0}, "/interval_s"),
    ({"interval_s": "1"}, "/interval_s"),
    ({"metrics": []}, "/metrics"),
    ({"metrics": 3}, "/metrics"),
    ({"alpha": 2}, "/alpha"),
    ({"alpha": True}, "/alpha"),
    ({"method": "t_test"}, "/method"),
    ({"t": [1, 2]}, "/t"),
    ({"stages": [{"start": 9}, {"start": 3}]}, "/stages/1/start"),
    ({"stages": [{"share": 0.5}]}, "/stages/0/start"),
]


@pytest.mark.parametrize(("change", "pointer"), BAD)
def test_judge__unreadable_case__names_the_place(change, pointer):
    with pytest.raises(CaseError) as problem:
        judge({**judge_case(ratio()), **change})
    assert problem.value.pointer == pointer


BAD_METRICS = [
    ({"kind": "rate"}, "/metrics/0/kind"),
    ({"direction": "up"}, "/metrics/0/direction"),
    ({"margin": -1}, "/metrics/0/margin"),
    ({"margin": float("nan")}, "/metrics/0/margin"),
    ({"weight": 0}, "/metrics"),
    ({"critical": "yes"}, "/metrics/0/critical"),
    ({"name": ""}, "/metrics/0/name"),
    ({"control": None}, "/metrics/0/control"),
    ({"control": [[1, 2]]}, "/metrics/0/canary"),
    ({"control": [[3, 2]] * 120}, "/metrics/0/control/0/0"),
    ({"control": [["1", 2]] * 120}, "/metrics/0/control/0/0"),
    ({"control": [7] * 120}, "/metrics/0/control/0"),
    ({"canary": {"a": [[1, 2]] * 120, "b/c": [[1, 2]]}}, "/metrics/0/canary/b~1c"),
]


@pytest.mark.parametrize(("change", "pointer"), BAD_METRICS)
def test_judge__unreadable_metric__names_the_place(change, pointer):
    with pytest.raises(CaseError) as problem:
        judge(judge_case({**ratio(), **change}))
    assert problem.value.pointer == pointer


def test_judge__one_name_twice__is_an_error():
    with pytest.raises(CaseError) as problem:
        judge(judge_case(ratio(), ratio()))
    assert problem.value.pointer == "/metrics/1/name"


pairs = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 9), st.integers(9, 40)).map(list),
)
series = st.lists(st.tuples(pairs, pairs), min_size=1, max_size=60)


def case_from(rows, **more):
    control, canary = ([row[side] for row in rows] for side in (0, 1))
    return judge_case(
        ratio(control=0, canary=0, length=1) | {"control": control} | {"canary": canary}, **more
    )


@settings(max_examples=80, deadline=None)
@given(series, st.integers(1, 60))
def test_judge__prefix__gives_the_same_fail(rows, cut):
    stages = [{"start": 0}, {"start": 7}, {"start": 30}]
    whole = judge(case_from(rows, stages=stages))
    part = judge(case_from(rows[:cut], stages=stages))
    if part["verdict"] == "fail":
        assert (whole["verdict"], whole["decided_at"]) == ("fail", part["decided_at"])
    elif whole["verdict"] == "fail":
        assert whole["decided_at"] >= len(rows[:cut])


@settings(max_examples=80, deadline=None)
@given(series, st.integers(1, 20))
def test_judge__nulls_added_at_the_end__never_turn_into_pass(rows, nulls):
    before = judge(case_from(rows))["verdict"]
    for missing in ((None, None), ([0, 50], None), (None, [0, 50])):
        after = judge(case_from(rows + [missing] * nulls))["verdict"]
        assert after != "pass" or before == "pass"


def test_judge__every_canary_reading_lost__never_passes():
    quiet = ratio()
    for length in range(1, 121, 7):
        answer = judge(prefix(judge_case({**quiet, "canary": NOBODY}), length))
        assert answer["verdict"] != "pass"


def test_judge__control_was_hit_in_the_stage_before__the_next_stage_passes_soon():
    """Another change's fault in the control must not spoil the base for minutes."""
    rng = np.random.default_rng(3)
    hit = counts(rng, 10, 60, 0.4)
    metric = {
        **ratio(),
        "control": hit + counts(rng, 50, 60, 0.002),
        "canary": counts(rng, 10, 20, 0.002) + counts(rng, 50, 40, 0.002),
    }
    stages = [{"start": 0, "share": 0.25}, {"start": 10, "share": 0.5}]
    assert judge(judge_case(metric, stages=stages))["verdict"] == "pass"


def test_judge__counts_beyond_all_traffic__are_an_error_at_their_place():
    metric = {**ratio(length=1), "control": [[0, 1e300]], "canary": [[1e300, 1e300]]}
    with pytest.raises(CaseError) as error:
        judge(judge_case(metric))
    assert error.value.pointer.startswith("/metrics/0/c")


def test_judge__next_stage_exposes_those_whom_another_change_hits__passes_soon_after_that():
    """Concurrent changes have units of their own at first: all of the other's harm is in the
    control. With the next stage it reaches the canary, which is no sign of bursts.
    """
    rng = np.random.default_rng(5)
    metric = {
        **ratio(margin_abs=0.015),
        "control": counts(rng, 10, 40, 0.4) + counts(rng, 4, 20, 0.4) + counts(rng, 60, 20, 0.0005),
        "canary": counts(rng, 10, 20, 0.0) + counts(rng, 4, 40, 0.2) + counts(rng, 60, 40, 0.0005),
    }
    stages = [{"start": 0, "share": 0.33}, {"start": 10, "share": 0.66}]
    assert judge(judge_case(metric, stages=stages))["verdict"] == "pass"
