import numpy as np
import pytest

from attribution.attribute_case import read_case
from attribution.dose import MOST, dose, response

T = np.arange(0.0, 900.0, 10.0)


def read(v, *exposures, direction="increase"):
    series = {"service": "s", "metric": "errors", "direction": direction, "cohort": "all"}
    case = {
        "id": 1,
        "detected_at": 400.0,
        "changes": [
            {
                "id": "c",
                "service": "s",
                "exposures": [{"at": at, "share": share} for at, share in exposures],
            }
        ],
        "series": [{**series, "t": list(T), "v": [float(each) for each in v]}],
    }
    found = read_case(case)
    return [response(each) for each in found.series], found.changes[0]


def noise(seed=1, size=0.01):
    return np.random.default_rng(seed).normal(0.02, size / 10, T.size)


STEPS = ((300.0, 0.1), (500.0, 0.4), (700.0, 0.0))
SHARE = np.where(T < 300, 0, np.where(T < 500, 0.1, np.where(T < 700, 0.4, 0)))


def test_dose__follows_up_and_down__is_far_better_than_a_step():
    series, change = read(noise() + 0.2 * SHARE, *STEPS)
    assert dose(series, change, 300.0) > 3


def test_dose__other_steps_than_the_troubles__do_not_explain_it():
    series, own = read(noise() + 0.2 * SHARE, *STEPS)
    _, other = read(noise(), (100.0, 0.1), (640.0, 1.0))
    assert dose(series, other, 300.0) < dose(series, own, 300.0) - 3


def test_dose__trouble_that_stays__is_not_of_a_share_that_was_taken_back():
    series, change = read(noise() + 0.2 * (T > 300), (300.0, 0.3), (400.0, 0.0))
    assert dose(series, change, 300.0) == -MOST


def test_dose__went_everywhere_when_it_began__explains_as_well_as_a_step():
    series, change = read(noise() + 0.2 * (T > 300), (300.0, 1.0))
    assert abs(dose(series, change, 300.0)) < 1.5


def test_dose__better_since_the_exposure__is_no_harm():
    series, change = read(0.3 + noise() - 0.2 * SHARE, *STEPS)
    up, change_too = read(noise() + 0.2 * SHARE, *STEPS)
    assert dose(series, change, 300.0) < dose(up, change_too, 300.0)


@pytest.mark.parametrize("direction", ["decrease", "either"])
def test_dose__falls_where_falling_is_harm__follows(direction):
    series, change = read(0.9 + noise() - 0.2 * SHARE, *STEPS, direction=direction)
    assert dose(series, change, 300.0) > 3


def test_dose__no_series__says_nothing():
    _, change = read(noise(), *STEPS)
    assert dose([], change, 300.0) == 0.0
