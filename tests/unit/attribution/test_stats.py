"""Each estimator against an independent computation, and against what it promises."""

import math

import numpy as np
import pytest

from attribution.judge import judge
from attribution.stats import epochs, silence
from attribution.stats.effects import rare_interval, rate_interval
from attribution.stats.lines import Counts, Line, log_evidence, nearest_base
from attribution.stats.shifts import change_point, two_shares

from .cases import judge_case, ratio


def one(k, n_k, x, n_c):
    return Counts(*(np.array([float(value)]) for value in (k, n_k, x, n_c)))


def test_line_evidence__through_zero__is_lindon_and_maleks_conditional_binomial():
    k, n_k, x, n_c, r0, r1 = 7, 900, 5, 100, 1.1, 3.0
    w, q = r0 * n_c / (r0 * n_c + n_k), r1 * n_c / (r1 * n_c + n_k)
    expected = x * math.log(q / w) + k * math.log((1 - q) / (1 - w))
    for base in (0.001, 0.02):
        found = log_evidence(
            one(k, n_k, x, n_c), np.array([base]), np.array([[r1 * base]]), Line(0.0, r0)
        )
        assert found[0, 0] == pytest.approx(expected)


def test_nearest_base__any_line__has_the_smallest_divergence_of_a_fine_grid():
    counts, base, beyond, line = one(0, 60, 0, 20), 0.002, 0.05, Line(0.01, 1.0)
    found = nearest_base(counts, np.array([base]), np.array([[beyond]]), line)[0, 0]

    def divergence(b):
        p = line.c0 + line.c1 * b
        return 60 * (b - base + base * np.log(base / b)) + 20 * (
            p - beyond + beyond * np.log(beyond / p)
        )

    grid = np.linspace(1e-5, 0.05, 200_001)
    assert found == pytest.approx(grid[np.argmin(divergence(grid))], rel=1e-3)


@pytest.mark.parametrize("line", [Line(0.0, 1.1), Line(0.01, 1.0), Line(0.1, 0.9)])
@pytest.mark.parametrize("base", [1e-4, 0.002, 0.05, 0.4])
def test_line_evidence__under_the_null__has_expectation_at_most_one(line, base):
    """Exact: sums over all outcomes of both binomials, on and inside the boundary."""
    n_k, n_c = 12, 6
    outcomes = [(k, x) for k in range(n_k + 1) for x in range(n_c + 1)]
    bound = min(line.c0 + line.c1 * base, 1.0)
    for rate in (bound, 0.5 * bound):
        total = 0.0
        for k, x in outcomes:
            chance = (
                math.comb(n_k, k)
                * base**k
                * (1 - base) ** (n_k - k)
                * math.comb(n_c, x)
                * rate**x
                * (1 - rate) ** (n_c - x)
            )
            guess = np.array([0.003])
            evidence = log_evidence(one(k, n_k, x, n_c), guess, np.array([[0.2]]), line)
            total += chance * math.exp(evidence[0, 0])
        assert total <= 1 + 1e-9


def test_epoch_weights__all_epochs_together__spend_the_whole_alpha_and_no_more():
    assert sum(epochs.weight(j) for j in range(1, 100_000)) == pytest.approx(1.0, abs=1e-4)


def test_combine__before_any_evidence__is_one():
    assert epochs.combine([np.zeros(3), np.zeros(3)], [0, 2]) == pytest.approx(np.zeros(3))


def test_rate_interval__no_event_in_n__is_near_the_rule_of_three():
    low, high = rate_interval(0, 1000, 0.05)
    assert low == 0.0
    assert 3 / 1000 < high < 9 / 1000


def test_rare_interval__over_all_looks__covers_the_truth():
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(200):
        k, x = rng.binomial(60, 0.05, 60), rng.binomial(20, 0.1, 60)
        ends = [
            rare_interval(Counts(k[:n] * 1.0, np.full(n, 60.0), x[:n] * 1.0, np.full(n, 20.0)), 0.1)
            for n in range(1, 61, 6)
        ]
        missed += any(low > 1.0 or (high is not None and high < 1.0) for low, high in ends)
    assert missed / 200 <= 0.1


def test_silence__run_of_silence__gives_nothing_for_the_first_read_then_log_40_each():
    reports = np.array([True, False, False, False])
    gains = silence.log_evidence(reports, np.ones(4, bool), np.full(4, 0.02), interval_s=60)
    assert gains == pytest.approx([0, 0, math.log(40), math.log(40)])


def test_silence__little_traffic__is_no_proof():
    expected = silence.expected_requests(np.full(5, 3.0), np.zeros(5), np.full(5, 0.05))
    assert (silence.silence_rate(np.ones(5, bool), expected, (0, 0)) > 0.8).all()


def test_two_shares__known_table__is_the_root_of_g_squared():
    expected = math.sqrt(
        2
        * (
            10 * math.log(10 / 6)
            + 2 * math.log(2 / 6)
            + 90 * math.log(90 / 94)
            + 98 * math.log(98 / 94)
        )
    )
    assert two_shares((10, 2), (100, 100)) == pytest.approx(expected)
    assert two_shares((2, 10), (100, 100)) == pytest.approx(-expected)


def test_change_point__clear_step__is_found_where_it_is():
    values = np.concatenate((np.tile([1.0, 1.2], 20), np.tile([3.0, 3.2], 10)))
    place, z = change_point(values)
    assert place == 40
    assert z > 10


@pytest.mark.parametrize(("base", "absolute"), [(0.0, 0.01), (0.01, 0.01), (0.01, 0.0), (0.2, 0.0)])
def test_judge__true_harm_just_allowed__fails_no_more_often_than_alpha(base, absolute):
    """400 runs, 120 looks each, alpha 0.1: 52 failures would be three standard errors too many."""
    allowed = max(base * 1.1, base + absolute)
    failed = sum(
        judge(judge_case(ratio(base, allowed, 120, seed, margin_abs=absolute), alpha=0.1))[
            "verdict"
        ]
        == "fail"
        for seed in range(400)
    )
    assert failed <= 40 + 3 * 6
