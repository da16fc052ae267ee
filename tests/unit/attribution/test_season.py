import numpy as np
import pytest

from attribution.stats.season import DAY, own_cycle, same_time, steps

HOUR = 3600.0


def daily(t):
    return np.full(t.size, DAY)


def test_steps__gap_and_repeated_time__are_the_usual_distance():
    t = np.array([0.0, 60, 120, 120, 180, 9000, 9060])
    assert np.isnan(steps(t)[0])
    assert steps(t)[1:].tolist() == [60] * 6


def test_same_time__hourly_days__is_the_median_of_that_hour():
    t = np.arange(24 * 9) * HOUR
    values = t / DAY  # day number and a bit
    found = same_time(t, values, daily(t))
    at = 24 * 8 + 5
    assert found[at] == pytest.approx(np.median([values[at - 24 * k] for k in range(1, 8)]))


def test_same_time__one_day_only__is_not_known():
    t = np.arange(47) * HOUR
    assert np.isnan(same_time(t, t, daily(t))).all()


def test_same_time__minutes__takes_neighbours_within_three_minutes():
    t = np.arange(3 * 1440) * 60.0
    values = np.zeros(t.size)
    at = 2 * 1440 + 700
    values[[at - 1440 + k for k in (-3, -2, -1, 0, 1, 2, 3)]] = 5.0
    values[[at - 2880 + k for k in (-4, 4)]] = 99.0
    found = same_time(t, values, daily(t))
    assert found[at] == pytest.approx(2.5)  # seven of 5, seven of 0


def test_same_time__missing_hours__are_found_by_their_time():
    whole = np.arange(24 * 6) * HOUR
    kept = np.delete(np.arange(whole.size), [30, 31, 32, 77])
    t = whole[kept]
    values = np.sin(t / DAY * 2 * np.pi)
    found = same_time(t, values, daily(t))
    assert found[-1] == pytest.approx(values[-1], abs=1e-9)


def test_own_cycle__sine_of_40_points__is_40_points():
    t = np.arange(2048) * 10.0
    rng = np.random.default_rng(3)
    values = np.sin(np.arange(2048) * 2 * np.pi / 40) + rng.normal(0, 0.1, 2048)
    found = own_cycle(t, values)
    assert np.isnan(found[:256]).all()
    assert found[1100:] == pytest.approx(400.0, abs=10.0)


@pytest.mark.parametrize("seed", range(5))
def test_own_cycle__noise_walk_and_stillness__have_none(seed):
    rng = np.random.default_rng(seed)
    t = np.arange(2048) * 10.0
    for values in (rng.normal(0, 1, 2048), np.full(2048, 3.0)):
        assert np.isnan(own_cycle(t, values)).all()
