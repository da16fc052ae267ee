import numpy as np
import pytest

from controlplane.risk.learned import scores
from controlplane.risk.learned.boosting import Settings, binned, fit, margins
from controlplane.risk.learned.calibration import platt

QUICK = Settings(trees=40, rate=0.2, depth=3, least=1.0, columns=1.0)


def drawn(seed=1, rows=3000):
    """Bad where the two first features disagree: no single one of them tells anything."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    p = np.where((x[:, 0] > 0) != (x[:, 1] > 0), 0.9, 0.1)
    return x, (rng.random(rows) < p).astype(float)


def fitted(settings=QUICK):
    x, true = drawn()
    return fit(x, true, np.ones(len(x)), np.zeros(len(x)), settings)


def test_fit__interaction_of_two_features__is_learned():
    x, true = drawn(seed=2)
    assert scores.auc(margins(fitted()[0], x), true) > 0.85


def test_fit__same_rows_and_seed__give_the_same_trees():
    assert fitted()[0] == fitted()[0]


def test_fit__its_margins__are_those_of_the_trees_one_row_at_a_time():
    forest, margin = fitted()
    x, _ = drawn()
    assert margins(forest, x) == pytest.approx(margin)
    assert [forest.margin(list(row)) for row in x[:50]] == pytest.approx(list(margin[:50]))


def test_fit__offset_that_explains_everything__leaves_nothing_to_learn():
    x, true = drawn()
    known = np.where(true > 0, 12.0, -12.0)
    _, margin = fit(x, true, np.ones(len(x)), known, QUICK)
    assert np.abs(margin).max() < 0.01


def test_fit__rows_without_weight__teach_nothing():
    x, true = drawn()
    forest, _ = fit(x, true, np.zeros(len(x)), np.zeros(len(x)), QUICK)
    assert np.abs(margins(forest, x)).max() < 1e-9


def test_binned__few_values__each_get_a_bin_of_their_own():
    data = binned(np.array([[3.0], [1.0], [3.0], [2.0]]), most=64)
    assert data.bins[:, 0].tolist() == [2, 0, 2, 1]


def test_binned__many_values__stay_below_the_most():
    data = binned(np.random.default_rng(1).normal(size=(5000, 1)), most=16)
    assert len(data.edges[0]) < 16


def test_platt__margins_twice_too_large__are_halved_and_moved():
    rng = np.random.default_rng(3)
    x = rng.normal(size=20_000)
    true = (rng.random(20_000) < 1 / (1 + np.exp(-(x - 1)))).astype(float)
    slope, intercept = platt(2 * x, true, np.zeros(20_000))
    assert (slope, intercept) == pytest.approx((0.5, -1.0), abs=0.06)


def test_platt__margins_the_wrong_way_round__are_silenced_not_turned():
    x = np.linspace(-3, 3, 400)
    assert platt(x, (x < 0).astype(float), np.zeros(400))[0] == 0.0


def test_platt__one_class_only__stays_finite():
    slope, intercept = platt(np.linspace(-1, 1, 30), np.zeros(30), np.zeros(30))
    assert abs(slope) < 10
    assert -10 < intercept < 0
