"""Which of two tied suspects is held and which is stepped down, and when nothing is proposed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.telling_apart import (
    LEAST_DROP,
    LEAST_PROBABILITY,
    MOST_MINUTES,
    Candidate,
    Proposal,
    minutes_for,
    propose,
)

A = Candidate("a", "cart v2", 0.45, share=0.25, below=0.05, redo_s=300.0, interval_s=5.0)
B = Candidate("b", "stock v3", 0.4, share=0.25, below=0.05, redo_s=600.0, interval_s=5.0)


def test_propose__two_tied__steps_the_cheaper_one_down_and_says_why():
    proposal = propose([A, B])
    assert (proposal.hold, proposal.step_down) == ("b", "a")
    assert (proposal.from_share, proposal.to_share, proposal.minutes) == (0.25, 0.05, 5)
    assert "cart v2 goes from 25% to 5%" in proposal.why
    assert "stock v3 would bake 10 min again" in proposal.why


def test_propose__one_loses_more_of_its_exposure__steps_that_one_down():
    proposal = propose([A, replace(B, below=0.0)])
    assert proposal.step_down == "b"
    assert "cart v2 would lose only 80%" in proposal.why


def test_propose__equal_in_everything__steps_the_likelier_down():
    assert propose([A, replace(B, redo_s=300.0)]).step_down == "a"


def test_propose__only_one_can_be_stepped_down__holds_the_other():
    proposal = propose([replace(A, not_reduced="all its stages are done"), B])
    assert (proposal.hold, proposal.step_down) == ("a", "b")
    assert "cart v2 cannot be the one: all its stages are done" in proposal.why


@pytest.mark.parametrize(
    ("candidates", "why"),
    [
        ([A], "there are no two suspects"),
        ([replace(A, probability=0.8), replace(B, probability=0.2)], "cart v2 leads"),
        ([A, replace(B, probability=0.24)], "fewer than two changes are seriously suspected"),
        ([replace(A, probability=0.6), replace(B, probability=0.3)], "cart v2 is ahead by far"),
        ([A, replace(B, not_held="not carried out")], "stock v3 cannot be held: not carried out"),
        (
            [replace(A, not_reduced="watching"), replace(B, below=0.2)],
            "cart v2: watching; stock v3: only 20% of its exposure would go",
        ),
        (
            [replace(A, share=0.0, below=0.0), replace(B, share=0.05)],
            "no exposure to take away",
        ),
    ],
)
def test_propose__nothing_to_try__says_why(candidates, why):
    assert why in propose(candidates)


def test_minutes__enough_reads__within_bounds():
    assert [minutes_for(s) for s in (1.0, 15.0, 30.0, 600.0)] == [5, 8, 15, MOST_MINUTES]


candidates = st.lists(
    st.builds(
        Candidate,
        change=st.uuids().map(str),
        title=st.just("one"),
        probability=st.floats(0, 1),
        not_held=st.sampled_from(["", "why"]),
        not_reduced=st.sampled_from(["", "why"]),
        share=st.floats(0, 1),
        below=st.floats(0, 1),
        redo_s=st.floats(0, 4000),
        interval_s=st.floats(1, 60),
    ),
    max_size=4,
)


@given(candidates, st.randoms())
def test_propose__anything__never_grows_exposure_nor_depends_on_the_order(given_, random):
    proposal = propose(given_)
    shuffled = list(given_)
    random.shuffle(shuffled)
    assert propose(shuffled) == proposal
    if isinstance(proposal, Proposal):
        by_id = {c.change: c for c in given_}
        held, lowered = by_id[proposal.hold], by_id[proposal.step_down]
        assert held is not lowered
        assert proposal.to_share <= lowered.share * (1 - LEAST_DROP) + 1e-9
        assert proposal.to_share < proposal.from_share == lowered.share
        assert not held.not_held
        assert not lowered.not_reduced
        assert min(held.probability, lowered.probability) >= LEAST_PROBABILITY
        assert max(held.probability, lowered.probability) < 0.8
