"""The share of production that runs a change, by the requests that both versions report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.seen_versions import steadied
from rollout.seen_share import FEWEST, GONE, Counted, seen_share

OLD, BOTH, NEW, NONE = Counted(0, 90), Counted(10, 90), Counted(100, 0), Counted(0, 0)


@pytest.mark.parametrize(
    ("reads", "share"),
    [
        ([OLD] * 5, 0.0),
        ([OLD] * 5 + [BOTH], 0.0),
        ([OLD] * 5 + [BOTH] * 2, 0.1),
        ([BOTH] * 20, 0.1),
        ([BOTH] * 5 + [NEW] * 3, 1.0),
        ([NEW] * 3, 1.0),
        ([BOTH] * 6 + [OLD] * (GONE - 1), 0.1),
        ([BOTH] * 6 + [OLD] * GONE, 0.0),
    ],
    ids=[
        "nobody_runs_it",
        "one_read_may_be_a_health_check",
        "begins",
        "partly",
        "the_old_one_has_gone",
        "from_nothing_to_all",
        "silent_but_not_gone",
        "gone",
    ],
)
def test_seen_share__what_both_versions_report__is_the_share_of_requests(reads, share):
    assert seen_share(reads) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("reads", [[], [NONE] * 30])
def test_seen_share__nobody_reports__is_not_known(reads):
    assert seen_share(reads) is None


counts = st.floats(0, 1e9, allow_nan=False)


@given(st.lists(st.builds(Counted, counts, counts), max_size=40))
def test_seen_share__any_reads__is_a_share_or_unknown(reads):
    share = seen_share(reads)
    assert share is None or 0 <= share <= 1


@given(st.lists(st.builds(Counted, counts, counts), max_size=40), st.integers(0, 5))
def test_seen_share__reads_of_nobody_in_between__change_nothing(reads, n):
    assert seen_share([*reads, *[NONE] * n]) == seen_share(reads)


def test_seen_share__fewer_reads_than_needed__is_none_yet():
    assert seen_share([BOTH] * (FEWEST - 1)) == 0.0


@pytest.mark.parametrize(
    ("share", "before", "shown"),
    [(0.11, 0.1, 0.1), (0.2, 0.1, 0.2), (0.0, 0.01, 0.0), (1, 0.99, 1)],
)
def test_steadied__small_moves__are_none(share, before, shown):
    assert steadied(share, before) == shown
