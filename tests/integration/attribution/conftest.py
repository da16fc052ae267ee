"""Real rows, and a real HTTP server whose pages the test writes."""

import pytest

from attribution.models import Service
from controlplane.environment import OperatorFile
from tests.integration.attribution.instance import Instance


@pytest.fixture
def instance():
    made: list[Instance] = []

    def make() -> Instance:
        made.append(Instance())
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(autouse=True)
def _local_only(settings):
    settings.OPERATOR = OperatorFile(allowed_destinations=("http://127.0.0.1:*",))
    settings.GRAYGATE_INTERVAL_S = 1.0


ERRORS = {
    "name": "errors",
    "source": "scrape",
    "kind": "ratio",
    "direction": "increase",
    "events": 'requests_total{code=~"5..",$cohort}',
    "total": "requests_total{$cohort}",
}


@pytest.fixture
def service(db):
    def make(name: str, urls=(), **more) -> Service:
        return Service.objects.create(
            name=name,
            team="shop",
            cohorts={"canary": 'track="canary"', "control": 'track="stable"'},
            source={"name": "scrape", "config": {"urls": list(urls)}} if urls else {},
            **{"telemetry": [ERRORS], **more},
        )

    return make
