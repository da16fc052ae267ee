"""What is old goes, little at a time; what somebody may still ask for stays."""

from datetime import timedelta

import pytest

from attribution import pruning
from attribution.clock import database_now
from attribution.models import Alert, Anomaly, Finding, Sample

pytestmark = pytest.mark.django_db


def ago(days):
    return database_now() - timedelta(days=days)


@pytest.fixture
def shop(service):
    return service("checkout")


def anomaly(shop, ended, key="f"):
    return Anomaly.objects.create(
        service=shop,
        metric="errors",
        origin="alert",
        key=key,
        started_at=ended or ago(100),
        detected_at=ended or ago(100),
        ended_at=ended,
    )


def test_prune__old_samples__go(shop):
    for age in (1, 29, 31):
        Sample.objects.create(service=shop, at=ago(age))
    assert pruning.prune() == 1
    assert pruning.prune() == 0


def test_prune__more_than_a_runs_worth__is_left_for_the_next(shop, service, monkeypatch):
    monkeypatch.setattr(pruning, "MOST_A_RUN", 3)
    monkeypatch.setattr(pruning, "BATCH", 2)
    for row in (shop, shop, service("stock"), service("cart")):
        Sample.objects.create(service=row, at=ago(31))
        Sample.objects.create(service=row, at=ago(32))
    assert [pruning.prune() for _ in range(4)] == [3, 3, 2, 0]


def test_prune__ended_incidents__go_after_ninety_days(shop):
    for number, days in enumerate((10, 91)):
        anomaly(shop, ago(days), key=f"f{number}")
        Alert.objects.create(
            fingerprint=f"f{number}",
            starts_at=ago(days),
            ends_at=ago(days),
            received_at=ago(days),
            status="resolved",
        )
    assert pruning.prune() == 2
    assert (Anomaly.objects.get().key, Alert.objects.get().fingerprint) == ("f0", "f0")


def test_prune__incident_that_goes_on__stays(shop):
    anomaly(shop, None)
    Alert.objects.create(fingerprint="f", starts_at=ago(100), received_at=ago(100), status="firing")
    assert pruning.prune() == 0


def test_prune__anomaly_whose_finding_is_kept__stays_with_it(shop):
    kept = anomaly(shop, ago(91))
    Finding.objects.create(anomaly=kept, at=ago(91), case={}, suspects=[], none_of_them=1.0)
    assert pruning.prune() == 0
    assert Finding.objects.count() == 1
