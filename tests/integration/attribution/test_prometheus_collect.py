"""Collecting from a real server: many services in few requests, one that is wrong among them."""

from datetime import timedelta

import pytest

from attribution.clock import database_now
from attribution.collect import MOST_A_ROUND, collect_due
from attribution.models import Sample, Service
from controlplane.environment import OperatorFile
from tests.integration.attribution.crowd import COHORTS, METRICS, SERVICES, guardrails, names, show
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import KINDS, Gateway, Monitor

pytestmark = pytest.mark.django_db


@pytest.fixture(params=KINDS)
def crowd(request, tmp_path, settings, db):
    target = Instance()
    show(target, 100, 1)
    monitor = Monitor(request.param, tmp_path, [target.url], every_s=5)
    gateway = Gateway(monitor.url)
    settings.GRAYGATE_INTERVAL_S = 60.0
    settings.OPERATOR = OperatorFile(sources={"main": {"url": gateway.url}})
    Service.objects.bulk_create(service(name) for name in names())
    with monitor.process:
        yield monitor, gateway, target
    target.close()
    gateway.close()


def service(name: str, **more) -> Service:
    given = {
        "source": {"name": "prometheus", "config": {"server": "main"}},
        "telemetry": guardrails(name),
        "cohorts": COHORTS,
    }
    return Service(name=name, team="shop", **given | more)


def collect_all() -> None:
    Service.objects.update(due_at=database_now() - timedelta(seconds=1))
    for _ in range(-(-Service.objects.count() // MOST_A_ROUND)):
        collect_due()


def test_collect__a_thousand_guardrails__take_a_fiftieth_of_the_requests(crowd):
    monitor, gateway, target = crowd
    shown = 'sum(http_total{track="canary"})'
    monitor.shows(shown, 100 * SERVICES)
    collect_all()
    show(target, 130, 4)
    monitor.shows(shown, 130 * SERVICES)
    monitor.shows('sum(db_total{track="canary"})', 130 * SERVICES)
    gateway.queries.clear()
    collect_all()
    one_each = SERVICES * len(METRICS) * len(("canary", "control", "all")) * 2
    assert len(gateway.queries) <= one_each / 120
    samples = [Sample.objects.filter(service=row).latest("id") for row in Service.objects.all()]
    expected = {"canary": [3, 30], "control": [30, 300], "all": [33, 330]}
    assert [sample.error for sample in samples] == [""] * SERVICES
    assert all(sample.values == dict.fromkeys(METRICS, expected) for sample in samples)


def test_collect__others_with_bad_queries_and_servers__stop_nobody(crowd):
    monitor, _gateway, _target = crowd
    monitor.shows('sum(http_total{track="canary"})', 100 * SERVICES)
    Service.objects.exclude(name="service-0").delete()
    bad = guardrails("service-0")[0] | {"name": "bad", "total": "nonsense(x{$cohort}[$interval])"}
    service("bad", telemetry=[bad, *guardrails("service-0")]).save()
    service("lost", source={"name": "prometheus", "config": {"server": "gone"}}).save()
    collect_all()
    newest = {one.service.name: one for one in Sample.objects.select_related("service")}
    assert newest["service-0"].error == newest["bad"].error == ""
    assert "not among `sources`" in newest["lost"].error
    assert "bad|canary|total" in newest["bad"].warnings[0]
    assert newest["service-0"].warnings == []


def test_collect__values_and_distributions__are_kept_and_read_as_nothing_by_the_judge(crowd):
    monitor, _gateway, target = crowd
    Service.objects.exclude(name="service-0").delete()
    spread = {"name": "time", "kind": "distribution", "query": "time_bucket{$cohort}"}
    depth = {"name": "depth", "kind": "value", "query": "depth{$cohort}"}
    Service.objects.update(telemetry=[spread, depth, *guardrails("service-0")])
    for count in (10, 16):
        show(target, 100 + count, 1)
        target.page += (
            f'time_bucket{{track="canary",le="0.5"}} {count}\n'
            f'time_bucket{{track="canary",le="+Inf"}} {2 * count}\n'
            f'depth{{track="canary"}} {count}\n'
        )
        monitor.shows("depth", count)
        collect_all()
    values = Sample.objects.latest("id").values
    assert values["time"]["canary"] == {"bounds": [0.5], "counts": [6, 6]}
    assert (values["depth"]["canary"], values["depth"]["control"]) == (16, None)
    assert values["http"]["canary"] == [0, 6]
