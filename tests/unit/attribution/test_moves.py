import math

import numpy as np
import pytest

from attribution.attribute_case import read_case
from attribution.moves import moves, traffic
from attribution.stats.shifts import mean_shifts, scatters

from .test_attribute import case, shares, whole

ONSET = 40.0


def series(*told):
    return read_case(case([], list(told))).series


def by_service(*told):
    return {each.service: z for each, z in moves(series(*told), ONSET)}


def with_gap(told, place):
    v = list(told["v"])
    v[place] = None
    return {**told, "v": v}


def test_moves__worse_since_the_onset__is_told_in_standard_errors():
    found = by_service(whole(1, "frontend", after=0.05), whole(2, "stock"))
    assert found["frontend"] > 5
    assert abs(found["stock"]) < 4


def test_moves__direction_decrease__less_is_worse():
    falling = {**whole(1, "frontend", before=0.9, after=0.5), "direction": "decrease"}
    assert by_service(falling)["frontend"] > 5


def test_moves__fewer_than_two_points_on_a_side__is_not_known():
    short = {**whole(1, "frontend", after=0.5)}
    short = {**short, "t": short["t"][:42], "v": short["v"][:42]}
    assert by_service(short) == {"frontend": 0.0}


@pytest.mark.parametrize("counted", [True, False])
def test_moves__together__are_what_each_is_alone(counted):
    rng = np.random.default_rng(3)
    told = []
    for place in range(12):
        points = {**whole(place, f"s{place}"), **shares(rng, 60, 0.01)}
        told.append(with_gap(points, place) if place % 3 == 0 else points)
    if not counted:
        told = [{key: value for key, value in one.items() if key != "n"} for one in told]
    together = by_service(*told)
    alone = {name: z for one in told for name, z in by_service(one).items()}
    assert together == pytest.approx(alone, rel=1e-12)


def test_traffic__twice_the_requests__is_log_two():
    t = [float(second) for second in range(60)]
    n = [100 if at <= ONSET else 200 for at in t]
    told = {**whole(1, "frontend"), "t": t, "v": [0.0] * 60, "n": n}
    assert traffic(series(told), ONSET)["frontend"] == pytest.approx(math.log(2))


def test_traffic__two_metrics_of_one_service__the_order_does_not_matter():
    rng = np.random.default_rng(5)
    told = [
        {**whole(1, "frontend"), "metric": name, **shares(rng, 60, 0.01)} for name in ("a", "b")
    ]
    assert traffic(series(*told), ONSET) == traffic(series(*reversed(told)), ONSET)


def test_mean_shifts__independent_points__is_welchs_t():
    """By hand: means 1 and 3, variances 1 and 1 (lag 1 below 0 counts as 0), floor 0."""
    before, after = np.array([[0.0, 2.0, 0.0, 2.0]]), np.array([[2.0, 4.0, 2.0, 4.0]])
    variance = 4 / 3
    expected = 2.0 / math.sqrt(variance / 4 + variance / 4)
    assert mean_shifts(before, after, floor=0.0)[0] == pytest.approx(expected)


def test_scatters__shares_of_independent_requests__are_near_one_and_bursts_above():
    rng = np.random.default_rng(8)
    n = np.full((40, 200), 500.0)
    plain = rng.binomial(500, 0.02, n.shape) / n
    bursts = rng.binomial(100, 0.02, n.shape) * 5 / n  # every event five times
    assert scatters(plain, n).mean() == pytest.approx(1.03, abs=0.05)  # never below 1
    assert scatters(bursts, n).mean() == pytest.approx(5.0, abs=0.4)
