"""What is counted as when, and what is printed of it."""

import math

import numpy as np
import pytest
from judge_print import quantile, shown, times, upper
from judge_verdicts import verdicts_of


def test_a_failure_is_final_and_a_pass_is_not():
    fails = np.array([[0, 0, 1, 0], [0, 0, 0, 0]], dtype=bool)
    passes = np.array([[0, 1, 1, 1], [0, 1, 0, 0]], dtype=bool)
    found = verdicts_of(fails, passes)
    assert found.failed_at.tolist() == [3, 5]
    assert found.passed_at.tolist() == [2, 2]
    assert found.passing.tolist() == [False, False]
    assert found.failed.tolist() == [True, False]


def test_undecided_cases_are_the_latest():
    ours, theirs = np.array([2, 4, 6, 61]), np.array([1, 2, 4, 8])
    assert shown(ours, 60) == "4 (> 60)"
    assert times(ours, theirs, 0.5, 60) == "2.00"
    assert times(ours, theirs, 0.9, 60) == "> 7.62"
    assert times(theirs, ours, 0.9, 60) == "–"
    assert quantile(np.arange(1, 11), 0.9) == 9


def test_upper_limits():
    """None of n: 1 − 0.025^(1/n) in closed form; else P(X ≤ failed) = 0.025, added up."""
    assert upper(0, 2000) == pytest.approx(1 - 0.025 ** (1 / 2000), rel=1e-6)
    assert upper(5, 5) == 1.0
    p = upper(3, 50)
    tail = sum(math.comb(50, k) * p**k * (1 - p) ** (50 - k) for k in range(4))
    assert tail == pytest.approx(0.025, rel=1e-6)
