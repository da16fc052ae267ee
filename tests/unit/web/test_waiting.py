"""What somebody who is woken at three reads about a stage that still bakes."""

import pytest

from attribution.forecast import Forecast
from controlplane.forecasts import Bake
from controlplane.web import numbers
from controlplane.web.presenters.waiting import waiting

SPEC = {"control_level": "L3", "on_inconclusive": "hold", "reversible": True}
ERRORS = Forecast(
    "errors",
    "increase",
    base=0.002,
    canary=0.001,
    requests_per_s=20,
    excludes=0.003,
    pass_in_s=112.0,
    sees=0.006,
    factor=3.0,
    seen_in_s=38.0,
)


def told(metric=ERRORS, spec=SPEC, **bake):
    given = {"least_left_s": 0, "most_left_s": 1500, "samples_left": 0, "pass_in_s": None}
    return waiting(Bake(**{**given, "metrics": [metric], **bake}), spec)


def but(**other):
    return Forecast(**{**ERRORS.__dict__, **other})


def test_waiting__evidence_missing__says_how_long_and_what_would_be_seen():
    found = told(pass_in_s=112.0)
    assert found.lead == "It should pass in about 2 min, if traffic and canary stay as they are."
    line = found.lines[0]
    assert line.text == "about 2 min more at 20 requests a second to exclude 0.3% or more"
    assert line.sees == "0.6% (×3) would be seen in about 40 s"


def test_waiting__longer_than_the_bake__says_what_comes_at_its_end():
    assert "in 25 min, when its bake ends, it halts and asks a person" in told(pass_in_s=9e4).lead
    back = {**SPEC, "on_inconclusive": "rollback"}
    assert "it rolls back" in told(spec=back, pass_in_s=9e4).lead


def test_waiting__source_lost__does_not_claim_that_the_bake_ends():
    assert "goes on until it is back" in told(but(why="no_data"), source_lost=True).lead


def test_waiting__held__says_so():
    assert "It is held as well" in told(pass_in_s=0.0, held=True).lead


def test_waiting__staged_by_hand__names_the_person():
    spec = {**SPEC, "control_level": "L2"}
    assert told(spec=spec, pass_in_s=0.0).lead.endswith("At control level L2 a person promotes it.")


def test_waiting__plan_not_served_yet__comes_before_what_is_done():
    found = told(but(pass_in_s=0.0), least_left_s=33.0, samples_left=1200, pass_in_s=60.0)
    assert [(line.what, line.text) for line in found.lines] == [
        ("shortest bake", "35 s more, by the plan"),
        ("samples", "1,200 more requests, by the plan"),
        ("errors", "0.3% or more is excluded"),
    ]


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("too_bad", "the canary at 0.1% is too near to 0.3% or more to exclude it"),
        ("no_base", "nobody has had any yet"),
        ("silent_canary", "the canary is silent while the control reports"),
    ],
)
def test_waiting__no_date__says_why(why, text):
    assert told(but(pass_in_s=None, why=why)).lines[0].text.startswith(text)


def test_waiting__nothing_reported__claims_to_see_nothing():
    assert told(but(pass_in_s=None, why="silent_canary")).lines[0].sees == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "5 s"),
        (38, "40 s"),
        (90, "90 s"),
        (91, "2 min"),
        (3600, "60 min"),
        (7000, "2 h"),
        (180_000, "3 d"),
        (1e8, "more than a month"),
    ],
)
def test_about__any_time__is_rounded_up_to_what_it_bears(seconds, text):
    assert numbers.about(seconds) == text
