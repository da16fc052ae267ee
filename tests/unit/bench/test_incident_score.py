import numpy as np
import pytest
from incident_score import (
    Attributed,
    calibration_error,
    culprits_from,
    harmless_rolled_back,
    share,
)


def row(culprit="a", ranked=("a", "b"), none=0.1, *, twins=False, vetoed=(), **probability):
    told = probability or {"a": 0.7, "b": 0.2}
    return Attributed("errors", culprit, twins, tuple(ranked), told, none, frozenset(vetoed))


def test_first__culprit_leads_but_none_is_likelier__is_not_first():
    assert row().first
    assert not row(none=0.8, a=0.15, b=0.05).first


def test_first__no_culprit__none_has_to_lead():
    assert row(culprit=None, none=0.8, a=0.1, b=0.1).first
    assert not row(culprit=None).first


def test_harmless_rolled_back__culprit_twin_and_vetoed__are_not_counted_against_it():
    rows = [
        row(a=0.9, b=0.9),
        row(a=0.1, b=0.9, vetoed=["b"]),
        row(twins=True, a=0.5, twin=0.9),
    ]
    assert harmless_rolled_back(rows, 0.8) == [True, False]


def test_culprits_from__likely_enough_and_not_vetoed__are_counted_of_those_without_a_twin():
    rows = [row(a=0.3), row(a=0.1), row(a=0.9, vetoed=["a"]), row(twins=True), row(culprit=None)]
    assert culprits_from(rows, 0.2) == [True, False, False]


def test_calibration_error__said_as_it_was__is_near_nothing():
    rng = np.random.default_rng(1)
    p = rng.uniform(0, 1, 20_000)
    true = (rng.random(20_000) < p).astype(float)
    assert calibration_error(p, true) < 0.02
    assert calibration_error(p, true**2 * 0) == pytest.approx(np.sqrt(np.mean(p**2)), abs=0.01)


def test_share__few_of_few__has_wilsons_interval():
    assert share([True] * 9 + [False]) == "0.900 (0.596-0.982)"
