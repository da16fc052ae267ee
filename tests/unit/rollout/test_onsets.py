import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.judge import judge
from rollout.judging import judge_rollout
from rollout.onsets import aligned, significantly_worse

from .test_judging import ERRORS

VALUE = {**ERRORS, "name": "queue", "kind": "value"}
LATENCY = {**ERRORS, "name": "latency", "kind": "distribution"}


def case(canary, control, metric=ERRORS):
    return {
        "id": "r",
        "interval_s": 5.0,
        "t": [5.0 * (i + 1) for i in range(len(canary))],
        "stages": [{"start": 0.0, "share": 0.33}],
        "metrics": [{**metric, "canary": canary, "control": control}],
    }


def compared(found):
    (metric,) = found["metrics"]
    return metric["canary"], metric["control"]


# An outage below both cohorts, which the control's scrapes show one interval later.
OUTAGE = {"canary": [[27, 81], [33, 100], [30, 95]], "control": [[2, 230], [72, 218], [69, 210]]}


def test_judge_rollout__shared_trouble_read_of_the_canary_first__is_not_held_against_it():
    assert judge(case(**OUTAGE))["verdict"] == "fail"
    for looks in (1, 2, 3):
        shown = {side: readings[:looks] for side, readings in OUTAGE.items()}
        verdict = judge_rollout(case(**shown))
        assert (verdict["verdict"], verdict["reason"]) == ("inconclusive", "unconfirmed")


def test_judge_rollout__shared_trouble_that_ends_in_the_control_first__is_not_held_against_it():
    canary = [*OUTAGE["canary"], [31, 96], [0, 100]]
    control = [[76, 230], *OUTAGE["control"][1:], [1, 220], [0, 215]]
    assert judge(case(canary, control))["verdict"] == "fail"
    assert judge_rollout(case(canary, control))["reason"] == "unconfirmed"


def test_judge_rollout__dead_canary__fails_when_the_control_has_had_its_turn():
    canary, control = [[27, 81], [33, 100]], [[0, 230], [1, 218]]
    assert judge_rollout(case(canary[:1], control[:1]))["reason"] == "unconfirmed"
    assert judge_rollout(case(canary, control))["verdict"] == "fail"


def test_judge_rollout__slow_harm__costs_no_interval_more():
    canary, control = [[5, 100]] * 12, [[1, 220]] * 12
    first = next(i for i in range(1, 13) if judge(case(canary[:i], control[:i]))["decided_at"])
    assert judge_rollout(case(canary[:first], control[:first]))["verdict"] == "fail"


def test_aligned__control_gets_worse__an_interval_earlier_too():
    canary, control = [[0, 100]] * 4, [[0, 200], [0, 200], [60, 200], [58, 200]]
    assert compared(aligned(case(canary, control), None)) == (
        canary,
        [[0, 200], [60, 200], [60, 200], [58, 200]],
    )


def test_aligned__noise_between_intervals__is_left_as_it_is():
    canary, control = [[2, 100], [0, 100], [4, 100]], [[3, 200], [1, 200], [5, 200]]
    assert compared(aligned(case(canary, control), None)) == (canary, control)


def test_aligned__canary_turned_bad_in_the_last_interval__is_compared_later():
    canary, control = [[0, 100], [0, 100], [30, 100]], [[0, 200]] * 3
    assert compared(aligned(case(canary, control), None)) == (
        [[0, 100], [0, 100], None],
        [[0, 200], [0, 200], None],
    )


def test_aligned__control_not_read_since__waits_for_it():
    canary, control = [[0, 100], [30, 100], [31, 100]], [[0, 200], [0, 200], None]
    shown, _ = compared(aligned(case(canary, control), None))
    assert shown == [[0, 100], None, [31, 100]]


def test_aligned__at_full_exposure__leaves_the_borrowed_control_alone():
    canary, control = [[0, 100]] * 4, [[0, 200], [0, 200], [60, 200], [58, 200]]
    assert compared(aligned(case(canary, control), 10.0)) == (canary, control)


def test_aligned__source_error__is_passed_on():
    given_case = case([], [])
    given_case["metrics"][0] = {**ERRORS, "error": "timed out"}
    assert aligned(given_case, None)["metrics"] == [{**ERRORS, "error": "timed out"}]


@pytest.mark.parametrize(
    ("metric", "one", "other", "expected"),
    [
        (ERRORS, [12, 100], [1, 200], True),
        (ERRORS, [2, 100], [1, 200], False),
        (ERRORS, [1, 200], [12, 100], False),
        (ERRORS, None, [12, 100], False),
        (ERRORS, [0, 100], [0, 100], False),
        ({**ERRORS, "direction": "decrease"}, [80, 100], [199, 200], True),
        (VALUE, 9.0, 5.0, True),
        (VALUE, 5.2, 5.0, False),
    ],
)
def test_significantly_worse__two_readings__beyond_their_noise(metric, one, other, expected):
    levels = {"canary": [5.0, 5.2, 4.9, 5.1], "control": [5.1, 5.0, 5.2, 4.9]}
    counts = {"canary": [[1, 100]] * 4, "control": [[1, 100]] * 4}
    whole = {**metric, **(levels if metric["kind"] == "value" else counts)}
    assert significantly_worse(whole)(one, other) is expected


def test_significantly_worse__buckets__by_the_share_beyond_the_bound():
    cohort = {"bounds": [0.1, 0.5], "counts": [[90, 8, 2]] * 3}
    metric = {**LATENCY, "canary": cohort, "control": cohort, "params": {"bound": 0.5}}
    worse = significantly_worse(metric)
    assert worse([60, 10, 30], [90, 8, 2])
    assert not worse([85, 11, 4], [90, 8, 2])


pairs = st.tuples(st.integers(0, 50), st.integers(50, 300)).map(list)


@given(st.lists(st.tuples(pairs, pairs), min_size=1, max_size=12))
def test_judge_rollout__any_counts__fails_only_what_the_judge_fails(rows):
    found = case([canary for canary, _ in rows], [control for _, control in rows])
    if judge_rollout(found)["verdict"] == "fail":
        assert judge(found)["verdict"] == "fail"
