"""`doctor` on guardrails: which of them would judge, and what mends those that would not."""

import pytest

from attribution.models import Guardrail, Service
from controlplane.doctor import watching
from controlplane.doctor.base import FAIL, OK, UNTESTED, WARN
from controlplane.environment import OperatorFile
from tests.integration.attribution.foreign import Foreign, ledger
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import Monitor

pytestmark = pytest.mark.django_db

COHORTS = {"canary": 'release="$version"', "control": 'release=~".+",release!="$version"'}
ERRORS = {
    "name": "errors",
    "source": "prometheus",
    "kind": "ratio",
    "direction": "increase",
    "events": 'ledger_replies_total{app="ledger",rc=~"5..",$cohort}',
    "total": 'ledger_replies_total{app="ledger",$cohort}',
}


@pytest.fixture(scope="module")
def foreign():
    one = Foreign(ledger)
    yield one
    one.close()


@pytest.fixture(scope="module")
def monitor(foreign, tmp_path_factory):
    one = Monitor("prometheus", tmp_path_factory.mktemp("p"), [foreign.url])
    with one.process:
        one.shows("count(ledger_replies_total)", 4)
        yield one


@pytest.fixture
def operator(settings, monitor):
    settings.OPERATOR = OperatorFile(sources={"main": {"url": monitor.url}})


def service(name="ledger", guardrail=None, **more) -> Service:
    given = {"source": {"name": "prometheus", "config": {"server": "main"}}, "cohorts": COHORTS}
    made = Service.objects.create(name=name, team="books", **{**given, **more})
    spec = ERRORS | (guardrail or {})
    Guardrail.objects.create(name=spec["name"], service=made, spec=spec)
    return made


def told(checks) -> dict[str, tuple[str, str, str]]:
    """Run here and not in threads: they would not see the test's rows."""
    found = [each for check in checks for each in check.run()]
    return {each.name: (each.status, each.detail, each.repair) for each in found}


def test_guardrails__series_for_the_control__are_well_before_any_rollout(operator):
    service()
    found = told(watching.checks(10))
    assert found["guardrails on main"] == (OK, "1 guardrails of 1 services have data", "")


@pytest.mark.parametrize(
    ("guardrail", "more", "detail"),
    [
        ({"total": "nonsense{$cohort}"}, {}, "no series fits its query"),
        ({"total": "sum(increase(x{$cohort}[$interval]) by"}, {}, "not closed"),
        ({"total": "nonsense(x{$cohort}[$interval])"}, {}, "unknown function"),
        ({}, {"cohorts": {"canary": 'a="b"', "control": 'a="c"'}}, 'for the control: a="c"'),
        ({}, {"cohorts": {}}, "has no cohorts"),
    ],
)
def test_guardrails__that_judge_nothing__fail_with_their_repair(operator, guardrail, more, detail):
    service(guardrail=guardrail, **more)
    status, shown, repair = told(watching.checks(10))["guardrail errors of ledger"]
    assert status == FAIL
    assert detail in shown
    assert repair


def test_guardrails__exposed_and_no_series_of_the_version__is_warned_of(operator):
    one = service()
    one.counters = {"versions": {"version": "never-seen", "previous_version": ""}}
    one.save()
    one.exposures.create(
        change_id="5f0c7d1e-0000-4000-8000-000000000000",
        at="2026-01-01T00:00:00Z",
        share=0.1,
        kind="deploy",
    )
    status, shown, repair = told(watching.checks(10))["guardrail errors of ledger"]
    assert (status, shown) == (WARN, 'exposed, but no series for release="never-seen"')
    assert "version that the change names" in repair


def test_guardrails__of_many_services__some_are_read_and_the_rest_is_told(operator):
    for number in range(12):
        service(f"s{number:02}")
    found = told(watching.checks(5))
    assert found["guardrails on main"][1] == "5 guardrails of 5 services have data"
    every = [each for check in watching.checks(5) for each in check.run()]
    assert ("services", UNTESTED) in {(each.name, each.status) for each in every}


def test_guardrails__many_that_fail__are_counted_and_not_all_told(operator):
    for number in range(watching.MOST_LINES + 7):
        service(f"s{number:02}", guardrail={"total": f"nonsense_{number}{{$cohort}}"})
    found = told(watching.checks(100))
    assert found["guardrails on main"][1] == "7 more like these"


def test_guardrails__server_that_nobody_knows__fails_once(settings):
    settings.OPERATOR = OperatorFile()
    service()
    status, detail, repair = told(watching.checks(10))["guardrails on main"]
    assert (status, detail) == (FAIL, "1 services name a source that is not there")
    assert "`sources`" in repair


def test_guardrails__scraped_without_a_prometheus__are_read_twice(settings):
    page = Instance()
    page.page = 'ledger_replies_total{app="ledger",release="1",rc="200"} 5\n'
    settings.OPERATOR = OperatorFile(allowed_destinations=("http://127.0.0.1:*",))
    scrape = {"name": "scrape", "config": {"urls": [page.url]}}
    service(source=scrape, guardrail={"source": "scrape"})
    service("other", source=scrape, guardrail={"source": "scrape", "total": "no{$cohort}"})
    found = told(watching.checks(10))
    page.close()
    assert found["guardrails of ledger"][0] == OK
    assert found["guardrail errors of other"][:2] == (FAIL, "no data for the control")


def test_services__executor_that_is_not_in_the_file__fails(operator):
    service(executor={"name": "http", "config": {"target": "gone"}})
    found = told(watching.checks(10))
    assert found["executor of ledger"][0] == FAIL
    assert "gone" in found["executor of ledger"][1]
