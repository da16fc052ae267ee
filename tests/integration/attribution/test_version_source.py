"""Which versions answer, asked of real servers that speak Prometheus' API."""

import pytest

from attribution.sources.base import SourceError, VersionAsk, VersionSource
from attribution.sources.prometheus import PrometheusSource
from attribution.sources.scrape import ScrapeSource
from controlplane.environment import OperatorFile
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import KINDS, Gateway, Monitor
from tests.parts import wait_until


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
