import numpy as np

from controlplane.risk.learned.comparison import LEAST_HELD_OUT, compare


def later(rows=400, seed=1):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.8, rows)
    return p, (rng.random(rows) < p).astype(float)


def test_compare__right_probabilities_against_a_constant__are_better():
    p, true = later()
    found = compare(p, np.full(len(p), true.mean()), true)
    assert found.better
    assert found.figures["candidate"]["auc"] > found.figures["present"]["auc"]


def test_compare__same_model_twice__is_not_better():
    p, true = later()
    assert not compare(p, p, true).better


def test_compare__constant_against_right_probabilities__is_not_better():
    p, true = later()
    found = compare(np.full(len(p), true.mean()), p, true)
    assert not found.better
    assert "no better" in found.reason


def test_compare__better_calibrated_but_ranking_worse__is_not_better():
    p, true = later()
    badly_scaled = p**6
    found = compare(np.full(len(p), true.mean()), badly_scaled, true)
    assert not found.better
    assert "ranks worse" in found.reason


def test_compare__too_few_or_one_sided_outcomes__decide_nothing():
    p, true = later(LEAST_HELD_OUT - 1)
    assert not compare(p, np.full(len(p), 0.5), true).better
    p, _ = later()
    assert not compare(p, np.full(len(p), 0.5), np.zeros(len(p))).better
    assert not compare(np.empty(0), np.empty(0), np.empty(0)).better
