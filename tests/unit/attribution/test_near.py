import math

import pytest

from attribution import likeliest as likeliest_module
from attribution import near
from attribution.attribute import LEFT_OUT, attribute
from attribution.attribute_case import read_case
from attribution.scene import scene_of

from .test_attribute import BAD_CHECKOUT, TWO, by_change, case, change, cohorts, sentences, whole

REST = [f"x{place:03d}" for place in range(near.MOST_SERVICES)]
FLEET = [
    {"name": "frontend", "calls": ["catalog", "checkout"]},
    {"name": "catalog", "calls": []},
    {"name": "checkout", "calls": ["stock"]},
    {"name": "stock", "calls": []},
    {"name": "batch", "calls": ["stock"]},
    *({"name": name, "calls": ["y"]} for name in REST),
]
SYMPTOM = {"symptom": {"service": "frontend"}}


def around(services, starts, series=()):
    return near.around(read_case(case(TWO, list(series), services=services)), starts)


def test_around__large_fleet__keeps_what_is_reached_what_is_beside_and_who_calls_these():
    kept = set(around(FLEET, ["checkout"]).calls)
    assert kept == {"frontend", "catalog", "checkout", "stock", "batch"}


def test_around__large_fleet__keeps_the_changes_and_series_on_these():
    kept = around(FLEET, ["stock"], [*BAD_CHECKOUT, whole(4, "x001")])
    assert {each.id for each in kept.changes} == {"bad"}
    assert {each.service for each in kept.series} == {"checkout"}


def test_around__callers_series_on_a_callee__follows_the_callee():
    told = [whole(1, "x001", peer="stock"), whole(2, "stock", peer="x001")]
    kept = around(FLEET, ["checkout"], told)
    assert [(each.service, each.peer) for each in kept.series] == [("x001", "stock")]


def test_around__fleet_within_the_bound__is_looked_at_whole():
    small = FLEET[: near.MOST_SERVICES - 1]
    assert set(around(small, ["checkout"]).calls) == {each["name"] for each in small}


def test_around__calls_unknown_where_it_was_noticed__nothing_is_left_out():
    assert len(around([*FLEET, {"name": "lonely", "calls": []}], ["lonely"]).changes) == len(TWO)


def test_around__reaches_more_than_the_bound__keeps_the_nearest():
    chain = [{"name": f"c{i:03d}", "calls": [f"c{i + 1:03d}"]} for i in range(600)]
    kept = set(around(chain, ["c000"]).calls)
    assert {"c000", "c299"} <= kept
    assert "c400" not in kept


def crowd(*changes):
    """The two changes of the usual case among many that grew earlier, on services that are fine."""
    return [*changes, *(change(f"n{place:03d}", "catalog", 5.0) for place in range(60))]


def test_likeliest__few_changes__are_all_weighed():
    scene = scene_of(read_case(case(TWO, BAD_CHECKOUT)))
    assert likeliest_module.likeliest(scene) == scene.case.changes


def test_likeliest__very_many__keeps_what_grew_lately_where_it_hurts():
    scene = scene_of(read_case(case(crowd(*TWO), BAD_CHECKOUT, **SYMPTOM)))
    kept = {each.id for each in likeliest_module.likeliest(scene)}
    assert len(kept) == likeliest_module.MOST_CHANGES
    assert {"good", "bad"} <= kept


@pytest.mark.parametrize("at", [60.0, 4.0])
def test_likeliest__exposed_too_late_or_over_long_before__comes_last(at):
    steps = [] if at == 60.0 else [(4.5, 0.0)]
    wrong = [change(f"w{place:03d}", "checkout", at, *steps) for place in range(60)]
    told = case([*wrong, *TWO], BAD_CHECKOUT, interval_s=1, **SYMPTOM)
    kept = {each.id for each in likeliest_module.likeliest(scene_of(read_case(told)))}
    assert {"good", "bad"} <= kept


def test_attribute__culprit_among_very_many__leads_and_the_unweighed_share_what_is_left():
    answer = attribute(case(crowd(*TWO), BAD_CHECKOUT, **SYMPTOM))
    assert answer["suspects"][0]["change"] == "bad"
    assert len(answer["suspects"]) == 62
    far = [s for s in answer["suspects"] if "not weighed" in sentences(s)]
    assert sum(s["probability"] for s in far) == pytest.approx(LEFT_OUT * 22 / 62)
    total = answer["none_of_them"] + sum(s["probability"] for s in answer["suspects"])
    assert total == pytest.approx(1.0)


def test_attribute__large_fleet__far_changes_do_not_dilute_the_culprit():
    far = [change(f"f{place:03d}", name) for place, name in enumerate(REST)]
    seen = [each for name in REST[:50] for each in cohorts(7, None, name, canary=0.002)]
    alone = attribute(case(TWO, BAD_CHECKOUT, **SYMPTOM))
    fleet = attribute(case([*TWO, *far], [*BAD_CHECKOUT, *seen], services=FLEET, **SYMPTOM))
    missed = LEFT_OUT * len(far) / (len(far) + 2)
    expected = by_change(alone)["bad"]["probability"] * (1 - missed)
    assert by_change(fleet)["bad"]["probability"] == pytest.approx(expected)


def test_attribute__very_many_changes_under_way__each_is_less_likely_and_says_so():
    answer = attribute(case(crowd(*TWO), BAD_CHECKOUT, **SYMPTOM))
    told = [e for e in by_change(answer)["bad"]["evidence"] if e["kind"] == "crowd"]
    assert [each["weight"] for each in told] == [pytest.approx(-math.log(62 / 20) / 2, abs=1e-6)]
    usual = attribute(case(TWO, BAD_CHECKOUT, **SYMPTOM))
    assert "crowd" not in {e["kind"] for s in usual["suspects"] for e in s["evidence"]}
