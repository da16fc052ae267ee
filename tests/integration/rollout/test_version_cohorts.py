"""Cohorts told apart by version: the rollout that starts says which version is the canary's."""

import pytest

from attribution.collect import Result, _job, _store
from attribution.measured import measured
from attribution.models import Sample, Service
from attribution.sources.base import Reading
from rollout import gates, services
from rollout.machine import Phase

COHORTS = {"canary": 'release="$version"', "control": 'release=~".+",release!="$version"'}
ERRORS = {"name": "errors", "kind": "ratio", "events": 'x{code="5",$cohort}', "total": "x{$cohort}"}


@pytest.fixture
def edge(db):
    return Service.objects.create(name="edge", team="shop", cohorts=COHORTS, telemetry=[ERRORS])


def asked(service) -> dict[str, str]:
    service.refresh_from_db()
    (metric,) = measured(service)
    return {key: text for key, text in metric.queries().items() if key.endswith("total")}


def test_measured__no_rollout_has_started__everybody_alone_is_asked_for(edge):
    assert asked(edge) == {"errors|all|total": "x{}"}


def test_start__cohorts_are_versions__are_those_of_the_frozen_spec(edge, make_rollout, stagehand):
    rollout = make_rollout(version="2.5.0", previous_version="2.4.9")
    stagehand.tick(times=2)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.RUNNING
    assert asked(edge) == {
        "errors|canary|total": 'x{release="2.5.0"}',
        "errors|control|total": 'x{release=~".+",release!="2.5.0"}',
        "errors|all|total": "x{}",
    }


def test_start__change_named_by_its_content__cohorts_are_not_known(edge, make_rollout, stagehand):
    make_rollout(version="sha256:0123456789ab", previous_version="")
    stagehand.tick(times=2)
    assert asked(edge) == {"errors|all|total": "x{}"}


def test_start__counters_of_another_version__are_forgotten(edge, make_rollout, stagehand):
    edge.counters = {"at": "then", "state": {"asked": ["x"]}}
    edge.save()
    make_rollout(version="2.5.0")
    stagehand.tick(times=2)
    edge.refresh_from_db()
    assert edge.counters.keys() == {"versions"}


def test_store__read_before_the_versions_changed__is_dropped(edge, make_rollout, stagehand):
    job = _job(edge)
    make_rollout(version="2.5.0")
    stagehand.tick(times=2)
    _store(Result(job, Reading({}, {"asked": []}), ""))
    assert not Sample.objects.exists()
    edge.refresh_from_db()
    _store(Result(_job(edge), Reading({}, {"asked": []}), ""))
    edge.refresh_from_db()
    assert edge.counters["versions"]["version"] == "2.5.0"
    assert Sample.objects.count() == 1


def test_start__another_change_has_the_versions__waits(edge, make_rollout, stagehand):
    first = make_rollout(version="2.5.0")
    stagehand.tick(times=2)
    second = make_rollout(version="flag-on", artefact="edge/feature_flag/other")
    stagehand.tick(times=2)
    second.refresh_from_db()
    assert second.phase == Phase.PENDING
    assert "the cohorts of edge are versions" in gates.conflict(second)
    services.abort(first.pk, "ann", "no")
    stagehand.tick(seconds=1, times=4)
    first.refresh_from_db()
    assert first.phase == Phase.ROLLED_BACK
    assert gates.conflict(second) == ""


def test_start__cohorts_are_fixed_labels__two_changes_run_side_by_side(make_rollout, stagehand, db):
    Service.objects.create(
        name="edge", team="shop", cohorts={"canary": 't="c"', "control": 't="s"'}
    )
    make_rollout()
    other = make_rollout(artefact="edge/feature_flag/other")
    stagehand.tick(times=2)
    other.refresh_from_db()
    assert other.phase == Phase.RUNNING
