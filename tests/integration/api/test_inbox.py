"""What other systems tell: alerts, CloudEvents and CDEvents; and the pure questions."""

import json
import uuid

import pytest

from attribution.clock import database_now
from attribution.models import Anomaly, Exposure
from controlplane.models import Event
from tests.factories import ServiceFactory

BATCH = "application/cloudevents-batch+json"


@pytest.fixture
def cart(db):
    return ServiceFactory(name="cart")


@pytest.fixture
def machine(calling):
    caller = calling("submitter", "machine")

    def send(body, content_type="application/json", **headers):
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return caller.client.post(
            "/api/v1/events",
            json.dumps(body),
            content_type=content_type,
            headers={"Authorization": f"Bearer {caller.text}", **named},
        )

    return send


def deployed(**given):
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/ci",
        "type": "dev.cdevents.service.deployed.0.2.0",
        "data": {
            "context": {"timestamp": "2026-01-31T12:00:00Z"},
            "subject": {"id": "shop/cart", "content": {"environment": {"id": "production"}}},
        },
    } | given


def alert(**given):
    return {
        "fingerprint": "f1",
        "status": "firing",
        "startsAt": "2026-01-31T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "labels": {"service": "cart", "alertname": "Errors"},
        "annotations": {},
    } | given


def test_event__a_deployment_seen__exposes_its_service_unmanaged(machine, cart):
    answer = machine(deployed())

    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    exposure = Exposure.objects.get()
    assert (exposure.service, exposure.share, exposure.managed) == (cart, 1.0, False)
    assert exposure.at.isoformat() == "2026-01-31T12:00:00+00:00"


def test_event__told_twice__counts_once(machine, cart):
    machine(deployed())

    assert machine(deployed()).json() == {"accepted": 0}
    assert Exposure.objects.count() == 1


def test_event__with_a_chain__keeps_its_id(machine, cart):
    chain = uuid.uuid4()
    event = deployed()
    event["data"]["context"]["chainId"] = str(chain)
    machine(event)

    assert Exposure.objects.get().change_id == chain


def test_event__of_an_unknown_service__is_kept_and_exposes_nothing(machine, cart):
    event = deployed()
    event["data"]["subject"]["id"] = "elsewhere"
    machine(event)

    assert Event.objects.count() == 1
    assert not Exposure.objects.exists()


def test_event__from_a_clock_that_is_ahead__begins_now(machine, cart):
    event = deployed()
    event["data"]["context"]["timestamp"] = "2999-01-01T00:00:00Z"
    machine(event)

    assert Exposure.objects.get().at.year < 2999


def told(kind, number, artifact=None, **context):
    event = deployed(id=f"e{number}", type=f"dev.cdevents.service.{kind}.0.2.0")
    event["data"]["context"] = {"timestamp": f"2026-01-31T12:0{number}:00Z", **context}
    event["data"]["subject"]["content"] |= {"artifactId": artifact} if artifact else {}
    return event


def shares():
    rows = Exposure.objects.order_by("at", "id")
    return [(row.name, row.share) for row in rows]


def test_event__with_an_artefact__is_named_by_its_version(machine, cart):
    machine(told("upgraded", 1, "pkg:oci/cart@sha256%3Aabc?tag=1.4.2&repository_url=r.example"))
    assert shares() == [("cart 1.4.2", 1.0)]


@pytest.mark.parametrize(
    ("artifact", "name"),
    [
        ("pkg:deb/shop/cart@1.4.2", "cart 1.4.2"),
        ("pkg:oci/cart@sha256%3Aabc", ""),
        ("pkg:oci/cart", ""),
        ("cart:1.4.2", ""),
        ({"not": "text"}, ""),
        ("pkg:deb/cart@" + "9" * 300, ""),
    ],
)
def test_event__artefact__names_a_version_or_nothing(machine, cart, artifact, name):
    machine(told("deployed", 1, artifact))
    assert shares() == [(name, 1.0)]


def test_event__rolled_back__ends_the_newest(machine, cart):
    machine(told("deployed", 1, "pkg:deb/cart@1.4.1"))
    machine(told("deployed", 2, "pkg:deb/cart@1.4.2"))
    machine(told("rolledback", 3, "pkg:deb/cart@1.4.1"))
    assert shares() == [("cart 1.4.1", 1.0), ("cart 1.4.2", 1.0), ("cart 1.4.2", 0.0)]


def test_event__rolled_back_of_a_chain__ends_that_one(machine, cart):
    chain = str(uuid.uuid4())
    machine(told("deployed", 1, "pkg:deb/cart@1.4.1", chainId=chain))
    machine(told("deployed", 2, "pkg:deb/cart@1.4.2"))
    machine(told("rolledback", 3, chainId=chain))
    assert shares()[-1] == ("cart 1.4.1", 0.0)


def test_event__removed__ends_all_that_was_seen_there(machine, cart):
    machine(told("deployed", 1, "pkg:deb/cart@1.4.1"))
    machine(told("deployed", 2, "pkg:deb/cart@1.4.2"))
    machine(told("removed", 3))
    assert sorted(shares()[2:]) == [("cart 1.4.1", 0.0), ("cart 1.4.2", 0.0)]


def test_event__rolled_back_with_nothing_there__changes_nothing(machine, cart):
    assert machine(told("rolledback", 1)).json() == {"accepted": 1}
    assert shares() == []


def test_event__of_a_version_that_was_seen_already__is_the_same_change(machine, cart):
    at = database_now()
    seen = {"kind": "deploy", "managed": False, "name": "cart 1.4.2"}
    Exposure.objects.create(change_id=uuid.uuid4(), service=cart, at=at, share=0.3, **seen)
    machine(told("deployed", 1, "pkg:deb/cart@1.4.2"))
    assert shares() == [("cart 1.4.2", 0.3)]


def test_event__binary__has_its_attributes_in_headers(machine, cart):
    event = deployed()
    headers = {f"ce_{key}": event[key] for key in ("specversion", "id", "source", "type")}
    machine(event["data"], **headers)

    assert Event.objects.get().source == "/ci"
    assert Exposure.objects.count() == 1


def test_events__in_a_batch__are_kept_all_or_none(machine, cart):
    good, bad = deployed(), deployed(id="e2", specversion="0.3")

    answer = machine([good, bad], BATCH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/1/specversion"
    assert not Event.objects.exists()
    assert machine([good, deployed(id="e2")], BATCH).json() == {"accepted": 2}


def test_events__handshake__is_answered(calling):
    answer = calling("submitter")("OPTIONS", "events", WebHook_Request_Origin="ci.example")

    assert answer["WebHook-Allowed-Origin"] == "ci.example"


def test_alert__firing_then_resolved__opens_and_ends_an_anomaly(calling, cart):
    caller = calling("submitter", scopes=["alert"])

    assert caller.post("alerts", {"version": "4", "alerts": [alert()]}).json() == {"accepted": 1}
    assert Anomaly.objects.get().ended_at is None
    ended = alert(status="resolved", endsAt="2026-01-31T12:05:00Z")
    caller.post("alerts", {"version": "4", "alerts": [ended]})
    assert Anomaly.objects.get().ended_at is not None


def test_alert__unreadable__points_at_it_and_stores_nothing(calling, cart):
    body = {"version": "4", "alerts": [alert(), alert(startsAt="yesterday")]}
    answer = calling("submitter").post("alerts", body)

    assert answer.json()["errors"][0]["pointer"] == "#/alerts/1/startsAt"
    assert not Anomaly.objects.exists()


def test_classify__a_case__is_answered_by_the_policies_here(calling):
    answer = calling("viewer").post("classify", {"id": "c1", "kind": "deploy", "artefact": {}})

    assert answer.json()["id"] == "c1"
    assert answer.json()["level"] in {"low", "medium", "high", "critical"}
    assert answer.json()["policy"]["control_level"]


def test_judge__a_case__gives_the_contracts_verdict(calling):
    metric = {
        "name": "errors",
        "kind": "ratio",
        "direction": "increase",
        "critical": True,
        "control": [[1, 100]] * 20,
        "canary": [[50, 100]] * 20,
    }
    body = {"id": "c1", "interval_s": 5, "metrics": [metric]}

    assert calling("viewer").post("judge", body).json()["verdict"] == "fail"


def test_attribute__no_changes__blames_none_of_them(calling):
    body = {"id": "c1", "detected_at": 100, "services": [], "changes": [], "series": []}

    assert calling("viewer").post("attribute", body).json()["none_of_them"] == 1


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ("classify", "#/kind"),
        ("judge", "#/interval_s"),
        ("attribute", "#/detected_at"),
        ("detect", "#/t"),
    ],
)
def test_case__unreadable__points_at_what_is_missing(calling, question, where):
    answer = calling("viewer").post(question, {"id": "c1"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == where


def test_detect__spike__answers_with_its_place_and_how_it_ended(calling):
    values = [10.0 + place % 3 for place in range(120)]
    values[80] = 60.0
    body = {"id": "c1", "direction": "increase", "t": list(range(120)), "v": values}
    answer = calling("viewer").post("detect", body).json()

    (anomaly,) = answer["anomalies"]
    assert (anomaly["start"], anomaly["outcome"]) == (80, "recovered")
    assert len(answer["scores"]) == 120
