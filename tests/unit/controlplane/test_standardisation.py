from dataclasses import replace

import pytest

from controlplane.standardisation import TRAITS, Practised, by, figures

GOOD = Practised(
    service="cart",
    team="shop",
    typed=True,
    staged=True,
    observed=True,
    reversible=True,
    unattended=True,
    harmful=False,
    lead_s=600.0,
    recovery_s=None,
)
BAD = replace(GOOD, harmful=True, lead_s=60.0, recovery_s=120.0)


def test_figures__three_good_and_one_bad__delivery_is_told():
    found = figures([GOOD, replace(GOOD, lead_s=1200.0), replace(GOOD, lead_s=60.0), BAD], 30)
    assert found.change_failure_rate == 0.25
    assert found.deployments_per_day == 0.1
    assert found.lead_time_s == 600
    assert found.recovery_time_s == 120


@pytest.mark.parametrize("trait", TRAITS)
def test_figures__one_trait_missing_in_one_of_two__is_half_and_not_standard(trait):
    found = figures([GOOD, replace(GOOD, **{trait: False})], 1)
    assert getattr(found, trait) == 0.5
    assert found.standard == 0.5
    assert {getattr(found, other) for other in TRAITS if other != trait} == {1.0}


def test_figures__nothing_ended__has_no_shares():
    found = figures([], 30)
    assert (found.changes, found.deployments_per_day) == (0, 0)
    assert {found.standard, found.change_failure_rate, found.lead_time_s} == {None}


def test_figures__never_recovered__has_no_recovery_time():
    assert figures([replace(BAD, recovery_s=None)], 1).recovery_time_s is None


def test_by__team__each_with_its_own_in_order():
    found = by(lambda each: each.team, [replace(GOOD, team="z"), GOOD, BAD], 1)
    assert [(name, each.changes) for name, each in found.items()] == [("shop", 2), ("z", 1)]
