"""`discover` on a real Prometheus that scrapes three services of strangers."""

import json
from datetime import timedelta

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from attribution.clock import database_now
from attribution.collect import collect_due
from attribution.credentials import Credentials
from attribution.discovering import Discovered
from attribution.discovery.facts import Candidate, Facts, Family, Group
from attribution.discovery.propose import propose
from attribution.discovery.sensitivity import Plan
from attribution.models import Sample, Service
from attribution.sources.query_api import Server
from attribution.watched import watch
from controlplane.environment import OperatorFile
from controlplane.management.commands.discover import _put_out
from tests.integration.attribution.foreign import NEW, OLD, PAGES, Foreign, porter
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import Gateway, Monitor
from tests.parts import wait_until

pytestmark = pytest.mark.django_db

COUNTERS = (
    "ledger_replies_total",
    "http_server_requests_seconds_count",
    "grpc_server_handled_total",
)
CALLS = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: mailer}
spec: {owner: group:default/post, consumesApis: [vault-api]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: vault}
spec: {owner: safes, providesApis: [vault-api], dependsOn: ["component:ledger", "resource:disk"]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: ghost}
spec: {owner: nobody}
"""


@pytest.fixture(scope="module")
def foreign():
    made = [Foreign(page) for page in PAGES]
    yield made
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def monitor(foreign, tmp_path_factory):
    one = Monitor("prometheus", tmp_path_factory.mktemp("p"), [each.url for each in foreign])
    with one.process:
        for name in COUNTERS:
            one.shows(f"count(rate({name}[1m]) > 0)", 4)
        yield one


@pytest.fixture
def operator(settings, monitor):
    settings.GRAYGATE_INTERVAL_S = 5.0
    settings.OPERATOR = OperatorFile(sources={"main": {"url": monitor.url}})


@pytest.fixture
def run(capsys):
    def run(*words: str) -> tuple[list[dict], str]:
        call_command("discover", "--prometheus", *words)
        seen = capsys.readouterr()
        return [one for one in yaml.safe_load_all(seen.out) if one], seen.err

    return run


def of(documents, kind, name) -> dict:
    (one,) = [
        each
        for each in documents
        if each["kind"] == kind and name in (each["name"], each.get("service"))
    ]
    return one


def test_discover__strangers_services__are_proposed_with_their_version_labels(run, operator):
    documents, _table = run("main")
    services = [each for each in documents if each["kind"] == "Service"]
    assert {each["name"]: each["cohorts"] for each in services} == {
        name: {"canary": f'{label}="$version"', "control": f'{label}=~".+",{label}!="$version"'}
        for name, label in (("ledger", "release"), ("mailer", "version"), ("vault", "app_version"))
    }
    assert all(each["source"]["config"] == {"server": "main"} for each in services)


def test_discover__what_it_writes__is_taken_by_the_api_and_judges_without_editing(
    run, operator, token, monitor
):
    documents, _table = run("main")
    put(documents, token)
    for service in Service.objects.all():
        watch([service.name], CHANGE, NEW, OLD)
    collect_twice(monitor, "max(ledger_replies_total)")
    assert Service.objects.count() == 3
    for service in Service.objects.all():
        judged_apart(service)


def test_discover__version_in_an_info_metric_only__judges_without_editing(
    run, settings, token, tmp_path
):
    settings.GRAYGATE_INTERVAL_S = 5.0
    instances = [Foreign(porter, versions=(each,)) for each in (OLD, NEW)]
    monitor = Monitor("prometheus", tmp_path, [each.url for each in instances])
    settings.OPERATOR = OperatorFile(sources={"main": {"url": monitor.url}})
    with monitor.process:
        monitor.shows("count(count_over_time(porter_requests_total[5s]) >= 4)", 4)
        documents, _table = run("main")
        put(documents, token)
        watch(["porter"], CHANGE, NEW, OLD)
        collect_twice(monitor, "max(porter_requests_total)")
    for each in instances:
        each.close()
    judged_apart(Service.objects.get(name="porter"))


CHANGE = "5f0c7d1e-0000-4000-8000-000000000000"


def put(documents, token) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token('operator')}")
    for document in documents:
        kind, name = document.pop("kind").lower(), document["name"]
        if kind == "guardrail":
            document["kind"] = document.pop("metric_kind")
        answer = client.put(f"/api/v1/{kind}s/{name}", document, format="json")
        assert answer.status_code in {200, 201}, (document, answer.json())


def collect_twice(monitor, counter: str) -> None:
    """Or more often: an instance that was not scraped between two reads tells no increments."""
    for round_ in range(20):
        Service.objects.update(due_at=database_now() - timedelta(seconds=1))
        before = monitor.query(counter)
        wait_until(lambda b=before: monitor.query(counter) > b, 30, "a scrape")
        collect_due()
        if round_ and all(map(told, Service.objects.all())):
            return


def told(service) -> bool:
    values = Sample.objects.filter(service=service).latest("id").values
    return all(metric.get(side) for metric in values.values() for side in ("canary", "control"))


def judged_apart(service) -> None:
    """Canary and control have the errors that they have, and a histogram each."""
    values = Sample.objects.filter(service=service).latest("id").values
    errors, duration = values["errors"], values["duration"]
    assert errors["canary"][0] / errors["canary"][1] == pytest.approx(0.06)
    assert errors["control"][0] / errors["control"][1] == pytest.approx(0.02)
    assert sum(duration["canary"]["counts"]) == pytest.approx(errors["canary"][1]), service.name


def test_discover__present_values_and_what_would_be_seen__are_told(run, operator):
    _documents, table = run("main", "--share", "0.5", "--intervals", "100")
    assert "ledger_replies_total: 4% now; sees " in table
    assert "ledger_reply_time_ms_bucket: 4% beyond 250 ms now; sees " in table
    assert "within 8 min on 50% of the traffic; passes in about" in table
    assert "jvm_memory_used_bytes: 5e+08 now; telemetry for attribution" in table


def test_discover__bound_of_a_histogram__is_a_bucket_in_its_own_unit(run, operator):
    documents, _table = run("main")
    bounds = {
        each["service"]: each["params"]["bound"]
        for each in documents
        if each["kind"] == "Guardrail" and each["name"] == "duration"
    }
    assert bounds == {"ledger": 250.0, "mailer": 0.1, "vault": 0.5}


def test_discover__catalogue__gives_teams_and_calls(run, operator, tmp_path):
    file = tmp_path / "catalog-info.yaml"
    file.write_text(CALLS)
    documents, table = run("main", "--catalog", str(file))
    services = {each["name"]: each for each in documents if each["kind"] == "Service"}
    assert (services["mailer"]["team"], services["mailer"]["calls"]) == ("post", ["vault"])
    assert (services["vault"]["team"], services["vault"]["calls"]) == ("safes", ["ledger"])
    assert services["ledger"]["team"] == "unknown"
    assert "in the catalogue, but without metrics: ghost" in table


def test_discover__address_that_is_typed__is_asked_and_named_for_the_file(run, settings, monitor):
    settings.OPERATOR = OperatorFile()
    documents, table = run(monitor.url)
    assert documents[0]["source"]["config"] == {"server": "discovered"}
    assert '"sources": {"discovered"' in table


def test_discover__only_a_part__leaves_the_others_out(run, operator):
    documents, _table = run("main", "--only", 'app="ledger"')
    assert {each["name"] for each in documents if each["kind"] == "Service"} == {"ledger"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "not among `sources`"),
        ("ftp://x", "takes http://"),
        ("http://ann:secret@127.0.0.1:9", "takes http://"),
        ("http://127.0.0.1:1", "cannot be reached"),
    ],
)
def test_discover__bad_place__is_an_error_without_the_secret(operator, given, message):
    with pytest.raises(CommandError, match=message) as problem:
        call_command("discover", "--prometheus", given)
    assert "secret" not in str(problem.value)


def test_discover__bad_matchers__are_an_error(operator):
    with pytest.raises(CommandError, match="--only"):
        call_command("discover", "--prometheus", "main", "--only", "nonsense")


def test_discover__write__one_file_a_service_and_nothing_of_others(run, operator, tmp_path):
    folder = tmp_path / "proposed"
    (tmp_path / "proposed").mkdir()
    (folder / "vault.yaml").write_text("mine")
    with pytest.raises(CommandError, match=r"vault\.yaml"):
        run("main", "--write", str(folder))
    assert [each.name for each in folder.iterdir()] == ["vault.yaml"]
    run("main", "--write", str(folder), "--force")
    assert {each.name for each in folder.iterdir()} == {"ledger.yaml", "mailer.yaml", "vault.yaml"}
    documents = list(yaml.safe_load_all((folder / "vault.yaml").read_text()))
    assert [(each["kind"], each["name"]) for each in documents] == [
        ("Service", "vault"),
        ("Guardrail", "errors"),
        ("Guardrail", "duration"),
    ]


def test_discover__endless_answer__is_a_clear_error(settings):
    server = Instance()
    server.page = json.dumps({"status": "success", "data": ["x" * 1000] * 9000})
    settings.OPERATOR = OperatorFile(sources={"main": {"url": server.url.removesuffix("/metrics")}})
    with pytest.raises(CommandError, match=r"more than 8,000,000 bytes .* --only"):
        call_command("discover", "--prometheus", "main")
    server.page = "<html>"
    with pytest.raises(CommandError, match="what no Prometheus would"):
        call_command("discover", "--prometheus", "main")
    server.close()


def test_discover__server_that_hangs_on_queries__ends_in_time_and_says_what_is_missing(
    run, settings, monitor
):
    slow = SlowQueries(monitor.url)
    settings.OPERATOR = OperatorFile(sources={"main": {"url": slow.url}})
    with pytest.raises(CommandError, match="No service was found"):
        run("main", "--timeout", "4")
    slow.close()


class SlowQueries(Gateway):
    """Names and labels come at once; a query is never answered."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        handler = self.server.RequestHandlerClass

        def get(self) -> None:
            import requests  # noqa: PLC0415

            answer = requests.get(f"{upstream}{self.path}", timeout=10)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        handler.do_GET = get
        self.delay = lambda _query: 60.0


def test_put_out__one_service_cannot_be_proposed__the_others_are(tmp_path, capsys):
    groups = tuple(
        Group({"service": name, "version": version, "code": code}, 2)
        for name in ("cart", "x" * 3_000)
        for version in ("1", "2")
        for code in ("200", "500")
    )
    family = Family(Candidate("http_requests_total", "requests"), groups)
    proposals, _ = propose(Facts((family,)))
    assert len(proposals) == 2
    found, plan = Discovered(proposals), Plan(0.05, 60, 5.0, 0.02)
    options = {"write": str(tmp_path), "force": False}
    _put_out(found, Server("main", "http://127.0.0.1:1", Credentials()), plan, options)
    assert [path.name for path in tmp_path.iterdir()] == ["cart.yaml"]
    assert "was left out" in capsys.readouterr().err
