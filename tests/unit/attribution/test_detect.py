import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.detect import detect
from attribution.errors import CaseError

HOUR, DAY = 3600, 86_400


def quiet(length=400, seed=1, level=10.0):
    return level + np.random.default_rng(seed).normal(0, 0.3, length)


def found(values, direction="either", step=60, t=None):
    times = [i * step for i in range(len(values))] if t is None else t
    v = [None if value is None or np.isnan(value) else float(value) for value in values]
    return detect({"id": 1, "direction": direction, "t": times, "v": v})


def places(answer, step=60):
    return [(a["start"] / step, a["end"] / step) for a in answer["anomalies"]]


def days(length, seed=2):
    """Hourly, busy by day, nearly nothing at night."""
    hours = np.arange(length)
    rng = np.random.default_rng(seed)
    return 100 + 90 * np.sin(hours * 2 * np.pi / 24) + rng.normal(0, 2, length)


def test_detect__spike__is_one_anomaly_where_it_is_and_recovers():
    values = quiet()
    values[300:303] = [20.0, 21.0, 19.0]
    answer = found(values)
    ((start, end),) = places(answer)
    assert start == 300
    assert 302 <= end <= 306  # a mean of 5 sees the last of it for 4 more points
    assert answer["anomalies"][0]["outcome"] == "recovered"
    assert answer["anomalies"][0]["score"] == max(answer["scores"])


def test_detect__quiet__is_no_anomaly():
    assert all(found(quiet(2000, seed))["anomalies"] == [] for seed in range(10))


def test_detect__harmless_direction__is_no_anomaly():
    values = quiet()
    values[300] = 0.0
    assert found(values, "increase")["anomalies"] == []
    assert found(values, "decrease")["anomalies"] != []


def test_detect__new_level__becomes_normal():
    values = quiet(1500)
    values[500:] += 15
    answer = found(values)
    ((start, end),) = places(answer)
    assert start == 500
    assert end < 500 + 250
    assert answer["anomalies"][0]["outcome"] == "new_level"


def test_detect__under_way_at_the_end__is_open():
    values = quiet()
    values[-3:] += 15
    (anomaly,) = found(values)["anomalies"]
    assert anomaly["outcome"] == "open"
    assert anomaly["end"] == 399 * 60


def test_detect__daily_season__is_expected_and_a_missing_peak_is_not():
    values = days(24 * 21)
    assert [a for a in found(values, step=HOUR)["anomalies"] if a["start"] > 3 * DAY] == []
    at = 24 * 18 + 6
    values[at - 3 : at + 4] = 400
    assert any(s <= at <= e for s, e in places(found(values, step=HOUR), HOUR))


def test_detect__daily_spike__is_an_anomaly_only_until_it_is_known():
    values = quiet(24 * 14)
    values[12::24] = 30.0
    starts = [start for start, _ in places(found(values, step=HOUR), HOUR)]
    assert starts[0] == 36  # the second: by the first there was too little to tell
    assert max(starts) < 24 * 4


def test_detect__cycle_of_its_own__is_learned():
    values = quiet(4000)
    values[::50] += 20
    values[1::50] += 20
    later = [start for start, _ in places(found(values, step=10), 10) if start > 2048]
    assert later == []
    values[3025] += 20  # between two of them
    assert 3025 in [start for start, _ in places(found(values, step=10), 10)]


def test_detect__seen_before__ranks_below_the_unseen():
    values = quiet(1000)
    values[400], values[600], values[800] = 20.0, 20.0, 40.0
    scores = found(values)["scores"]
    assert 1 <= scores[600] < scores[400]
    assert scores[800] > 2


@pytest.mark.parametrize("level", [0.0, 7.0, -3.0])
def test_detect__constant__scores_zero_until_it_moves(level):
    values = np.full(300, level)
    assert set(found(values)["scores"]) == {0.0}
    values[200] = level + 5
    assert [start for start, _ in places(found(values))] == [200]


def test_detect__gaps__score_zero_and_end_nothing():
    values = quiet()
    values[300:320] += 15
    values[305:312] = np.nan
    answer = found(values)
    assert answer["scores"][305:312] == [0.0] * 7
    assert len(answer["anomalies"]) == 1


@pytest.mark.parametrize("v", [[], [None], [1.0], [None] * 50])
def test_detect__next_to_nothing__has_no_anomaly(v):
    answer = detect({"id": 1, "direction": "either", "t": list(range(len(v))), "v": v})
    assert answer["anomalies"] == []
    assert answer["scores"] == [0.0] * len(v)


def test_detect__clock_set_back__takes_points_in_their_order():
    values = days(24 * 10)
    t = [i * HOUR for i in range(120)] + [(i - 1) * HOUR for i in range(120, 240)]
    assert len(found(values, t=t)["scores"]) == 240


numbers = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 50.0])
series = st.lists(numbers | st.none(), max_size=300)


@settings(max_examples=60, deadline=None)
@given(series, st.integers(0, 300), st.sampled_from(["increase", "decrease", "either"]))
def test_detect__prefix__has_the_same_scores(values, length, direction):
    whole = found([np.nan if v is None else v for v in values], direction, HOUR)
    part = found([np.nan if v is None else v for v in values[:length]], direction, HOUR)
    assert part["scores"] == whole["scores"][:length]


@pytest.mark.parametrize("length", [1, 700, 1030, 1290, 2047])
def test_detect__prefix_of_a_seasonal_series__has_the_same_scores(length):
    values = days(2048)
    values[1200:1210] += 300
    values[40:60] = np.nan
    whole = found(values, step=600)["scores"]
    assert found(values[:length], step=600)["scores"] == whole[:length]


@pytest.mark.parametrize("factor", [1e-8, 1e8])
@pytest.mark.parametrize("seed", range(3))
def test_detect__unit_of_the_values__does_not_matter(factor, seed):
    values = days(600, seed)
    values[400:405] += 300
    one, other = found(values, step=HOUR), found(values * factor, step=HOUR)
    assert places(one) == places(other)
    assert other["scores"] == pytest.approx(one["scores"], abs=1e-5)


def test_detect__mirrored__finds_the_same_in_the_other_direction():
    values = days(600)
    values[400:405] += 300
    assert found(values, "increase")["scores"] == found(-values, "decrease")["scores"]
    assert found(values)["scores"] == found(-values)["scores"]


def test_detect__other_series_before__change_nothing():
    values = quiet()
    values[300] += 15
    first = found(values)
    found(days(500), step=HOUR)
    assert found(values) == first


def test_detect__unequal_lengths__is_an_error():
    with pytest.raises(CaseError):
        detect({"id": 1, "direction": "either", "t": [1], "v": []})


@pytest.mark.parametrize(
    ("t", "v", "pointer"), [([0, 1], [1.0, -1e300], "/v/1"), ([1e300, 1], [1.0, 1.0], "/t/0")]
)
def test_detect__beyond_reckoning__names_the_place(t, v, pointer):
    with pytest.raises(CaseError) as error:
        detect({"id": 1, "direction": "either", "t": t, "v": v})
    assert error.value.pointer == pointer
