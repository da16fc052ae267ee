"""What is old goes, little at a time; what somebody may still ask for stays."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from attribution import pruning
from attribution.clock import database_now
from attribution.models import Alert, Anomaly, AnomalyFeedback, Finding, Sample

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


def said(row, **given):
    return AnomalyFeedback.objects.create(anomaly=row, author="olga", at=ago(90), **given)


def finding(row, days):
    return Finding.objects.create(anomaly=row, at=ago(days), case={}, suspects=[], none_of_them=1.0)


def test_prune__anomaly_of_which_a_person_said_what_it_was__stays_with_that_word(shop):
    said(anomaly(shop, ago(400)))
    assert pruning.prune() == 0
    assert AnomalyFeedback.objects.count() == Anomaly.objects.count() == 1


def test_old_findings__anomaly_with_feedback__leave_out_its_last_one(shop):
    answered, other = anomaly(shop, ago(90)), anomaly(shop, ago(90), key="g")
    said(answered)
    first, _last, unanswered = finding(answered, 91), finding(answered, 90), finding(other, 90)
    old = pruning.old_findings(ago(30), 10)
    assert {row.pk for row in old} == {first.pk, unanswered.pk}


def test_feedback__written_once__is_never_changed_and_goes_with_its_service(shop):
    row = said(anomaly(shop, ago(90)))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AnomalyFeedback.objects.filter(pk=row.pk).update(note="no")
    shop.delete()
    assert not AnomalyFeedback.objects.exists()
