import pytest

from attribution.errors import CaseError
from attribution.guardrails import check_matchers, parse_guardrail, parse_telemetry
from attribution.sources.exposition import parse_selector, samples
from attribution.sources.expressions import compile_safely

GOOD = {
    "name": "errors",
    "source": "scrape",
    "kind": "ratio",
    "events": 'http_requests_total{code=~"5..",$cohort}',
    "total": "http_requests_total{$cohort}",
    "direction": "increase",
}


def test_parse_guardrail__defaults__are_filled_in():
    found = parse_guardrail(GOOD, "/guardrails/0")
    assert (found["margin"], found["pass_margin"], found["margin_abs"]) == (0.1, 0.5, 0.0)
    assert (found["critical"], found["weight"]) == (False, 1.0)


def test_parse_guardrail__its_own_answer__reads_the_same_again():
    once = parse_guardrail(GOOD, "")
    assert parse_guardrail(once, "") == once


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"events": "http_requests_total"}, "/g/events"),
        ({"total": "sum(rate(http_requests_total{$cohort}[1m]))"}, "/g/total"),
        ({"total": None}, "/g/total"),
        ({"query": "up{$cohort}"}, "/g/query"),
        ({"kind": "value"}, "/g/events"),
        ({"margn": 0.2}, "/g/margn"),
        ({"margin": -1}, "/g/margin"),
        ({"margin_abs": 1.5}, "/g/margin_abs"),
        ({"direction": "up"}, "/g/direction"),
        ({"critical": 1}, "/g/critical"),
        ({"name": ""}, "/g/name"),
        ({"source": 7}, "/g/source"),
        ({"name": "n" * 101}, "/g/name"),
        ({"name": "two\nlines"}, "/g/name"),
        ({"events": 'm{a="$cohort"}'}, "/g/events"),
        ({"events": 'm{a=~"(",$cohort}'}, "/g/events"),
        ({"events": 'm{a=~"a{99999999999999999999}",$cohort}'}, "/g/events"),
        ({"events": 'm{a=~"(a+)+b",$cohort}'}, "/g/events"),
    ],
)
def test_parse_guardrail__wrong__names_the_field(change, pointer):
    with pytest.raises(CaseError) as problem:
        parse_guardrail({**GOOD, **change}, "/g")
    assert problem.value.pointer == pointer


SPREAD = {
    "name": "latency",
    "source": "prometheus",
    "kind": "distribution",
    "query": "http_request_duration_seconds_bucket{$cohort}",
}


def test_parse_guardrail__bound_of_a_distribution__is_kept():
    found = parse_guardrail({**SPREAD, "params": {"bound": 0.25}}, "")
    assert found["params"] == {"bound": 0.25}
    assert parse_guardrail(found, "") == found
    assert "params" not in parse_guardrail({**SPREAD, "params": {}}, "")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"params": 0.25}, "/g/params"),
        ({"params": {"bound": 0}}, "/g/params/bound"),
        ({"params": {"bound": "0.25"}}, "/g/params/bound"),
        ({"params": {"bound": True}}, "/g/params/bound"),
        ({"params": {"bond": 0.25}}, "/g/params/bond"),
        ({"params": {"bound": 0.25}, "kind": "value"}, "/g/params/bound"),
    ],
)
def test_parse_guardrail__params_that_are_wrong__name_the_field(change, pointer):
    with pytest.raises(CaseError) as problem:
        parse_guardrail({**SPREAD, **change}, "/g")
    assert problem.value.pointer == pointer


@pytest.mark.parametrize(
    "query",
    [
        "sum(increase(http_requests_total{$cohort}[$interval]))",
        "http_requests_total{$cohort}",
        "http_requests_total{code!~'2..', $cohort,}",
        'http_requests_total{code=~"(a+)+b",$cohort}',
        'sum(increase(a{$cohort,b="}"}[$interval])) + sum(increase(c{$cohort}[$interval]))',
    ],
)
def test_parse_guardrail__prometheus__takes_counters_and_expressions_of_the_interval(query):
    assert parse_guardrail({**GOOD, "source": "prometheus", "total": query}, "")["total"] == query


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("sum(rate(http_requests_total{$cohort}[1m]))", "no $interval"),
        ('sum(increase(a{$cohort,b="$interval"}[1m]))', "no $interval"),
        ("a{$cohort} offset 5m", "no $interval"),
        ('sum(increase(a{b="$cohort"}[$interval]))', "no $cohort"),
        ("sum by ($cohort) (increase(a[$interval]))", "no $cohort"),
        ("sum(increase(a{$cohort}[$interval])", "not closed"),
        ("sum(increase(a{$cohort}[$interval])))", "not balanced"),
        ("(a{$cohort}[$interval)]", "not balanced"),
        ("sum(increase(a{$cohort}[$interval])) # )", "a comment"),
        ('sum(increase(a{$cohort,b="x}[$interval]))', "not closed"),
        (r"a\( + b{$cohort}[$interval])", "not closed"),
    ],
)
def test_parse_guardrail__prometheus__what_cannot_be_embedded_is_refused(query, title):
    with pytest.raises(CaseError) as problem:
        parse_guardrail({**GOOD, "source": "prometheus", "total": query}, "/g")
    assert (problem.value.title, problem.value.pointer) == (title, "/g/total")


def test_parse_guardrail__prometheus_value__needs_no_interval():
    spec = {**GOOD, "source": "prometheus", "kind": "value", "query": "avg(up{$cohort})"}
    del spec["events"], spec["total"]
    assert parse_guardrail(spec, "")["query"] == "avg(up{$cohort})"


def test_parse_telemetry__peer__brings_the_callees_matchers():
    cohorts = {"canary": 'peer_track="canary"', "control": 'peer_track="stable"'}
    found = parse_telemetry({**GOOD, "peer": "stock", "cohorts": cohorts}, "/t")
    assert (found["peer"], found["cohorts"]) == ("stock", cohorts)
    with pytest.raises(CaseError) as problem:
        parse_telemetry({**GOOD, "peer": "stock"}, "/t")
    assert problem.value.pointer == "/t/cohorts"


@pytest.mark.parametrize(
    ("selector", "labels", "fits"),
    [
        ("m", {}, True),
        ('m{a="x",}', {"a": "x"}, True),
        ('m{,a="x"}', {"a": "y"}, False),
        ('m{a=~"5.."}', {"a": "503"}, True),
        ('m{a=~"5.."}', {"a": "5031"}, False),
        ('m{a!="x"}', {}, True),
        ('m{a!~"x|y",b="1"}', {"a": "y", "b": "1"}, False),
        ('m{a="x,,y"}', {"a": "x,,y"}, True),
        (r'm{a="say \"hi\", you"}', {"a": 'say "hi", you'}, True),
    ],
)
def test_selector__matchers__work_as_in_prometheus(selector, labels, fits):
    assert parse_selector(selector).fits("m", labels) is fits


@pytest.mark.parametrize("text", ["m{a=x}", 'm{a="x" b="y"}', "sum(m)", 'm{a=~"("}', ""])
def test_selector__not_one__is_an_error(text):
    with pytest.raises(CaseError):
        parse_selector(text)


def test_samples__wanted_names_only__with_their_labels():
    page = '# TYPE a counter\na{x="1"} 3\nab{x="1"} 4\nb 5\n'
    assert list(samples(page, ["a"])) == [("a", (("x", "1"),), 3.0)]


@pytest.mark.parametrize(
    "expression",
    [
        *("(a+)+b", "(a|a)*b", "(?:a|aa){9}", "(a|a)" * 40, "a?" * 60 + "a" * 60, ".*" * 9 + "x"),
        *(r"(a)\1", "(?P<n>a)", "(?=a)", "a" * 201, "[", "a{99999999999999999999}"),
    ],
)
def test_compile_safely__may_never_end_or_is_none__is_refused(expression):
    with pytest.raises(CaseError):
        compile_safely(expression)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("5..", "503"),
        ("4..|5..", "404"),
        ("(4|5)..", "404"),
        ("/api/(?:cart|stock)/.*", "/api/cart/7"),
        (".*foo.*", "a foo b"),
        (r"v1\.2\..+", "v1.2.3"),
        ("[a-z(*+?]+", "a(b"),
        (r"\(\*\)", "(*)"),
    ],
)
def test_compile_safely__what_people_write__works(expression, value):
    assert compile_safely(expression).fullmatch(value)


@pytest.mark.parametrize(
    "matchers", ["", " ", ",", "xx", 'track=""', 'track=~".*"', 'track!="old"', 'a="b"} or x{c="d"']
)
def test_check_matchers__everybody_would_fit_or_nobody_can_tell__is_refused(matchers):
    with pytest.raises(CaseError) as problem:
        check_matchers(matchers, "/cohorts/canary")
    assert problem.value.pointer == "/cohorts/canary"
