import pytest

from attribution.alerts import receive
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
