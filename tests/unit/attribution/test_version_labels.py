import pytest

from attribution.version_labels import VersionLabel, counters, version_label


@pytest.mark.parametrize(
    ("cohorts", "found"),
    [
        ({"canary": 'version="$version"'}, VersionLabel("version")),
        ({"canary": 'app="x", release = "v$version"'}, VersionLabel("release", "v")),
        ({"canary": 'image=~"shop/cart:$version"'}, VersionLabel("image", "shop/cart:")),
        ({"canary": 't="c"', "control": 'version!="$version"'}, VersionLabel("version")),
        ({"canary": 'version=~"$version|next.*"'}, None),
        ({"canary": 'track="canary"'}, None),
        ({}, None),
    ],
)
def test_version_label__matcher_with_a_version__is_its_label(cohorts, found):
    assert version_label(cohorts) == found


def test_version__value_of_another_form__is_none():
    label = VersionLabel("image", "shop/cart:", "-slim")
    assert label.version("shop/cart:1.4-slim") == "1.4"
    assert label.version("shop/cart:1.4") == ""
    assert label.version("other:1.4-slim") == ""


RATIO = {"kind": "ratio", "events": 'x{code="5",$cohort}'}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({**RATIO, "total": "x{$cohort}"}, "x{}"),
        ({**RATIO, "total": 'x{app="a",$cohort}'}, 'x{app="a"}'),
        ({**RATIO, "total": 'sum(increase(x{$cohort,app="a}"}[$interval]))'}, 'x{app="a}"}'),
        ({"kind": "distribution", "query": 't_bucket{$cohort,le="1",app="a"}'}, 't_count{app="a"}'),
        ({"kind": "distribution", "query": "t{$cohort}"}, "None"),
        ({"kind": "value", "query": "g{$cohort}"}, "None"),
        ({**RATIO, "total": "x{$cohort}", "peer": "stock"}, "None"),
    ],
)
def test_counters__of_a_guardrail__count_the_requests_of_everybody(spec, found):
    assert str(counters([spec])) == found


def test_counters__first_that_counts__is_taken():
    specs = [{"kind": "value", "query": "g{$cohort}"}, {**RATIO, "total": "y{$cohort}"}]
    assert str(counters(specs)) == "y{}"
