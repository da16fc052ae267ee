"""Foretold times: against closed forms, the judge itself, and what must follow from what."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.stats.planning import (
    HARM_MIXTURE,
    HARM_SHARE,
    NEVER,
    Noise,
    Rule,
    Traffic,
    Units,
    bound,
    intervals_to_fail,
    intervals_to_pass,
    smallest_rate,
    smallest_ratio,
    value_to_fail,
    value_to_pass,
)
from bench.judge_planning import Point, failing, passing

STEADY = Traffic(base=0.01, control=900, canary=100)


def test_to_fail__bound_through_zero__is_wald_with_the_conditional_binomial():
    """n events an interval, Bin(n, q) under the harm and Bin(n, w) at the bound."""
    rate, r0 = 0.03, 1.1
    events = 900 * 0.01 + 100 * rate
    q, w = 100 * rate / events, r0 * 100 / (r0 * 100 + 900)
    drift = events * (q * math.log(q / w) + (1 - q) * math.log((1 - q) / (1 - w)))
    nats = math.log(2 / 0.02) - math.log(HARM_SHARE) + HARM_MIXTURE
    expected = nats / drift * math.exp(-1 / nats) + 0.5
    assert intervals_to_fail(STEADY, Rule(), rate) == pytest.approx(expected)


@pytest.mark.parametrize(
    "point",
    [
        Point(0.002, 60, 20, 0.01, 0.05),
        Point(0.005, 1800, 200, 0.0, 0.015),
        Point(0.01, 900, 100, 0.0, 0.03, stage=3),
    ],
)
def test_to_fail__simulated_judge__lies_within_half_as_much_again(point):
    told, found = failing(np.random.default_rng(7), point, 30)
    assert told / 1.5 <= np.median(found) <= told * 1.5


def test_to_fail__after_a_healthy_time__lies_within_twice_as_much():
    """The judge has learned by then how much requests vary, which costs it some speed."""
    point = Point(0.01, 900, 100, 0.0, 0.03, healthy=60)
    told, found = failing(np.random.default_rng(7), point, 30)
    assert told / 1.5 <= np.median(found) <= told * 2


@pytest.mark.parametrize(
    "point", [Point(0.002, 60, 20, 0.01, 0.05), Point(0.005, 1800, 200, 0.0, 0.015)]
)
def test_to_pass__simulated_judge__lies_within_half_as_much_again(point):
    told, found = passing(np.random.default_rng(7), point, 20)
    assert told / 1.5 <= np.median(found) <= told * 1.5


def test_to_fail__within_the_margins__is_never():
    assert intervals_to_fail(STEADY, Rule(), 0.011) == NEVER
    assert intervals_to_fail(STEADY, Rule(margin_abs=0.01), 0.02) == NEVER


@pytest.mark.parametrize("canary", [0.0, 100.0])
def test_to_fail__nobody_to_compare_with__is_never(canary):
    assert intervals_to_fail(Traffic(0.01, 100.0 - canary, canary), Rule(), 0.5) == NEVER


def test_to_pass__no_errors_and_no_absolute_margin__is_never():
    """Half as much again of nothing is nothing: no data can exclude it."""
    nothing = Traffic(0.0, 900, 100)
    assert intervals_to_pass(nothing, Rule()) == NEVER
    assert intervals_to_pass(nothing, Rule(margin_abs=0.01)) < NEVER


def test_to_pass__canary_beyond_what_is_to_be_excluded__is_never():
    assert intervals_to_pass(STEADY, Rule(), rate=0.02) == NEVER


def test_to_pass__evidence_there__is_only_what_is_left():
    whole = intervals_to_pass(STEADY, Rule())
    half = intervals_to_pass(STEADY, Rule(), reached=1.0)
    assert 0 < half < whole
    assert intervals_to_pass(STEADY, Rule(), reached=3.0) == 0


def test_to_fail__long_health_before__takes_longer():
    times = [intervals_to_fail(STEADY, Rule(), 0.03, healthy) for healthy in (0, 60, 360)]
    assert times == sorted(times)
    assert times[2] < 100


def test_to_fail__later_stage_and_smaller_weight__take_longer():
    first = intervals_to_fail(STEADY, Rule(), 0.03)
    assert intervals_to_fail(STEADY, Rule(stage=3), 0.03) > first
    assert intervals_to_fail(STEADY, Rule(weight=0.1), 0.03) > first
    assert intervals_to_fail(STEADY, Rule(weight=0.0), 0.03) == NEVER


def test_to_fail__overdispersed__takes_that_many_times_as_long():
    twice = Traffic(0.01, 900, 100, dispersion=2.0)
    long, short = (intervals_to_fail(each, Rule(), 0.03) - 0.5 for each in (twice, STEADY))
    assert long == pytest.approx(2 * short)


def test_to_fail__unit_effect__never_when_the_units_may_differ_as_much_by_themselves():
    three = Traffic(0.01, 900, 100, units=Units(0.05, canary=3, control=20))
    assert intervals_to_fail(STEADY, Rule(), 0.03) < intervals_to_fail(three, Rule(), 0.03)
    assert intervals_to_fail(three, Rule(), 0.0115) == NEVER


def test_decrease__share_of_good_requests__is_judged_on_the_bad_ones():
    rule = Rule(direction="decrease", margin=0.1)
    assert bound(0.02, rule, 0.1) == pytest.approx(0.118)
    assert intervals_to_fail(Traffic(0.02, 900, 100), rule, 0.11) == NEVER
    assert intervals_to_fail(Traffic(0.02, 900, 100), rule, 0.3) < 10


@given(
    base=st.floats(0.0, 0.3),
    canary=st.floats(1, 1e4),
    share=st.floats(0.01, 0.9),
    absolute=st.sampled_from([0.0, 0.002, 0.02]),
    within=st.floats(2, 1000),
)
def test_smallest_rate__any_traffic__is_seen_in_time_and_a_smaller_one_is_not(
    base, canary, share, absolute, within
):
    traffic, rule = Traffic(base, canary / share * (1 - share), canary), Rule(margin_abs=absolute)
    found = smallest_rate(traffic, rule, within)
    if found is None:
        assert intervals_to_fail(traffic, rule, 1.0) > within
        return
    assert bound(base, rule, rule.margin) <= found <= 1.0
    assert intervals_to_fail(traffic, rule, found) <= within
    assert found <= 1e-8 or intervals_to_fail(traffic, rule, found * 0.999) > within


@given(base=st.floats(1e-4, 0.2), canary=st.floats(1, 1e4), factor=st.floats(1.2, 4))
def test_times__more_traffic__are_never_longer(base, canary, factor):
    rule = Rule(margin_abs=0.001)
    less, more = Traffic(base, 1000, canary), Traffic(base, 1000 * factor, canary * factor)
    assert intervals_to_pass(more, rule) <= intervals_to_pass(less, rule)
    rate = 2 * bound(base, rule, rule.margin)
    assert intervals_to_fail(more, rule, rate) <= intervals_to_fail(less, rule, rate)


def test_value__equal_canary__passes_and_a_worse_one_fails_in_closed_form():
    rule, noise = Rule(), Noise(0.3)
    nats = math.log(1 / 0.05) + 1.0
    drift = math.log(1.5) ** 2 / (2 * 0.3**2)
    assert value_to_pass(noise, rule) == pytest.approx(nats / drift * math.exp(-1 / nats) + 0.5)
    assert value_to_fail(noise, rule, 1.05) == NEVER
    assert value_to_fail(noise, rule, 2.0) < value_to_fail(noise, rule, 1.5) < NEVER


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_smallest_ratio__either_way__is_seen_in_time(direction):
    rule, noise = Rule(direction=direction), Noise(0.2)
    found = smallest_ratio(noise, rule, 20)
    assert value_to_fail(noise, rule, found) <= 20
    nearer = found**0.99
    assert value_to_fail(noise, rule, nearer) > 20


def test_value__units_that_differ_by_themselves__bound_what_can_ever_be_seen():
    apart = Noise(0.1, Units(0.05, canary=3, control=3))
    assert value_to_fail(apart, Rule(), 1.15) == NEVER
    assert value_to_fail(apart, Rule(), 2.0) < 10
