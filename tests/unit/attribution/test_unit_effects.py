"""What units differ by themselves, and what that costs the evidence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.stats.dispersion import Group, noise
from attribution.stats.unit_effects import (
    SHIFTS,
    log_prices,
    normal_tail,
    student_tail,
    worst_case,
)


def test_normal_tail__any_z__is_half_erfc():
    z = np.linspace(0, 10, 101)
    exact = [0.5 * math.erfc(each / math.sqrt(2)) for each in z]
    assert normal_tail(z) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("z", "freedom", "tail"),
    [
        (2.132, 4, 0.05),
        (4.604, 4, 0.005),
        (2.764, 10, 0.01),
        (3.552, 20, 0.001),
        (1.96, 1e9, 0.025),
    ],
)
def test_student_tail__values_of_the_tables__within_a_few_per_cent(z, freedom, tail):
    assert student_tail(np.array(z), np.array(freedom)) == pytest.approx(tail, rel=0.06)


@pytest.mark.parametrize("freedom", [2, 4, 21, np.inf])
@pytest.mark.parametrize("sd", [0.005, 0.05, 0.5])
def test_prices__over_what_units_may_deviate_by__cost_no_more_than_one(freedom, sd):
    rng = np.random.default_rng(1)
    drawn = (
        rng.standard_normal(200_000) if math.isinf(freedom) else rng.standard_t(freedom, 200_000)
    )
    price, most = log_prices(np.array(sd), np.array(freedom), math.log(100))
    paid = np.append(price, most)[np.searchsorted(SHIFTS, drawn * sd, side="left")]
    assert np.exp(paid).mean() <= 1.1


def test_worst_case__units_that_do_not_differ__is_the_line_itself():
    by_line = np.random.default_rng(1).normal(size=(3, SHIFTS.size, 7))
    found = worst_case(by_line, np.zeros((3, 7)), np.full(3, 4.0), math.log(100))
    assert found == pytest.approx(by_line[:, 0])


def test_worst_case__more_doubt_about_the_units__never_is_more_evidence():
    by_line = -np.broadcast_to(SHIFTS[None, :, None] * 40.0 - 30.0, (1, SHIFTS.size, 1))
    found = [
        worst_case(by_line, np.full((1, 1), sd), np.full(1, freedom), math.log(100)).item()
        for sd in (0.01, 0.05, 0.2)
        for freedom in (1e9, 4.0)
    ]
    assert found[0::2] == pytest.approx(sorted(found[0::2], reverse=True), abs=0.1)
    assert all(few <= many for many, few in zip(found[0::2], found[1::2], strict=True))


def drawn(rng, units, intervals, rate, *, requests=90, dispersion=1.0, unit_sd=0.0):
    rates = rate * np.exp(rng.normal(0, unit_sd, (1, units, 1)))
    total = rng.poisson(requests, (1, units, intervals)).astype(float)
    expected = rates * total
    if dispersion > 1:
        expected = rng.gamma(expected / (dispersion - 1), dispersion - 1)
    return Group(np.minimum(rng.poisson(expected), total).astype(float), total)


@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_noise__of_many_units__finds_the_dispersion(dispersion):
    rng = np.random.default_rng(2)
    groups = tuple(drawn(rng, units, 300, 0.02, dispersion=dispersion) for units in (20, 3))
    assert noise(groups, None).dispersion[0, -1] == pytest.approx(dispersion, rel=0.1)


@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_noise__of_two_single_units__finds_the_dispersion_whatever_the_harm(dispersion):
    rng = np.random.default_rng(3)
    control = drawn(rng, 1, 600, 0.02, requests=900, dispersion=dispersion)
    canary = drawn(rng, 1, 600, 0.08, requests=300, dispersion=dispersion)
    assert noise((control, canary), None).dispersion[0, -1] == pytest.approx(dispersion, rel=0.2)


def test_noise__units_that_differ__is_dersimonian_and_lairds_estimate():
    rng = np.random.default_rng(4)
    control, canary = drawn(rng, 20, 200, 0.05, unit_sd=0.4), drawn(rng, 3, 200, 0.05, unit_sd=0.4)
    found = noise((control, canary), None)
    q = weight = freedom = 0.0
    for group in (control, canary):
        rate = group.events[0].sum(0) / group.total[0].sum(0)
        events, expected = group.events[0, :, :-1].sum(1), (group.total[0] * rate)[:, :-1].sum(1)
        q += ((events - expected) ** 2 / expected).sum()
        weight += expected.sum() - (expected**2).sum() / expected.sum()
        freedom += len(events) - 1
    tau = math.sqrt((q - found.dispersion[0, -1] * freedom) / weight)
    assert tau == pytest.approx(0.4, rel=0.3)
    assert found.unit_sd[0, -1] == pytest.approx(tau * math.sqrt(1 / 20 + 1 / 3))
    assert found.freedom[0] == 21


@given(st.permutations(range(5)))
def test_noise__units_in_another_order__is_the_same(order):
    rng = np.random.default_rng(5)
    control, canary = drawn(rng, 5, 30, 0.05, unit_sd=0.5), drawn(rng, 3, 30, 0.05)
    turned = Group(control.events[:, order], control.total[:, order])
    one, other = noise((control, canary), None), noise((turned, canary), None)
    assert other.dispersion == pytest.approx(one.dispersion)
    assert other.unit_sd == pytest.approx(one.unit_sd)
