"""The shift between two samples: against computations of its own, and its symmetries."""

import math
from collections import Counter
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.stats.mann_whitney import (
    AllTiedError,
    common_language,
    exact_shift,
    kth_difference,
    searched_shift,
    shift_z,
)
from attribution.stats.roots import Point, brent_zero

samples = st.lists(st.integers(-50, 50), min_size=2, max_size=7)
drawn = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def array(values):
    return np.asarray(values, dtype=np.float64)


def differences(x, y):
    return sorted(a - b for a, b in product(x, y))


def z_by_hand(x, y, d):
    """The textbook's: pairs counted one by one, ties counted value by value."""
    m, n = len(x), len(y)
    won = sum(1.0 if a - d > b else 0.5 if a - d == b else 0.0 for a, b in product(x, y))
    ties = sum(t**3 - t for t in Counter([a - d for a in x] + list(y)).values())
    sigma = math.sqrt(m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1))))
    centred = won - m * n / 2
    return (centred - 0.5 * ((centred > 0) - (centred < 0))) / sigma


@drawn
@given(samples, samples, st.integers(-20, 20))
def test_shift_z__any_samples__is_the_count_of_pairs(x, y, d):
    if len({*(a - d for a in x), *y}) == 1:
        with pytest.raises(AllTiedError):
            shift_z(array(x), array(y), d)
    else:
        assert shift_z(array(x), array(y), d) == pytest.approx(z_by_hand(x, y, d), abs=1e-12)


@drawn
@given(samples, samples)
def test_kth_difference__every_k__is_that_of_the_sorted_differences(x, y):
    found = [
        kth_difference(array(sorted(x)), array(sorted(y)), k + 1) for k in range(len(x) * len(y))
    ]
    assert found == differences(x, y)


def test_kth_difference__smallest_numbers_there_are__comes_to_an_end():
    tiny = 5e-324  # half of it is 0: no bisection comes nearer
    found = [kth_difference(array([0.0, tiny]), array([0.0, 3 * tiny]), k) for k in (1, 2, 3, 4)]
    assert found == [-3 * tiny, -2 * tiny, 0.0, tiny]


@drawn
@given(samples, samples)
def test_exact_shift__any_samples__is_where_z_steps_over_its_quantile(x, y):
    found = exact_shift(array(x), array(y), 0.9)
    ordered = differences(x, y)
    places = sorted(set(ordered))
    assert found.estimate == pytest.approx(np.median(ordered))
    quantile = NormalDist().inv_cdf(0.95)
    # Beside the differences z is free of ties between x and y: a quarter is no whole number.
    outside = [d for d in places if z_by_hand(x, y, d - 0.25) > quantile]
    assert found.lower == max(outside, default=places[0])
    above = [d for d in places if z_by_hand(x, y, d + 0.25) < -quantile]
    assert found.upper == min(above, default=places[-1])


def test_searched_shift__seven_of_ten_up__is_what_kayenta_printed():
    """The numbers that Kayenta printed for this sample: spinnaker/spinnaker, issue 6278."""
    found = searched_shift(array([100] * 7 + [1] * 3), array([1] * 10), 0.98)
    assert found.lower == pytest.approx(6.825022991538781e-05, rel=1e-12)
    assert found.upper == 99.0
    assert found.estimate == pytest.approx(98.99992904170193, rel=1e-15)


@drawn
@given(samples, samples)
def test_searched_shift__any_samples__lies_beside_the_exact_bounds(x, y):
    x, y = array(x), array(y)
    if np.unique(x).size == 1 and np.unique(y).size == 1:
        return  # tied at both ends: no search
    found, exact = searched_shift(x, y, 0.9), exact_shift(x, y, 0.9)
    # A search that hits a difference itself sees other ties there: then it is at a neighbour.
    places = array(sorted({*differences(x, y)}))
    for searched, bound in ((found.lower, exact.lower), (found.upper, exact.upper)):
        nearest = int(np.argmin(np.abs(places - searched)))
        assert places[nearest] == pytest.approx(searched, abs=1e-4)
        assert abs(nearest - int(np.flatnonzero(places == bound)[0])) <= 1


@drawn
@given(samples, samples, st.randoms(use_true_random=False))
def test_shifts__order_of_points__does_not_matter(x, y, random):
    mixed = random.sample(x, len(x)), random.sample(y, len(y))
    assert exact_shift(array(x), array(y), 0.9) == exact_shift(*map(array, mixed), 0.9)
    if len(set(x)) > 1:
        assert searched_shift(array(x), array(y), 0.9) == searched_shift(*map(array, mixed), 0.9)


@drawn
@given(samples, samples, st.integers(-1000, 1000), st.sampled_from([1e-8, 0.5, 3.0, 1e8]))
def test_exact_shift__moved_and_scaled__moves_and_scales(x, y, moved, scale):
    plain = exact_shift(array(x), array(y), 0.9)
    found = exact_shift(scale * (array(x) + moved), scale * array(y), 0.9)
    for name in ("lower", "upper", "estimate"):
        expected = scale * (getattr(plain, name) + moved)
        assert getattr(found, name) == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


@drawn
@given(samples, samples)
def test_exact_shift__sides_swapped__is_mirrored(x, y):
    one, other = exact_shift(array(x), array(y), 0.9), exact_shift(array(y), array(x), 0.9)
    assert (one.lower, one.upper) == (-other.upper, -other.lower)
    assert one.estimate == -other.estimate


def test_exact_shift__many_samples_of_one_shift__covers_it_as_often_as_it_says():
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        found = exact_shift(rng.normal(1, 1, 20), rng.normal(0, 1, 25), 0.9)
        held += found.lower <= 1.0 <= found.upper
    assert 0.855 < held / 400 < 0.945  # three standard errors


@drawn
@given(samples, samples)
def test_common_language__any_samples__is_the_share_of_pairs(x, y):
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(x, y)]
    assert common_language(array(x), array(y)) == pytest.approx(sum(pairs) / len(pairs))


def test_shift_z__all_tied__has_no_answer():
    with pytest.raises(AllTiedError):
        shift_z(array([1, 1]), array([1, 1, 1]), 0.0)


@pytest.mark.parametrize(
    ("function", "zero"),
    [
        (lambda v: v**3 - 2, 2 ** (1 / 3)),
        (lambda v: math.cos(v) - v, 0.7390851332151607),
        (lambda v: math.exp(-v) - 1e-3, math.log(1000)),
        (lambda v: v - 0.0, 0.0),
    ],
)
def test_brent_zero__smooth_function__is_found_to_its_tolerance(function, zero):
    low, high = -1.0, 10.0
    found = brent_zero(function, Point(low, function(low)), Point(high, function(high)), 1e-12)
    assert found == pytest.approx(zero, abs=1e-11)


def test_brent_zero__step__is_found_to_its_tolerance():
    def step(value):
        return 3.0 if value < 1 / 3 else -1.0

    found = brent_zero(step, Point(-5.0, 3.0), Point(8.0, -1.0), 1e-4)
    assert found == pytest.approx(1 / 3, abs=1e-4)


def test_brent_zero__end_is_the_zero__is_that_end():
    assert brent_zero(lambda v: v, Point(0.0, 0.0), Point(1.0, 1.0), 1e-4) == 0.0
    assert brent_zero(lambda v: v, Point(-1.0, -1.0), Point(0.0, 0.0), 1e-4) == 0.0
