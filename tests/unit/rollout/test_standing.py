"""Whose turn it is: probabilities once what was done about the anomaly is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.standing import OUTLASTS, Line, Suspect, Turn, handed_on, leader, standing


def line(*suspects, none=0.0):
    return Line(tuple(suspects), none)


def test_standing__nobody_was_taken_back__is_as_it_was_told():
    told = line(Suspect("a", 0.6), Suspect("b", 0.3), none=0.1)
    stands = standing(told, "b")
    assert (stands.probability, stands.next_probability, stands.under_way) == (0.3, 0.6, "")


def test_standing__of_a_change_that_nobody_suspects__is_none():
    assert standing(line(Suspect("a", 0.9), none=0.1), "b") is None


def test_standing__another_is_taken_back_now__says_which():
    told = line(Suspect("a", 0.6, turn=Turn.UNDER_WAY), Suspect("b", 0.3), none=0.1)
    assert standing(told, "b").under_way == "a"
    assert standing(told, "a").under_way == ""


def test_handed_on__taken_back_in_vain__the_next_leads():
    told = line(Suspect("a", 0.8, turn=Turn.IN_VAIN), Suspect("b", 0.19), none=0.01)
    total = 0.8 * OUTLASTS + 0.19 + 0.01
    assert handed_on(told) == {
        "a": pytest.approx(0.08 / total),
        "b": pytest.approx(0.19 / total),
    }
    assert standing(told, "b").probability > 0.6


def test_handed_on__next_was_hardly_suspected__is_not_blamed_for_want_of_another():
    told = line(Suspect("a", 0.97, turn=Turn.IN_VAIN), Suspect("b", 0.02), none=0.01)
    assert standing(told, "b").probability < 0.2


def test_leader__likely_and_far_ahead__is_the_first_in_any_order():
    first, second = Suspect("a", 0.85), Suspect("b", 0.1)
    assert leader(line(first, second)) == leader(line(second, first)) == first


@pytest.mark.parametrize(
    "told",
    [
        [],
        [Suspect("a", 0.79)],
        [Suspect("a", 0.9, ("was never exposed",))],
        [Suspect("a", 0.9), Suspect("b", 0.65)],
        [Suspect("a", 0.9), Suspect("b", 0.05, turn=Turn.UNDER_WAY)],
        [Suspect("a", 0.99, turn=Turn.IN_VAIN)],
    ],
    ids=["nobody", "not sure", "vetoed", "no margin", "another's turn", "had its turn"],
)
def test_leader__not_sure_enough__is_nobody(told):
    assert leader(line(*told)) is None


def test_leader__the_first_was_taken_back_in_vain__is_the_next_with_what_it_has_now():
    told = line(Suspect("a", 0.8, turn=Turn.IN_VAIN), Suspect("b", 0.2))
    assert leader(told) is None
    surer = line(Suspect("a", 0.6, turn=Turn.IN_VAIN), Suspect("b", 0.4))
    assert (leader(surer).change, leader(surer).probability) == ("b", pytest.approx(0.4 / 0.46))


@st.composite
def lines(draw):
    shares = draw(st.lists(st.floats(0.001, 1), min_size=2, max_size=7))
    none, *told = [share / sum(shares) for share in shares]
    turns = [draw(st.sampled_from(list(Turn))) for _ in told]
    suspects = [
        Suspect(f"c{n}", p, turn=turn) for n, (p, turn) in enumerate(zip(told, turns, strict=True))
    ]
    return Line(tuple(suspects), none)


@given(lines())
def test_handed_on__any_line__is_a_probability_and_never_lowers_who_was_not_taken_back(told):
    handed = handed_on(told)
    assert sum(handed.values()) <= 1 + 1e-9
    for suspect in told.suspects:
        if suspect.turn != Turn.IN_VAIN:
            assert handed[suspect.change] >= suspect.probability - 1e-9


@given(lines(), st.randoms())
def test_standing__suspects_in_another_order__is_the_same(told, random):
    shuffled = list(told.suspects)
    random.shuffle(shuffled)
    for suspect in told.suspects:
        assert standing(Line(tuple(shuffled), told.none_of_them), suspect.change) == standing(
            told, suspect.change
        )


@given(lines())
def test_line__through_json__is_the_same(told):
    assert Line.from_json(told.to_json()) == told
