from datetime import UTC, datetime, timedelta

import pytest

from controlplane.web import numbers


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (0.052, "5.2%"),
        (0.05, "5%"),
        (0.002, "0.2%"),
        (0.25, "25%"),
        (0.333, "33.3%"),
        (1.0, "100%"),
        (0.00001, "<0.01%"),
        (None, "–"),
    ],
)
def test_percent__share__as_people_write_it(share, text):
    assert numbers.percent(share) == text


@pytest.mark.parametrize(
    ("probability", "text"), [(0.984, "98%"), (0.0004, "<1%"), (0.9991, ">99%"), (0.0, "0%")]
)
def test_chance__probability__whole_percents(probability, text):
    assert numbers.chance(probability) == text


@pytest.mark.parametrize(
    ("effect", "text"),
    [(0.5, "+50%"), (-0.25, "−25%"), (24.0, "×25"), (0.0, "±0%"), (None, "–")],
)
def test_effect__relative_difference__large_ones_as_factor(effect, text):
    assert numbers.signed_percent(effect) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (14, "14 s"), (60, "1 min"), (7500, "2 h 5 min"), (86400 * 3 + 60, "3 d")],
)
def test_duration__seconds__two_largest_units(seconds, text):
    assert numbers.duration(seconds) == text


def test_ago__future_moment__says_in():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert numbers.ago(now + timedelta(minutes=5), now) == "in 5 min"
    assert numbers.ago(now - timedelta(minutes=5), now) == "5 min ago"
