"""Which versions answer, asked of real servers that speak Prometheus' API."""

from datetime import timedelta

import pytest

from attribution.clock import database_now
from attribution.models import Exposure, Service, VersionWatch
from attribution.sources.base import SourceError, VersionAsk, VersionSource
from attribution.sources.prometheus import PrometheusSource
from attribution.sources.scrape import ScrapeSource
from attribution.unmanaged import look_due
from controlplane.environment import OperatorFile
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import KINDS, Gateway, Monitor
from tests.parts import wait_until

from .conftest import ERRORS


@pytest.fixture(params=KINDS)
def site(request, tmp_path, settings):
    target = Instance()
    monitor = Monitor(request.param, tmp_path, [target.url])
    gateway = Gateway(monitor.url)
    settings.OPERATOR = OperatorFile(sources={"main": {"url": gateway.url}})
    settings.GRAYGATE_INTERVAL_S = 1.0
    with monitor.process:
        yield monitor, gateway, target
    target.close()
    gateway.close()


def page(**counts) -> str:
    lines = [f'hits_total{{release="{v}",code="200"}} {n}\n' for v, n in counts.items()]
    return "# TYPE hits_total counter\n" + "".join(lines) + 'hits_total{code="200"} 5\n'


def ask(**given) -> VersionAsk:
    fields = {"config": {"server": "main"}, "selector": 'hits_total{code="200"}'}
    return VersionAsk(**{**fields, "label": "release", "since_s": None, "state": {}, **given})


def test_sources__of_ours__tell_versions():
    assert isinstance(PrometheusSource(), VersionSource)
    assert isinstance(ScrapeSource(), VersionSource)


def test_versions__two_answer__are_told_apart_in_one_query(site):
    monitor, gateway, target = site
    target.page = page(v1=1000, v2=500)
    monitor.shows('hits_total{release="v1"}', 1000)
    target.page = page(v1=1300, v2=600)
    monitor.shows('hits_total{release="v1"}', 1300)

    def answered():
        gateway.queries.clear()
        return PrometheusSource().versions(ask()).requests

    wait_until(lambda: len(answered()) == 2, 60, "both versions grow")
    found = answered()
    assert set(found) == {"v1", "v2"}
    assert found["v2"] / sum(found.values()) == pytest.approx(0.25, abs=0.02)
    assert len(gateway.queries) == 1


def test_versions__server_is_slow_or_partial__is_an_error_and_no_share(site):
    _monitor, gateway, _target = site
    gateway.change = lambda content: content.update(isPartial=True)
    with pytest.raises(SourceError, match="partial"):
        PrometheusSource().versions(ask())
    gateway.change = None
    gateway.delay = lambda _query: 10.0
    with pytest.raises(SourceError, match="does not answer"):
        PrometheusSource().versions(ask())


@pytest.mark.django_db
def test_look_due__real_server_with_a_version_that_is_new__is_an_exposure(site):
    monitor, _gateway, target = site
    edge = Service.objects.create(
        name="edge",
        team="shop",
        cohorts={"canary": 'release="$version"', "control": 'release!="$version"'},
        source={"name": "prometheus", "config": {"server": "main"}},
        telemetry=[{**ERRORS, "total": 'sum(increase(hits_total{code="200",$cohort}[$interval]))'}],
    )

    def look():
        VersionWatch.objects.update(due_at=database_now() - timedelta(seconds=1))
        look_due()
        return VersionWatch.objects.get(service=edge)

    counts = {"v1": 1000}

    def grow(**more):
        counts.update({version: counts.get(version, 0) + n for version, n in more.items()})
        target.page = page(**counts)
        monitor.shows('hits_total{release="v1"}', counts["v1"])

    grow(v1=0)
    grow(v1=300)
    wait_until(lambda: look().state.get("seen"), 60, "the first look tells")
    assert not Exposure.objects.exists()
    grow(v1=10, v2=1)
    grow(v1=10, v2=200)
    wait_until(lambda: look() and Exposure.objects.exists(), 60, "the new version is seen")
    row = Exposure.objects.get()
    assert (row.name, row.managed, row.service) == ("edge v2", False, edge)
    assert 0.1 < row.share < 0.9
    assert VersionWatch.objects.get().error == ""
