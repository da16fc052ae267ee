"""`$version` in the matchers of a cohort: what is asked for, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.errors import CaseError
from attribution.guardrails import check_matchers, parse_telemetry
from attribution.sources.exposition import parse_selector
from attribution.versions import filled, uses_versions

COHORTS = {
    "canary": 'release="$version"',
    "control": 'release=~".+",release!="$version"',
}
VERSIONS = {"version": "2.5.0", "previous_version": "2.4.9"}


def test_filled__matchers_without_placeholder__stay_and_need_no_version():
    cohorts = {"canary": 'track="canary"', "control": 'track=~"a$"'}
    assert filled(cohorts, {}) == cohorts
    assert not uses_versions(cohorts)


def test_filled__version_known__is_put_in():
    assert filled(COHORTS, VERSIONS) == {
        "canary": 'release="2.5.0"',
        "control": 'release=~".+",release!="2.5.0"',
    }
    assert uses_versions(COHORTS)


@pytest.mark.parametrize("versions", [{}, {"version": ""}, {"version": "a\nb"}, {"version": 5}])
def test_filled__version_not_known_or_no_text__cohort_is_not_asked_for(versions):
    assert filled(COHORTS, versions) == {}


def test_filled__only_the_previous_one_is_missing__its_cohort_alone_is_left_out():
    cohorts = {"canary": 'v="$version"', "control": 'v="$previous_version"'}
    assert filled(cohorts, {"version": "2"}) == {"canary": 'v="2"'}
    assert filled(cohorts, VERSIONS)["control"] == 'v="2.4.9"'


def test_filled__regular_expression__takes_the_version_as_text():
    cohorts = {"canary": 'v=~"v?$version-.+"'}
    selector = parse_selector("x{" + filled(cohorts, VERSIONS)["canary"] + "}")
    assert selector.fits("x", {"v": "v2.5.0-abc"})
    assert not selector.fits("x", {"v": "2x5.0"})


@given(st.text(min_size=1, max_size=40).filter(str.isprintable), st.sampled_from(["=", "=~"]))
def test_filled__whatever_the_version_holds__fits_it_and_nothing_beside(version, operator):
    asked = filled({"canary": f'v{operator}"$version",w="1"'}, {"version": version})["canary"]
    selector = parse_selector("x{" + asked + "}")
    assert len(selector.matchers) == 2
    assert selector.fits("x", {"v": version, "w": "1"})
    assert not selector.fits("x", {"v": version + "x", "w": "1"})


def test_check_matchers__mistyped_placeholder__is_an_error_that_names_it():
    with pytest.raises(CaseError, match=r"\$verison"):
        check_matchers('v="$verison"', "/cohorts/canary")


def test_parse_telemetry__placeholder_for_a_peer__is_refused():
    spec = {
        "name": "calls",
        "source": "prometheus",
        "events": 'c{code="500",$cohort}',
        "total": "c{$cohort}",
        "peer": "stock",
        "cohorts": COHORTS,
    }
    with pytest.raises(CaseError, match="of a peer"):
        parse_telemetry(spec, "/telemetry/0")
