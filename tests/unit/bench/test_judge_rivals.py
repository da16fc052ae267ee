"""The rivals' arithmetic against one look at a time, and against published boundaries."""

import math

import numpy as np
import pytest
from judge_rivals import _moments, group_sequential, mann_whitney, msprt, rank_z
from judge_spending import boundaries

from attribution.stats.mann_whitney import AllTiedError, shift_z


def one_look(x, y):
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    try:
        return shift_z(x, y, 0.0) if x.size and y.size else 0.0
    except AllTiedError:
        return 0.0


def test_rank_z_of_every_prefix_is_that_of_the_judge_of_one_look():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, (2, 4, 25)).astype(float)  # few values: many ties
    x[0, 3:7], y[1, :2] = np.nan, np.nan
    found = rank_z(x, y)
    for row in range(4):
        expected = [one_look(x[row, :t], y[row, :t]) for t in range(1, 26)]
        np.testing.assert_allclose(found[row], expected, atol=1e-12)


def test_boundaries_are_those_published_for_five_looks():
    """Lan & DeMets' O'Brien-Fleming-like spending at 0.025 one-sided, as gsDesign prints it."""
    published = [4.877, 3.357, 2.680, 2.290, 2.031]
    assert boundaries(0.025, 5) == pytest.approx(published, abs=1e-3)


def test_msprt_by_hand():
    rng = np.random.default_rng(2)
    control, canary = 1.0 + rng.normal(0, 0.1, 20), 1.23 + rng.normal(0, 0.1, 20)
    found = msprt(control[None], canary[None], 0.02)[0]
    for n in range(2, 21):
        d = canary[:n] - 1.1 * control[:n]
        v, tau, mean = d.var(ddof=1), 0.1 * control[:n].mean(), d.mean()
        power = n**2 * tau**2 * mean**2 / (2 * v * (v + n * tau**2))
        log_ratio = math.log(v / (v + n * tau**2)) / 2 + power
        assert found[n - 1] == (n >= 10 and mean > 0 and log_ratio >= math.log(50))
    assert 0 < found.sum() < 11


def test_group_sequential_asks_at_its_planned_looks_only():
    rng = np.random.default_rng(3)
    control, canary = 1 + rng.normal(0, 0.1, (1, 60)), 2 + rng.normal(0, 0.1, (1, 60))
    assert np.flatnonzero(group_sequential(control, canary, 0.02)[0]).tolist() == [
        9, 19, 29, 39, 49, 59,
    ]  # fmt: skip


@pytest.mark.parametrize("rule", [mann_whitney, group_sequential, msprt])
def test_nothing_reported_fails_nothing(rule):
    nothing = np.full((2, 60), np.nan)
    assert not rule(nothing, nothing, 0.02).any()


def test_moments_of_every_prefix():
    d = np.array([[1e9, 1e9 + 1, np.nan, 1e9 + 5]])
    count, mean, variance = _moments(d)
    assert count.tolist() == [[1, 2, 2, 3]]
    assert mean.tolist() == [[1e9, 1e9 + 0.5, 1e9 + 0.5, 1e9 + 2]]
    np.testing.assert_allclose(variance, [[0, 0.5, 0.5, 7]])
