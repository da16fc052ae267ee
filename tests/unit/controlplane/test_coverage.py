import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.coverage import Changed, How, coverage, coverage_by
from controlplane.precision import NOISY_BELOW, Intervention, standings_of, wilson


def changes(**counts):
    return [Changed("cart", "shop", How(how)) for how, n in counts.items() for _ in range(n)]


def test_coverage__managed_of_all_that_was_seen():
    found = coverage(changes(managed=6, by_others=3, unmanaged=1))
    assert (found.coverage, found.all) == (0.6, 10)
    assert (found.managed, found.by_others, found.unmanaged) == (6, 3, 1)


def test_coverage__nothing_changed__is_no_number():
    assert coverage([]).coverage is None


def test_coverage_by__groups__add_up_to_the_whole():
    more = [*changes(managed=2), Changed("auth", "core", How.UNMANAGED)]
    found = coverage_by(lambda each: each.team, more)
    assert list(found) == ["core", "shop"]
    assert sum(each.all for each in found.values()) == coverage(more).all


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson__any_counts__holds_the_share_and_stays_within_bounds(right, wrong):
    low, high = wilson(right, right + wrong)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low - 1e-4 <= right / (right + wrong) <= high + 1e-4


@pytest.mark.parametrize(
    ("right", "judged", "low", "high"), [(0, 3, 0, 0.5615), (8, 10, 0.4902, 0.9433), (0, 0, 0, 1)]
)
def test_wilson__known_figures__come_out(right, judged, low, high):
    assert wilson(right, judged) == pytest.approx((low, high), abs=1e-4)


def said(answers, guardrail="errors"):
    return [Intervention("cart", guardrail, answer) for answer in answers]


def test_standings__three_wrong__is_noisy():
    (one,) = standings_of(said(["wrong"] * 3 + [""]))
    assert (one.right, one.wrong, one.unanswered) == (0, 3, 1)
    assert one.noisy
    assert one.interval[1] < NOISY_BELOW


@pytest.mark.parametrize("answers", [["wrong"] * 2, ["right", "wrong", "wrong"], [""] * 9])
def test_standings__too_few_words_or_doubtful__is_not_noisy(answers):
    (one,) = standings_of(said(answers))
    assert not one.noisy


def test_standings__order__the_noisy_first_then_the_most_wrong():
    found = standings_of([*said(["right"], "a"), *said(["wrong"], "b"), *said(["wrong"] * 4, "c")])
    assert [one.guardrail for one in found] == ["c", "b", "a"]
    assert found[2].precision == 1.0
