"""Each piece against the plain loop that it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.stats import running_max
from attribution.stats.running_max import (
    STILL,
    largest_before,
    largest_short_mean,
    scale,
    short_mean,
    sorted_median,
    standardised,
    trailing_median,
    usual_maximum,
)

nan = np.nan


@given(st.lists(st.lists(st.floats(-9, 9) | st.just(nan), min_size=4, max_size=4), min_size=1))
def test_sorted_median__any_rows__is_the_median_of_the_known(rows):
    found = sorted_median(np.array(rows))
    for row, middle in zip(rows, found, strict=True):
        known = [each for each in row if np.isfinite(each)]
        assert middle == pytest.approx(np.median(known) if known else nan, nan_ok=True)


def test_trailing_median__each_point__sees_only_those_before():
    values = np.array([5.0, 1, nan, 3, 100])
    assert trailing_median(values, 3) == pytest.approx([nan, 5, 3, 3, 2], nan_ok=True)


def test_short_mean__gap__is_the_mean_of_the_known():
    found = short_mean(np.array([3.0, nan, 1, nan, nan, nan]), 3)
    assert found == pytest.approx([3, 3, 2, 1, 1, 0])


def test_largest_short_mean__direction__counts_only_harm_and_no_gap():
    z = np.array([0.0, -6, nan, 4])
    assert largest_short_mean(z, "decrease") == pytest.approx([0, 6, 0, 1])
    assert largest_short_mean(z, "increase") == pytest.approx([0, 0, 0, 4])
    assert largest_short_mean(z, "either") == pytest.approx([0, 6, 0, 4])


def test_scale__known_deviations__is_median_and_mean_and_floor():
    deviation = np.array([1.0, -3, 2, 0, 5, -1, 1, 2, -2, 3] + [0.0] * 30)
    found = scale(deviation, np.full(40, 10.0))
    size = np.abs(deviation[:16])
    assert np.isnan(found[:16]).all()
    assert found[16] == pytest.approx(1.4826 * np.median(size) + 0.3 * size.mean() + 0.5)


def test_standardised__no_scale__is_still_or_nothing():
    found = standardised(np.array([0.0, 2, -2, 2, nan]), np.array([0.0, 0, 0, 1, 0]))
    assert found == pytest.approx([0, STILL, -STILL, 2, nan], nan_ok=True)


def test_usual_maximum__windows__is_the_median_of_earlier_maxima():
    statistic = np.arange(12 * 40, dtype=float)
    found = usual_maximum(statistic)
    assert found[:36].tolist() == [0.0] * 36
    assert found[36] == 23.0  # of 11, 23, 35
    assert found[12 * 35] == pytest.approx(np.median([12 * k + 11 for k in range(5, 35)]))


@pytest.mark.parametrize("length", [1, 4, 5, 6, 23])
def test_largest_before__short_record__is_the_maximum_of_the_points_before(monkeypatch, length):
    monkeypatch.setattr(running_max, "RECORD", 5)
    statistic = np.random.default_rng(length).random(length)
    expected = [max(statistic[max(0, i - 5) : i], default=0.0) for i in range(length)]
    assert largest_before(statistic).tolist() == expected
