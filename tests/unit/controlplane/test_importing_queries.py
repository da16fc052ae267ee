"""PromQL of other tools → queries of guardrails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.guardrails import parse_guardrail
from controlplane.importing.cohort import Cohorts
from controlplane.importing.conditions import condition
from controlplane.importing.promql import MOST_LEVELS, PromQLError, parse
from controlplane.importing.queries import NotCarriedError, query_of

SHARE = 'sum(rate(http_total{%s}[5m])) / sum(rate(http_total{job="shop"}[5m]))'
GOOD = SHARE % 'job="shop",code!~"5.."'


def carried(text, direction=None, **known):
    found = query_of(text, direction, Cohorts(known.get("values", {}), known.get("canary", ())))
    spec = {"name": "x", "source": "prometheus", "kind": found.kind, **found.queries}
    parse_guardrail(spec | {"direction": found.direction, "params": dict(found.params)}, "")
    return found


@pytest.mark.parametrize(
    "text",
    [
        'sum by (le) (rate(a{x="1"}[5m])) / b * 100 > 5',
        "histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))",
        "a and on (x) group_left (y) b unless c",
        "max_over_time(rate(x[1m])[1h:5m] offset 1d) > bool 1",
        "-a ^ 2 - (b + c) * predict_linear(d[1h], 4 * 3600)",
        'topk(3, count_values("v", a)) or vector(0)',
        "time() - x @ 1609746000 > 3600",
    ],
)
def test_promql__read_and_written__is_the_same(text):
    assert str(parse(text)) == text


@pytest.mark.parametrize("text", ["x{", "rate(x[5m]", "a b", "", "{{a}} + 1", "x{a~'b'}", "\0"])
def test_promql__that_is_none__is_refused(text):
    with pytest.raises(PromQLError):
        parse(text)


@given(st.text(alphabet="ab(){}[]<>=~!\"'`,.+-*/^%0123456789 mos#$\n", max_size=60))
def test_promql__of_any_text__is_read_or_refused(text):
    try:
        tree = parse(text)
    except PromQLError:
        return
    assert str(parse(str(tree))) == str(tree)


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "1", "-" * 5000 + "1", "a(" * 5000, "x^" * 5000, "x+" * 4000]
)
def test_promql__nested_deeper_than_any_stack__is_refused(text):
    with pytest.raises(PromQLError, match=f"{MOST_LEVELS} levels|more than"):
        parse(text)


def test_ratio__of_failures__is_events_and_total_as_plain_counters():
    found = carried(SHARE % 'job="shop",code=~"5.."' + " * 100 > 5")

    assert (found.kind, found.direction) == ("ratio", "increase")
    assert found.queries == {
        "events": 'http_total{job="shop",code=~"5..",$cohort}',
        "total": 'http_total{job="shop",$cohort}',
    }
    assert any("> 5 was left out" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        (GOOD + " < 0.95", None),
        (GOOD, "decrease"),
        ("100 - " + GOOD + " * 100", "increase"),
        ("(1 - (" + GOOD + ")) > 0.05", None),
    ],
)
def test_ratio__of_successes__becomes_that_of_failures(text, direction):
    found = carried(text, direction)

    assert (found.kind, found.direction) == ("ratio", "increase")
    assert found.queries["events"] == 'http_total{job="shop",code=~"5..",$cohort}'


def test_ratio__of_a_success_counter_of_its_own__is_total_less_successes():
    found = carried("sum(rate(success_total[1m])) / sum(rate(requests_total[1m]))", "decrease")

    assert found.queries["events"] == (
        "sum(increase(requests_total{$cohort}[$interval])) - "
        "sum(increase(success_total{$cohort}[$interval]))"
    )


def test_ratio__sum_by_count__is_a_mean_and_so_a_value():
    found = carried("sum(rate(d_sum[1m])) / sum(rate(d_count[1m])) > 1")

    assert found.kind == "value"
    assert found.queries["query"].startswith("sum(rate(d_sum{$cohort}[1m]))")


def test_ratio__of_fast_ones__is_the_distribution_with_its_bound():
    fast = 'sum(rate(d_bucket{le="0.3"}[5m])) / sum(rate(d_count[5m])) < 0.9'
    found = carried(fast)

    assert (found.kind, found.direction) == ("distribution", "increase")
    assert (found.queries, found.params) == ({"query": "d_bucket{$cohort}"}, {"bound": 0.3})


def test_quantile__of_a_histogram__is_its_distribution():
    found = carried('histogram_quantile(.99, sum(rate(d_bucket{a="b"}[5m])) by (le)) > 0.5')

    assert (found.kind, found.queries) == ("distribution", {"query": 'd_bucket{a="b",$cohort}'})


def test_number_of_failures__is_a_share_of_all():
    found = carried('sum(rate(http_total{job="a",status="500"}[5m])) > 10')

    assert found.kind == "ratio"
    assert found.queries["total"] == 'http_total{job="a",$cohort}'


@pytest.mark.parametrize(
    "text",
    [
        "sum(rate(requests_total[5m])) > 1000",
        "count(up == 1) < 3",
        "absent(up)",
        "a > b",
        "1 > 0",
        "histogram_quantile(0.9, foo) > 1",
        "x{",
    ],
)
def test_query__that_compares_no_cohorts__is_told_and_not_guessed(text):
    with pytest.raises(NotCarriedError):
        query_of(text, None, Cohorts())


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("up == 0", "decrease"),
        ("up != 0", "increase"),
        ("x == 1", "increase"),
        ("3 < x", "increase"),
    ],
)
def test_comparison__says_the_direction_of_harm(text, direction):
    assert carried(text).direction == direction


def test_cohort__version_label__comes_before_a_placeholder():
    text = 'avg(cpu{version="v2",svc="{{args.svc}}"}) > 1'
    found = carried(text)

    assert found.queries["query"] == "avg(cpu{$cohort})"
    assert any("svc=" in remark and "left out" in remark for remark in found.remarks)
    assert carried(text, values={"svc": "a"}).queries["query"] == 'avg(cpu{svc="a",$cohort})'


def test_cohort__placeholder_of_surroundings__is_none():
    found = carried('avg(cpu{namespace="{{ namespace }}",pod=~"{{ target }}-.*"}) > 1')

    assert found.queries["query"] == "avg(cpu{$cohort})"
    assert any("pod=~" in remark and "became $cohort" in remark for remark in found.remarks)


def test_cohort__value_with_quotes__cannot_leave_its_matcher():
    found = carried('avg(cpu{ns="{{ ns_name }}"}) > 1', values={"ns_name": 'a"} or up{x="'})

    assert found.queries["query"] == 'avg(cpu{ns="a\\"} or up{x=\\"",$cohort})'


@pytest.mark.parametrize(
    ("text", "good", "direction"),
    [
        ("result >= 0.95", True, "decrease"),
        ("result[0] <= 0.05", True, "increase"),
        ("result[0] > 0.05", False, "increase"),
        ("0.95 <= result", True, "decrease"),
        ("default(result, 0) < 5", True, "increase"),
        ("all(result, # > 0.9)", True, "decrease"),
        ("asFloat(result) >= 0.9", True, "decrease"),
        ("result > 1 && result < 5", True, "either"),
        ("result == 'true'", True, None),
        ("len(result) == 0 || result[0] < {{args.max}}", True, "increase"),
    ],
)
def test_condition__says_the_direction_of_harm(text, good, direction):
    assert condition(text, good=good).direction == direction
