from datetime import timedelta

import pytest

from attribution.clock import database_now
from attribution.collect import collect_due
from attribution.models import Sample, Service
from attribution.series import read_series
from tests.integration.attribution.conftest import ERRORS

pytestmark = pytest.mark.django_db


def read_again() -> Sample:
    Service.objects.update(due_at=database_now() - timedelta(seconds=1))
    collect_due()
    return Sample.objects.latest("id")


@pytest.fixture
def pair(service, instance):
    stable, canary = instance(), instance()
    stable.counts("stable", 1000, 5)
    canary.counts("canary", 100, 1)
    service("checkout", [stable.url, canary.url])
    return stable, canary


def test_collect__first_sight__says_nothing(pair):
    assert read_again().values["errors"] == {"canary": None, "control": None, "all": None}


def test_collect__second_read__gives_increments_by_cohort(pair):
    stable, canary = pair
    read_again()
    stable.counts("stable", 1060, 5)
    canary.counts("canary", 118, 3)
    assert read_again().values["errors"] == {"canary": [2, 20], "control": [0, 60], "all": [2, 80]}


def test_collect__counters_fell__is_a_reset_and_unknown(pair):
    stable, canary = pair
    read_again()
    stable.counts("stable", 1060, 5)
    canary.counts("canary", 3, 0)
    values = read_again().values["errors"]
    assert values["canary"] is None
    assert values["control"] == [0, 60]


def test_collect__new_label_set_on_a_known_instance__counts_from_zero(service, instance):
    one = instance()
    one.page = 'requests_total{track="canary",code="200"} 10\n'
    service("checkout", [one.url])
    read_again()
    one.counts("canary", 19, 1)
    assert read_again().values["errors"]["canary"] == [1, 10]


def test_collect__canary_does_not_answer__is_silent_while_control_counts(pair):
    stable, canary = pair
    read_again()
    stable.counts("stable", 1060, 5)
    canary.status = 503
    sample = read_again()
    assert sample.error == ""
    assert sample.values["errors"]["canary"] is None
    assert sample.values["errors"]["control"] == [0, 60]


def test_collect__nobody_answers__is_an_error_and_no_reading(pair):
    for each in pair:
        each.status = 500
    sample = read_again()
    assert "no instance answered" in sample.error
    assert sample.values == {}


def test_collect__metric_that_nobody_has__is_unknown_not_zero(service, instance):
    one = instance()
    one.page = "something_else_total 1\n"
    service("checkout", [one.url])
    read_again()
    assert read_again().values["errors"]["all"] is None


@pytest.mark.parametrize("matcher", ['statuss=~"5.."', '__name__="x"'])
def test_collect__label_that_no_series_has__is_unknown_and_not_no_errors(
    service, instance, matcher
):
    one = instance()
    one.counts("canary", 10, 0)
    events = f"requests_total{{{matcher},$cohort}}"
    service("checkout", [one.url], telemetry=[ERRORS | {"events": events}])
    read_again()
    one.counts("canary", 20, 5)
    assert read_again().values["errors"]["canary"] is None


def test_collect__metric_that_was_not_looked_for_before__is_not_counted_from_zero(
    service, instance
):
    one = instance()
    page = 'requests_total{{track="canary",code="500"}} {0}\nold_total{{track="canary"}} {0}\n'
    one.page = page.format(70_000)
    shop = service("checkout", [one.url])
    read_again()
    late = ERRORS | {"name": "old", "events": "old_total{$cohort}", "total": "old_total{$cohort}"}
    Service.objects.filter(pk=shop.pk).update(telemetry=[ERRORS, late])
    one.page = page.format(70_001)
    assert read_again().values == {
        "errors": {"canary": [1, 1], "control": None, "all": [1, 1]},
        "old": {"canary": None, "control": None, "all": None},
    }
    one.page = page.format(70_003)
    assert read_again().values["old"]["canary"] == [2, 2]


def test_collect__one_query_that_cannot_be_read__blinds_no_other(service, instance):
    one = instance()
    one.counts("canary", 10, 0)
    broken = ERRORS | {"name": "broken", "events": 'requests_total{code=~"(",$cohort}'}
    service("checkout", [one.url], telemetry=[broken, ERRORS])
    read_again()
    one.counts("canary", 20, 1)
    values = read_again().values
    assert values["broken"]["canary"] is None
    assert values["errors"]["canary"] == [1, 11]


@pytest.mark.parametrize(
    "line",
    [
        'requests_total{track="canary",code="500"} NaN',
        'requests_total{track="canary",code="500"} +Inf',
        'requests_total{track="ca\0nary",code="500"} 1',
    ],
)
def test_collect__page_that_cannot_be_kept__is_unknown_and_stops_no_other(
    pair, service, instance, line
):
    broken = instance()
    broken.page = line + "\n"
    service("broken", [broken.url])
    for _ in range(2):
        read_again()
    errors = {each.service.name: each.error for each in Sample.objects.order_by("id")}
    assert "no instance answered" in errors["broken"]
    assert errors["checkout"] == ""


def test_collect__source_fails__shows_neither_its_query_nor_its_page(service, instance):
    one = instance()
    one.page = "requests_total{secret} oops\n"
    service("checkout", [f"{one.url}?token=hush"])
    error = read_again().error
    assert "not a metrics page" in error
    assert "hush" not in error
    assert "secret" not in error


def test_collect__redirect__is_not_followed(service, instance):
    one, other = instance(), instance()
    other.counts("stable", 1, 0)
    one.status, one.headers = 302, {"Location": other.url}
    service("checkout", [one.url])
    assert "status 302" in read_again().error
    assert other.asked == 0


def test_collect__address_outside_the_operators_list__is_never_asked(service, instance, settings):
    one = instance()
    service("checkout", [one.url.replace("127.0.0.1", "localhost")])
    assert "allowed_destinations" in read_again().error
    assert one.asked == 0


def test_collect__unknown_source__leaves_an_error_that_lists_the_known(service):
    Service.objects.filter(pk=service("checkout", ["x"]).pk).update(
        source={"name": "graphite", "config": {}}
    )
    assert "known: prometheus, scrape" in read_again().error


def test_collect__one_source_fails__the_others_are_read(pair, service, instance):
    service("dead", ["http://127.0.0.1:1/metrics"])
    Service.objects.update(due_at=database_now() - timedelta(seconds=1))
    assert collect_due() == 2
    errors = {sample.service.name: bool(sample.error) for sample in Sample.objects.all()}
    assert errors == {"checkout": False, "dead": True}


def test_collect__not_due__reads_nothing(pair):
    assert collect_due() == 1
    assert collect_due() == 0


def test_read_series__cohorts__come_in_time_order_with_gaps_as_none(pair):
    stable, _canary = pair
    read_again()
    stable.counts("stable", 1010, 5)
    read_again()
    now = database_now()
    series = read_series("checkout", ["errors", "unknown"], now - timedelta(minutes=1), now)
    assert series.values["errors"]["control"] == [None, [0, 10]]
    assert series.values["unknown"]["control"] == [None, None]
    assert series.t == sorted(series.t)
    assert series.last_error == ""
