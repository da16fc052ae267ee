"""What the newest findings of the open anomalies say about one change."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection

from attribution.anomalies import open_anomaly
from attribution.clock import database_now
from attribution.findings import suspicion
from attribution.models import Finding

pytestmark = pytest.mark.django_db
CHANGE, OTHER = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def anomaly(service):
    service("stock")

    def make(key="f1"):
        now = database_now()
        return open_anomaly("alert", key, "stock", "errors", now, now)

    return make


def found(anomaly, seconds_ago=0.0, **probabilities):
    names = {"change": CHANGE, "other": OTHER}
    return Finding.objects.create(
        anomaly=anomaly,
        at=database_now() - timedelta(seconds=seconds_ago),
        case={},
        suspects=[
            {"change": str(names[name]), "probability": p, "vetoes": [], "evidence": []}
            for name, p in probabilities.items()
        ],
        none_of_them=0.0,
    )


def test_suspicion__newest_finding_names_it_no_more__is_none(anomaly):
    one = anomaly()
    found(one, seconds_ago=9, change=0.9)
    found(one, other=0.9)
    assert suspicion(CHANGE) is None
    assert suspicion(OTHER).probability == 0.9


def test_suspicion__newest_finding_thinks_better_of_it__is_what_it_says_now(anomaly):
    one = anomaly()
    found(one, seconds_ago=9, change=0.9)
    newest = found(one, other=0.6, change=0.1)
    seen = suspicion(CHANGE)
    assert (seen.probability, seen.rank, seen.finding_id) == (0.1, 2, str(newest.pk))


def test_suspicion__several_anomalies__is_the_gravest(anomaly):
    found(anomaly("f1"), change=0.3)
    grave = anomaly("f2")
    found(grave, change=0.8)
    assert suspicion(CHANGE).anomaly_id == str(grave.pk)


def test_suspicion__many_anomalies_and_findings__takes_one_query(
    anomaly, django_assert_num_queries
):
    for number in range(5):
        one = anomaly(f"f{number}")
        for seconds_ago in range(5):
            found(one, seconds_ago=seconds_ago, change=0.5)
    with django_assert_num_queries(1):
        assert suspicion(str(CHANGE)).probability == 0.5


def test_findings__that_name_a_change__are_found_by_the_index():
    named = Finding.objects.filter(suspects__contains=[{"change": str(CHANGE)}]).order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "finding_suspects" in named.explain()
