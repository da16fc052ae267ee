"""`doctor`: a house in which all is well, and then one thing after another that is not."""

import json
import socket

import pytest
from django.core.management import call_command

from attribution.models import Guardrail, Service
from controlplane.bells import BELLS
from controlplane.doctor import base, house, outside
from controlplane.doctor.base import FAIL, OK, WARN, Check, examine, ok
from controlplane.environment import OperatorFile
from controlplane.heard import record_answered, record_rung
from controlplane.models import BellRecord
from tests.integration.attribution.foreign import Foreign, ledger
from tests.integration.attribution.monitoring import Gateway, Monitor
from tests.integration.controlplane.conftest import SECRET

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


def everybody_works() -> None:
    record_rung([bell.name for bell in BELLS])
    for bell in BELLS:
        record_answered(bell.name)


# --- outside ---------------------------------------------------------------------------------


def test_source__answers__its_clock_is_compared_with_the_databases(operator):
    found = told(outside.checks())
    assert found["source main"][:2] == (OK, "answers queries")
    assert found["source main clock"][0] == OK


def test_source__clock_goes_wrong__is_told(settings, monitor):
    gateway = Gateway(monitor.url)

    def late(content):
        content["data"]["result"][0]["value"][1] = "1000"

    gateway.change = late
    settings.OPERATOR = OperatorFile(sources={"main": {"url": gateway.url}})
    status, detail, repair = told(outside.checks())["source main clock"]
    gateway.close()
    assert status == FAIL
    assert "from the database's" in detail
    assert "NTP" in repair


def test_source__refuses_the_credentials__names_the_fields_and_no_secret(settings, monitor):
    gateway = Gateway(monitor.url)
    gateway.authorization = "Bearer right"
    entry = {"url": gateway.url, "bearer_token": "hunter2"}
    settings.OPERATOR = OperatorFile(sources={"main": entry})
    found = told(outside.checks())["source main"]
    gateway.close()
    assert found[0] == FAIL
    assert "refuses the credentials" in found[1]
    assert "bearer_token_file" in found[2]
    assert "hunter2" not in str(found)


def test_endpoints__webhook_and_alertmanager__are_reached_and_get_no_message(
    settings, start_receiver
):
    receiver, free = start_receiver(), socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    hooks = [
        {"name": "pager", "url": receiver.url, "secret": SECRET},
        {"name": "gone", "url": f"http://127.0.0.1:{port}/hook-secret", "secret": SECRET},
        {"name": "am", "notifier": "alertmanager", "url": receiver.url},
    ]
    settings.OPERATOR = OperatorFile(webhooks=hooks)
    found = told(outside.checks())
    assert found["endpoint pager"][0] == OK
    assert found["endpoint gone"][0] == FAIL
    assert found["endpoint am"][0] == FAIL  # no Alertmanager: it has no status to show
    assert "/api/v2" in found["endpoint am"][2]
    assert receiver.got == []
    assert "hook-secret" not in str(found)


def test_targets__observed_and_what_is_wrong_is_told(settings):
    targets = {
        "edge": {"url": "http://127.0.0.1:1/", "secret": SECRET},
        "lb": {"executor": "haproxy", "address": "/nowhere.sock", "backend": "b", "canary": ["c"]},
        "odd": {"executor": "none such"},
        "dry": {"executor": "dryrun"},
    }
    settings.OPERATOR = OperatorFile(targets=targets)
    found = told(outside.checks())
    assert [found[f"target {name}"][0] for name in targets] == [FAIL, FAIL, FAIL, OK]
    assert "stats socket" in found["target lb"][2]
    assert SECRET not in str(found)


# --- the house -------------------------------------------------------------------------------


def test_database__well__tells_version_migrations_permissions_and_clock():
    found = told([Check("database", house.of_database)])
    assert {name: each[0] for name, each in found.items()} == {
        "database": OK,
        "migrations": OK,
        "permissions": OK,
        "clock": OK,
    }


@pytest.mark.parametrize(("seconds", "status"), [(0.5, OK), (-5, WARN), (31, FAIL)])
def test_skew__the_more__the_worse(seconds, status):
    assert house.skew("clock", seconds, "its clock", 30).status == status


def test_bells__nobody_rang__beat_and_workers_fail():
    found = told([Check("beat", house.of_bells)])
    assert (found["beat"][0], found["workers"][0]) == (FAIL, FAIL)
    assert "celery -A controlplane.celery beat" in found["beat"][2]


def test_bells__rung_and_answered__are_well():
    everybody_works()
    found = told([Check("beat", house.of_bells)])
    assert (found["beat"][0], found["workers"][0]) == (OK, OK)


def test_bells__one_queue_without_a_worker__is_named():
    everybody_works()
    BellRecord.objects.filter(name="reconcile").update(answered_at=None)
    _status, detail, repair = told([Check("beat", house.of_bells)])["workers"]
    assert detail == "nobody answers act"
    assert repair.endswith("worker -Q act")


def test_settings__a_bad_one__fails_with_its_id_and_hint(settings):
    settings.GRAYGATE_URL = "nowhere"
    found = told([Check("settings", house.of_settings)])
    assert found["settings graygate.E009"][0] == FAIL
    assert found["settings graygate.E009"][2]


# --- all of it -------------------------------------------------------------------------------


def test_examine__one_hangs_and_one_breaks__the_others_are_told_in_order():
    import threading  # noqa: PLC0415

    forever = threading.Event()

    def breaks():
        raise RuntimeError("http://ann:secret@host")

    checks = [
        Check("hangs", lambda: [ok("hangs")] if forever.wait() else []),
        Check("fine", lambda: [ok("fine")]),
        Check("breaks", breaks),
    ]
    found = examine(checks, within_s=0.5)
    forever.set()
    assert [(each.name, each.status) for each in found] == [
        ("hangs", FAIL),
        ("fine", OK),
        ("breaks", FAIL),
    ]
    assert "secret" not in str(found)


@pytest.mark.django_db(transaction=True)
def test_doctor__json__says_what_failed_and_exits_with_1(settings, capsys, monitor):
    settings.OPERATOR = OperatorFile(sources={"main": {"url": monitor.url}})
    service()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (ended.value.code, answer["status"]) == (1, "fail")
    states = {each["name"]: each["status"] for each in answer["findings"]}
    assert states["guardrails on main"] == OK
    assert states["beat"] == FAIL
    assert all(each["repair"] for each in answer["findings"] if each["status"] in (FAIL, WARN))


@pytest.mark.django_db(transaction=True)
def test_doctor__everything_works__exits_with_0_and_shows_a_table(settings, capsys, monitor):
    settings.OPERATOR = OperatorFile(sources={"main": {"url": monitor.url}})
    service()
    everybody_works()
    call_command("doctor")
    table = capsys.readouterr().out
    assert "1 guardrails of 1 services have data" in table
    assert "fail" not in table.splitlines()[-1]


def test_base__at_once__is_bounded():
    assert base.AT_ONCE <= 16
