import pytest

from attribution.alerts import receive
from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import Alert, Anomaly

pytestmark = pytest.mark.django_db


def payload(**alert):
    return {
        "version": "4",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Errors", "service": "checkout"},
                "annotations": {},
                "startsAt": "2026-01-31T12:00:00.5Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": "f1",
                **alert,
            }
        ],
    }


def test_receive__firing__opens_one_anomaly_however_often_it_is_told(service):
    service("checkout")
    for _ in range(3):
        assert receive(payload()) == 1
    assert Alert.objects.count() == 1
    anomaly = Anomaly.objects.get()
    assert (anomaly.service.name, anomaly.origin, anomaly.key) == ("checkout", "alert", "f1")


def test_receive__resolved__ends_it(service):
    service("checkout")
    receive(payload())
    receive(payload(status="resolved", endsAt="2026-01-31T12:05:00Z"))
    assert Anomaly.objects.get().ended_at is not None
    assert Alert.objects.get().status == "resolved"


def test_receive__late_firing_after_resolved__changes_nothing(service):
    service("checkout")
    receive(payload())
    receive(payload(status="resolved", endsAt="2026-01-31T12:05:00Z"))
    receive(payload())
    assert Anomaly.objects.get().ended_at is not None
    assert Alert.objects.get().status == "resolved"


def test_receive__unknown_service__is_kept_without_one(db):
    receive(payload())
    assert Alert.objects.get().service is None
    assert not Anomaly.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"fingerprint": ""}, "/alerts/0/fingerprint"),
        ({"startsAt": "yesterday"}, "/alerts/0/startsAt"),
        ({"startsAt": "2026-13-45T99:00:00Z"}, "/alerts/0/startsAt"),
        ({"status": "odd"}, "/alerts/0/status"),
        ({"labels": []}, None),
        ({"labels": ["x"]}, "/alerts/0/labels"),
    ],
)
def test_receive__malformed__names_the_place_and_stores_nothing(db, change, pointer):
    if pointer is None:
        assert receive(payload(**change)) == 1
        return
    with pytest.raises(CaseError) as problem:
        receive(payload(**change))
    assert problem.value.pointer == pointer
    assert not Alert.objects.exists()


def test_receive__late_end_of_an_earlier_occurrence__leaves_the_present_one_open(service):
    service("checkout")
    ended = {"status": "resolved", "endsAt": "2026-01-31T12:05:00Z"}
    receive(payload())
    receive(payload(**ended))
    receive(payload(startsAt="2026-01-31T12:10:00Z"))
    receive(payload(**ended))
    assert Anomaly.objects.filter(ended_at=None).count() == 1


@pytest.mark.parametrize("edge", ["9999-12-31T23:59:59-14:00", "0002-01-01T00:00:00Z"])
def test_receive__moment_at_the_edge_of_the_calendar__is_refused(service, edge):
    service("checkout")
    with pytest.raises(CaseError) as problem:
        receive(payload(startsAt=edge))
    assert problem.value.pointer == "/alerts/0/startsAt"


def test_receive__clock_ahead__begins_and_ends_nothing_in_the_future(service):
    service("checkout")
    receive(payload(startsAt="2150-01-01T00:00:00Z"))
    anomaly = Anomaly.objects.get()
    assert anomaly.started_at <= anomaly.detected_at
    receive(
        payload(startsAt="2150-01-01T00:00:00Z", status="resolved", endsAt="2151-01-01T00:00:00Z")
    )
    anomaly.refresh_from_db()
    assert anomaly.ended_at <= database_now()


def test_receive__graygates_own_alert__is_accepted_and_no_news(service):
    service("checkout")
    own = {"alertname": "GraygateRolledBack", "service": "checkout", "graygate_alert": "k"}
    assert receive(payload(labels=own)) == 1
    assert not Alert.objects.exists()
    assert not Anomaly.objects.exists()


def test_receive__truncated__is_noted_until_it_is_told_whole(service):
    service("checkout")
    receive(payload() | {"truncatedAlerts": 7})
    assert Alert.objects.get().truncated == 7
    receive(payload() | {"truncatedAlerts": 0})
    assert Alert.objects.get().truncated == 0


@pytest.mark.parametrize("number", [-1, "3", True, [1]])
def test_receive__truncated_is_no_count__is_refused(service, number):
    with pytest.raises(CaseError) as problem:
        receive(payload() | {"truncatedAlerts": number})
    assert problem.value.pointer == "/truncatedAlerts"
