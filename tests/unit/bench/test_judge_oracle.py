"""The oracle's likelihood ratios by hand."""

import math

import judge_oracle
import numpy as np
import pytest
from judge_oracle import HEALTH, Hypotheses, decided_at, harm
from judge_worlds import Drawn

TRIPLED = Hypotheses(null=1.0, alternative=3.0, error=0.01)


def counts(control, canary):
    """One metric, one unit; (T, 2) each."""
    sides = [np.array(side, dtype=float)[None, None] for side in (control, canary)]
    return Drawn("ratio", *sides, None, None, None, same_units=True)


def test_counts_by_hand():
    """Equal traffic: half of the events under the null, three quarters under the alternative."""
    drawn = counts([[1, 100], [0, 100], [5, 100]], [[3, 100], [2, 100], [0, 0]])
    gain = judge_oracle.counts_gain(drawn, TRIPLED)[0]
    assert gain == pytest.approx([3 * math.log(1.5) + math.log(0.5), 2 * math.log(1.5), 0.0])


def test_decides_at_the_first_look_that_suffices():
    """Each canary event multiplies by 1.5: twelve of them reach 100 (1.5^11 = 86, 1.5^12 = 130)."""
    drawn = counts([[0, 10]] * 6, [[4, 10], [4, 10], [3, 10], [1, 10], [9, 10], [9, 10]])
    assert decided_at(drawn, TRIPLED).tolist() == [4]
    never = counts([[1, 10]] * 6, [[1, 10]] * 6)
    assert decided_at(never, TRIPLED).tolist() == [7]


def test_values_by_hand():
    """d = 0.2, then nothing reported: (θ·d − θ²/2)/σ², θ = log 1.5 against 0."""
    past = np.exp(np.array([0.1, -0.1, 0.1, -0.1]))  # sample variance 0.04/3
    now = np.exp(np.array([0.2, np.nan]))
    one = np.ones
    drawn = Drawn(
        "value",
        one((1, 1, 2)),
        now[None, None],
        one((1, 1, 4)),
        past[None, None],
        None,
        same_units=True,
    )
    gain = judge_oracle.values_gain(drawn, Hypotheses(1.0, 1.5, 0.01))[0]
    theta = math.log(1.5)
    assert gain == pytest.approx([(theta * 0.2 - theta**2 / 2) / (0.04 / 3), 0.0])


def test_what_the_oracle_is_told():
    assert harm(3.0) == Hypotheses(1.1, 3.0, 0.01)
    assert Hypotheses(1.5, 1.0, 0.05) == HEALTH
