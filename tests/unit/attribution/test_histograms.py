from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.histograms import (
    added,
    beyond,
    common_bounds,
    comparable,
    counts_on,
    histogram_of,
    telling_place,
)

BOUNDS = st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True).map(sorted)
SEEN = st.lists(st.integers(0, 14), max_size=12)


def histogram(bounds, seen):
    counts = [0.0] * (len(bounds) + 1)
    for value in seen:
        counts[bisect_left(bounds, value)] += 1
    return {"bounds": bounds, "counts": counts}


READS = st.lists(st.tuples(BOUNDS, SEEN), min_size=1, max_size=6)


@given(READS)
def test_counts_on__common_bounds__keep_totals_and_sides(reads):
    bounds = common_bounds(histogram(*read) for read in reads)
    for own, seen in reads:
        counts = counts_on(histogram(own, seen), bounds)
        assert sum(counts) == len(seen)
        for place, bound in enumerate(bounds):
            assert sum(counts[: place + 1]) == sum(value <= bound for value in seen)


@given(READS)
def test_common_bounds__bounds_that_all_reads_have__are_among_them(reads):
    shared = set.intersection(*(set(bounds) for bounds, _ in reads))
    assert shared <= set(common_bounds(histogram(*read) for read in reads))


def test_common_bounds__empty_buckets_that_one_read_does_not_tell__are_kept():
    sparse = {"bounds": [1, 2], "counts": [0, 3, 0]}
    other = {"bounds": [2, 4, 8], "counts": [5, 0, 1, 0]}
    assert common_bounds([sparse, other]) == [2, 4, 8]
    assert counts_on(sparse, [2, 4, 8]) == [3, 0, 0, 0]


def test_common_bounds__buckets_that_never_meet__have_none():
    reads = [{"bounds": [1], "counts": [2, 2]}, {"bounds": [2], "counts": [2, 2]}]
    assert common_bounds(reads) == []


def test_comparable__counts_without_a_bound__are_not():
    assert not comparable({"bounds": [], "counts": [3]})
    assert comparable({"bounds": [], "counts": [0]})


@pytest.mark.parametrize(
    "stored",
    [None, [1, 2], 3.5, {"bounds": [1]}, {"bounds": [2, 1], "counts": [0, 0, 0]}],
)
def test_histogram_of__anything_else__is_none(stored):
    assert histogram_of(stored) is None


def test_beyond__either_side_of_a_bound__adds_up_to_all():
    counts = [1.0, 2.0, 4.0]
    assert (beyond(counts, 0, "increase"), beyond(counts, 0, "decrease")) == (6, 1)
    assert added(counts, counts) == [2, 4, 8]


def test_telling_place__without_a_bound__is_the_controls_slowest_tenth():
    assert telling_place([1, 2, 4], [[50, 39, 9, 2], None], "increase") == 1
    assert telling_place([1, 2, 4], [[50, 39, 9, 2]], "increase", 4) == 2
