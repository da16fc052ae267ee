"""Distributions: only whole buckets are believed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.stats.buckets import Histograms, comparable, weigh_buckets
from attribution.stats.ratio import Margins

BOUNDS = np.array([0.05, 0.1, 0.25, 0.5, 1.0, 2.5])
MARGINS = Margins(fail=0.1, passing=0.5, absolute=0.0)


def counted(latencies):
    places = np.searchsorted(BOUNDS, latencies, side="left")
    return np.array([np.bincount(row, minlength=BOUNDS.size + 1) for row in places], dtype=float)


def histograms(rng, factor, *, control=200, canary=60, intervals=60, spread=0.6):
    both = [
        counted(0.1 * times * np.exp(rng.normal(0, spread, (intervals, number))))
        for number, times in ((control, 1.0), (canary, factor))
    ]
    return Histograms(both[0][None, None], both[1][None, None], BOUNDS)


@given(
    st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=30),
    st.floats(0.0, 3.0),
    st.sampled_from(["increase", "decrease"]),
)
def test_comparable__canary_worse_by_the_margin_whatever_it_looks_like__is_never_beyond(
    latencies, margin, direction
):
    control = np.array(latencies)
    margin = margin if direction == "increase" else min(margin, 0.9)
    canary = control * ((1 + margin) if direction == "increase" else (1 - margin))
    for mine, theirs in comparable(BOUNDS, direction, margin):
        if direction == "increase":
            assert (canary > BOUNDS[mine] * (1 + 1e-9)).mean() <= (control > BOUNDS[theirs]).mean()
        else:
            below = (canary <= BOUNDS[mine] * (1 - 1e-9)).mean()
            assert below <= (control <= BOUNDS[theirs]).mean()


def test_weigh__three_times_as_slow__fails_and_a_margin_s_worth_never():
    rng = np.random.default_rng(1)
    slow = weigh_buckets(histograms(rng, 3.0), "increase", MARGINS, [0])
    assert slow.harm.max() > math.log(100)
    harmless = weigh_buckets(histograms(rng, 1.1), "increase", MARGINS, [0])
    assert harmless.harm.max() < math.log(100)


def test_weigh__bound_that_matters__finds_what_whole_buckets_hide():
    given_ = histograms(np.random.default_rng(2), 1.5)
    assert weigh_buckets(given_, "increase", MARGINS, [0]).harm.max() < math.log(100)
    assert weigh_buckets(given_, "increase", MARGINS, [0], slo=0.25).harm.max() > math.log(100)


def test_weigh__healthy__passes_and_half_as_slow_again_does_not():
    rng = np.random.default_rng(3)
    healthy = weigh_buckets(histograms(rng, 1.0), "increase", MARGINS, [0])
    assert healthy.health[0, -1] > math.log(20)
    worse = weigh_buckets(histograms(rng, 1.5), "increase", MARGINS, [0])
    assert worse.health.max() < math.log(20)


def test_weigh__nothing_reported__says_nothing():
    empty = np.zeros((1, 1, 5, BOUNDS.size + 1))
    found = weigh_buckets(Histograms(empty, empty, BOUNDS), "increase", MARGINS, [0])
    assert found.harm.max() <= 0.0
    assert found.health == pytest.approx(0.0)
