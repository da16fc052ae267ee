"""From journeys that ended to what is told of a team's practice."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from attribution import exposures
from attribution.clock import database_now
from controlplane.models import Outcome
from controlplane.outcomes import record_outcomes
from controlplane.practised import practised
from rollout import services
from tests.factories import ServiceFactory, journey

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended():
    def make(lifecycle):
        found = journey(lifecycle)
        record_outcomes()
        return found

    return make


def test_practised__completed_by_itself__is_staged_observed_and_unattended(ended):
    found = ended("completed")
    (one,) = practised(database_now() - timedelta(days=1))
    assert (one.service, one.team) == (found.service.name, found.service.team)
    assert one.staged
    assert one.observed
    assert one.unattended
    assert not one.harmful
    assert one.lead_s is not None


def test_practised__rolled_back__went_wrong(ended):
    ended("rolled_back")
    (one,) = practised(database_now() - timedelta(days=1))
    assert one.harmful
    assert one.recovery_s is None


def test_practised__a_person_gave_an_order__is_attended():
    found = journey("running")
    services.pause(found.rollout.pk, "olga", "lunch")
    services.resume(found.rollout.pk, "olga", "back")
    found.wait()
    found.wait_long()
    record_outcomes()
    assert [one.unattended for one in practised(database_now() - timedelta(days=1))] == [False]


def test_practised__ended_before__is_not_in_it(ended):
    ended("completed")
    assert practised(database_now() + timedelta(days=1)) == []


def test_practised__many__takes_as_many_queries_as_one(ended):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            practised(database_now() - timedelta(days=1))
        return len(seen)

    ended("completed")
    one = queries()
    for _ in range(3):
        ended("completed")
    assert Outcome.objects.count() == 4
    assert queries() == one


def test_standardisation__by_service__tells_each_and_all(calling, ended):
    found = ended("completed")
    answer = calling("viewer").get("standardisation?by=service&days=7").json()
    assert answer["days"] == 7
    assert answer["all"]["changes"] == 1
    assert answer["groups"][found.service.name]["change_failure_rate"] == 0


def test_standardisation__unmanaged_changes__count_in_coverage_and_have_their_group(calling, ended):
    found = ended("completed")
    other = ServiceFactory(name="legacy", team="ops")
    at = database_now()
    exposures.record(uuid.uuid4(), other.name, at, 1.0, [], "deploy", managed=False)
    answer = calling("viewer").get("standardisation?days=7").json()
    assert answer["all"]["coverage"] == 0.5
    assert answer["all"]["unmanaged"] == 1
    assert answer["groups"][found.service.team]["coverage"] == 1.0
    assert answer["groups"]["ops"]["coverage"] == 0.0
    assert answer["groups"]["ops"]["changes"] == 0


def test_precision__nothing_stopped__is_an_empty_list(calling, ended):
    ended("completed")
    assert calling("viewer").get("precision?days=7").json() == {"days": 7, "guardrails": []}
    assert calling("viewer").get("precision?days=0").status_code == 422


@pytest.mark.parametrize("query", ["days=0", "days=x", "days=367", "days=-1", "by=galaxy"])
def test_standardisation__nonsense__is_refused(calling, query):
    assert calling("viewer").get(f"standardisation?{query}").status_code == 422
