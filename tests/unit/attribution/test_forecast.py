import numpy as np
import pytest

from attribution.forecast import Looks, of_case, of_plan, regression, rules, steadied
from attribution.judge import judge
from attribution.stats.planning import Traffic

RATIO = {"name": "errors", "kind": "ratio", "direction": "increase", "margin_abs": 0.01}
LOOKS = Looks(5.0)


def bake(control, canary, looks=12, **metric):
    """[events, requests] an interval of both; a stage that began `looks` intervals ago."""
    sides = {"control": [control] * looks, "canary": [canary] * looks}
    return {
        "interval_s": 5,
        "t": [5.0 * (i + 1) for i in range(looks)],
        "stages": [{"start": 0.0, "share": 0.1}],
        "metrics": [{**RATIO, **sides, **metric}],
    }


def foretold(case):
    return of_case(case, judge(case))[0]


def test_bake__healthy__says_what_is_left_and_what_would_be_seen():
    found = foretold(bake([1, 500], [0, 50], looks=6))
    assert (found.why, found.base, found.canary) == ("", 0.002, 0.0)
    assert found.requests_per_s == 10
    assert 0 < found.pass_in_s < 300
    assert found.excludes == pytest.approx(0.012)
    assert (found.sees, found.factor) == (pytest.approx(0.03), pytest.approx(15))
    assert 5 <= found.seen_in_s < 180


def test_bake__nearer_the_end__has_less_left():
    times = [foretold(bake([1, 500], [0, 50], looks)).pass_in_s for looks in (2, 8, 14, 40)]
    assert times == sorted(times, reverse=True)
    assert times[-1] == 0


def test_bake__canary_worse_than_may_pass__has_no_date():
    found = foretold(bake([2, 500], [1, 50], margin_abs=0.0))
    assert found.pass_in_s is None
    assert found.why in {"too_bad", "harm_suspected"}


def test_bake__no_error_and_no_absolute_margin__has_no_date_and_says_why():
    found = foretold(bake([0, 500], [0, 50], margin_abs=0.0))
    assert (found.pass_in_s, found.why, found.factor) == (None, "no_base", None)


def test_bake__silent_canary__has_no_date():
    assert foretold(bake([1, 500], None)).why == "silent_canary"


def test_bake__other_kinds__have_no_date_until_they_pass():
    case = bake([1, 500], [0, 50])
    case["metrics"].append(
        {"name": "cpu", "kind": "value", "control": [1] * 12, "canary": [1] * 12}
    )
    answer = judge(case)
    for verdict, reason, expected in (
        ("inconclusive", "not_excluded", (None, "not_foretold")),
        ("inconclusive", "source_error", (None, "source_error")),
        ("pass", "harm_excluded", (0.0, "")),
    ):
        answer["metrics"][1] |= {"verdict": verdict, "reason": reason}
        found = of_case(case, answer)[1]
        assert (found.pass_in_s, found.why) == expected


def test_bake__few_samples__waits_for_them():
    found = foretold(bake([1, 500], [0, 50], min_samples=10_000))
    assert found.pass_in_s == pytest.approx((10_000 - 600) / 10)


def test_bake__good_share_that_must_not_fall__is_told_in_good_shares():
    found = foretold(bake([485, 500], [49, 50], direction="decrease", margin_abs=0.0))
    assert found.base == pytest.approx(0.97)
    assert found.excludes == pytest.approx(0.485)
    assert found.sees < found.base


def test_bake__second_stage__counts_traffic_of_that_stage_only():
    case = bake([1, 500], [0, 50], looks=20)
    case["stages"].append({"start": 50.0, "share": 0.5})
    case["metrics"][0]["canary"][10:] = [[0, 200]] * 10
    assert foretold(case).requests_per_s == 40


def test_rules__weights__are_shares_of_all():
    found = rules([{**RATIO, "weight": 3}, RATIO], 2, 0.02, 0.05)
    assert [rule.weight for rule in found] == [0.75, 0.25]


def test_plan__enough_traffic__passes_and_sees_in_time():
    rule = rules([RATIO], 1, 0.02, 0.05)[0]
    found = of_plan(RATIO, rule, Traffic(0.002, 450, 50), LOOKS, 1800)
    assert found.pass_in_s < 300
    assert found.seen_in_s < 120
    assert 0.012 < found.smallest < 0.03


@pytest.mark.parametrize("canary", [0.0, 0.01])
def test_plan__little_traffic__cannot_in_time(canary):
    rule = rules([RATIO], 1, 0.02, 0.05)[0]
    found = of_plan(RATIO, rule, Traffic(0.002, 1, canary), LOOKS, 600)
    assert found.pass_in_s is None or found.pass_in_s > 600
    assert found.smallest is None


def test_plan__settles_first__takes_so_much_longer():
    rule, traffic = rules([RATIO], 1, 0.02, 0.05)[0], Traffic(0.002, 450, 50)
    cold = of_plan({**RATIO, "settle_s": 60}, rule, traffic, LOOKS, 1800)
    assert cold.pass_in_s - 60 == of_plan(RATIO, rule, traffic, LOOKS, 1800).pass_in_s


@pytest.mark.parametrize(("base", "expected"), [(0.01, 0.03), (0.0, 0.03), (0.1, 0.3), (0.4, 0.8)])
def test_regression__rare_common_or_none__is_a_rate(base, expected):
    rule = rules([RATIO], 1, 0.02, 0.05)[0]
    assert regression(rule, base) == pytest.approx(expected)


def test_steadied__least_of_five__is_what_it_is_on_average():
    counts = np.random.default_rng(1).binomial(400, 0.05, (20_000, 5)).min(axis=1)
    assert steadied(0.05, 400, 5) == pytest.approx(counts.mean() / 400, rel=0.05)
    assert steadied(0.05, 400, 1) == 0.05


@pytest.mark.parametrize("canary", [20, 100, 400, 5000])
@pytest.mark.parametrize("max_s", [300, 1800])
def test_plan__where_harm_has_to_last__would_see_a_regression_exactly_if_it_is_large_enough(
    canary, max_s
):
    (rule,) = rules([RATIO], 3, 0.02, 0.05)
    found = of_plan(RATIO, rule, Traffic(0.001, 100, canary), Looks(5.0, 5), max_s)
    in_time = found.seen_in_s is not None and found.seen_in_s <= max_s
    assert in_time == (found.smallest is not None and found.smallest <= found.sees)
