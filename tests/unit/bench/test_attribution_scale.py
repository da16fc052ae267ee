import random
from functools import cache

import pytest
from attribution_scale import first, in_a_fleet
from hypothesis import given, settings
from hypothesis import strategies as st
from incidents import case, incident

from attribution.attribute import attribute
from attribution.attribute_case import read_case

SEED = 400_003
PARTS = ("services", "changes", "series")


@cache
def small():
    return case(incident(SEED), 180.0)


@cache
def large():
    return in_a_fleet(small(), 700, 150, SEED)


@cache
def answered():
    return attribute(large())


def test_in_a_fleet__an_incident__is_a_case_with_the_fleet_around_it():
    read = read_case(large())
    assert (len(read.calls), len(read.changes)) == (700, 150)
    own = {each["name"] for each in small()["services"]}
    called = {
        callee for name, callees in read.calls.items() if name not in own for callee in callees
    }
    assert called & own
    assert any(set(read.calls[name]) - own for name in own)


def test_attribute__incident_in_a_fleet__still_finds_the_culprit():
    assert first(answered()) == small()["culprit"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_attribute__changes_services_and_series_shuffled__gives_the_same_answer(seed):
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    shuffled = {
        **large(),
        **{part: rng.sample(large()[part], len(large()[part])) for part in PARTS},
    }
    shuffled["services"] = [
        {**each, "calls": rng.sample(each["calls"], len(each["calls"]))}
        for each in shuffled["services"]
    ]
    assert attribute(shuffled) == answered()


@pytest.mark.parametrize("lead", [("none", 0.6), ("c", 0.4)])
def test_first__leader__is_none_only_when_none_of_them_leads(lead):
    answer = {"suspects": [{"change": "c", "probability": 1 - lead[1]}], "none_of_them": lead[1]}
    assert (first(answer) or "none") == lead[0]
