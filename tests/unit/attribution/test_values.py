"""Values: paired differences, the likelihood ratio, and what is claimed of how many units."""

import math
from dataclasses import replace

import numpy as np
import pytest

from attribution.stats.paired import spread
from attribution.stats.ratio import Margins
from attribution.stats.values import EFFECTS, PRIORS, Readings, pair, weigh_values

MARGINS = Margins(fail=0.1, passing=0.5, absolute=0.0)


def world(
    rng, control=20, canary=3, past=240, now=60, *, factor=1.0, noise=0.08, unit=0.0, metrics=1
):
    """Readings of `metrics` metrics; the canary times `factor` from the rollout on."""
    both = []
    for units, times in ((control, 1.0), (canary, factor)):
        own = rng.normal(0, unit, (metrics, units, 1))
        level = own + rng.normal(0, noise, (metrics, units, past + now))
        level[..., past:] += math.log(times)
        both.append(0.1 * np.exp(level))
    before = [each[..., :past] if past else None for each in both]
    return Readings(both[0][..., past:], both[1][..., past:], before[0], before[1], same_units=True)


def test_evidence__own_past_of_one_unit_each__is_the_gaussian_likelihood_ratio():
    """Against densities of the multivariate normal, computed here: a common deviation ω² of all
    intervals makes them dependent.
    """
    rng = np.random.default_rng(1)
    given = world(rng, control=1, canary=1, past=200, now=12, factor=1.3, noise=0.05)
    found = pair(given)
    assert found.noise.persistence[0, 0] == 0.0
    sd, omega = found.noise.sd[0], math.sqrt(found.unknown[0])
    d = (found.difference[0] - math.log(1.1)) / sd
    assert np.abs(d).max() < found.noise.clip[0]
    count = d.size
    covariance = np.eye(count) + (omega / sd[-1]) ** 2 * np.ones((count, count))
    inverse = np.linalg.inv(covariance)
    ones = np.ones(count)
    each = [theta * ones @ inverse @ d - theta**2 / 2 * ones @ inverse @ ones for theta in EFFECTS]
    expected = np.logaddexp.reduce(np.array(each) + PRIORS)
    weighed = weigh_values(given, "increase", MARGINS, [0])
    assert weighed.current_harm[0, -1] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("unit", [0.0, 0.05])
def test_evidence__harm_at_the_margin__stays_an_e_value(unit):
    rng = np.random.default_rng(2)
    found = weigh_values(
        world(rng, factor=1.1, unit=unit, metrics=2000), "increase", MARGINS, [0]
    ).harm
    assert np.exp(found[:, [4, 19, 59]]).mean(axis=0).max() <= 1.3
    assert (found.max(axis=1) >= math.log(100)).mean() <= 0.01


def test_evidence__nobody_knows_what_units_differ_by__claims_nothing():
    rng = np.random.default_rng(3)
    alone = world(rng, control=1, canary=1, past=0, factor=3.0)
    weighed = weigh_values(alone, "increase", MARGINS, [0])
    assert max(weighed.current_harm.max(), weighed.health.max()) < 0


def test_evidence__latency_30_percent_up_under_unit_effects__is_found_by_the_units_own_past():
    rng = np.random.default_rng(4)
    for control in (20, 3):
        given = world(rng, control=control, factor=1.3, unit=0.05, metrics=200)
        found = weigh_values(given, "increase", MARGINS, [0]).harm.max(axis=1)
        assert (found >= math.log(100)).mean() >= 0.95


def test_evidence__decrease__is_found_one_way_only():
    given = world(np.random.default_rng(5), factor=0.5)
    assert weigh_values(given, "decrease", MARGINS, [0]).harm.max() > 10
    assert weigh_values(given, "increase", MARGINS, [0]).harm.max() < 3


def test_evidence__within_the_absolute_margin__is_no_harm():
    given = world(np.random.default_rng(6), factor=1.5)
    assert weigh_values(given, "increase", replace(MARGINS, absolute=0.2), [0]).harm.max() < 3


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_evidence__another_unit_of_measure__is_the_same(scale):
    given = world(np.random.default_rng(7), factor=1.2)
    scaled = Readings(*(scale * e for e in (given.control, given.canary)), same_units=True)
    plain = Readings(given.control, given.canary, same_units=True)
    ours, theirs = (weigh_values(each, "increase", MARGINS, [0]).harm for each in (plain, scaled))
    assert theirs == pytest.approx(ours, rel=1e-6, abs=1e-6)


def test_evidence__a_gap_in_both_cohorts__is_stepped_over():
    given = world(np.random.default_rng(8), factor=1.5)
    control, canary = given.control.copy(), given.canary.copy()
    control[..., 20:25] = np.nan
    canary[..., 22:28] = np.nan
    found = weigh_values(replace(given, control=control, canary=canary), "increase", MARGINS, [0])
    assert np.isfinite(found.harm).all()
    assert found.harm.max() > math.log(100)


def test_evidence__zeros_and_negative_readings__are_a_floor_and_no_error():
    given = world(np.random.default_rng(9))
    canary = given.canary.copy()
    canary[..., ::7] = 0.0
    canary[..., ::11] = -1.0
    found = weigh_values(replace(given, canary=canary), "increase", MARGINS, [0])
    assert np.isfinite(found.harm).all()


def test_spread__autocorrelated_past__is_wider_for_a_mean_of_many():
    rng = np.random.default_rng(10)
    d = rng.normal(size=(1, 2000))
    for t in range(1, 2000):
        d[0, t] = 0.6 * d[0, t - 1] + 0.8 * d[0, t]
    found = spread(np.zeros((1, 1)), d)
    assert found.persistence[0, 0] == pytest.approx(0.6, abs=0.06)
    assert found.long_run[0, 0] == pytest.approx(2.0, rel=0.15)


def test_spread__heavy_tails__are_cut_earlier():
    rng = np.random.default_rng(11)
    normal = spread(np.zeros((1, 1)), rng.normal(size=(1, 240)))
    heavy = spread(np.zeros((1, 1)), rng.standard_t(2.5, size=(1, 240)))
    assert heavy.clip[0] < normal.clip[0]
