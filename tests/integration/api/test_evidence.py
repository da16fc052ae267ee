import uuid

import pytest
from django.db import connection

from attribution.clock import database_now
from attribution.models import Anomaly, Finding
from controlplane.models import Feedback
from rollout.models import Decision
from tests.factories import ServiceFactory, journey


@pytest.fixture
def viewer(calling):
    return calling("viewer")


def anomaly(service, **given):
    now = database_now()
    facts = {"metric": "errors", "origin": "alert", "key": str(uuid.uuid4())}
    return Anomaly.objects.create(service=service, started_at=now, detected_at=now, **facts | given)


def finding(row, suspects, **given):
    facts = {"case": {"id": "big"}, "none_of_them": 0.1, "at": database_now()}
    return Finding.objects.create(anomaly=row, suspects=suspects, **facts | given)


def test_anomalies__with_findings__show_the_newest_without_its_case(viewer):
    row = anomaly(ServiceFactory(name="cart"))
    finding(row, [])
    newest = finding(row, [{"change": "c", "probability": 0.9, "evidence": [], "vetoes": []}])
    (shown,) = viewer.get("anomalies").json()["results"]

    assert shown["service"] == "cart"
    assert shown["finding"]["id"] == str(newest.pk)
    assert "case" not in shown["finding"]


def test_anomalies__finding_that_is_incomplete__says_what_is_missing(viewer):
    finding(anomaly(ServiceFactory(name="cart")), [], incomplete=["2 more alerts were cut off"])
    (shown,) = viewer.get("anomalies").json()["results"]

    assert shown["finding"]["incomplete"] == ["2 more alerts were cut off"]


def test_anomalies__only_open_ones__leave_out_what_has_ended(viewer):
    service = ServiceFactory(name="cart")
    anomaly(service, ended_at=database_now())
    still = anomaly(service)

    assert [row["id"] for row in viewer.get("anomalies?open=1").json()["results"]] == [
        str(still.pk)
    ]
    assert len(viewer.get("anomalies?service=cart").json()["results"]) == 2


def test_suspects__of_a_rollout__come_from_the_newest_finding_that_names_its_change(viewer):
    walk = journey("running")
    suspect = {"change": str(walk.change.pk), "probability": 0.8, "evidence": [], "vetoes": []}
    finding(anomaly(walk.service), [suspect])
    shown = viewer.get(f"rollouts/{walk.rollout.pk}").json()

    assert shown["suspects"] == [suspect]
    assert shown["none_of_them"] == 0.1


def test_ledger__of_a_rollout__is_complete_and_verified(viewer):
    rollout = journey("rolled_back").rollout
    page = viewer.get(f"ledger?rollout={rollout.pk}&verify=1").json()

    assert len(page["results"]) == rollout.decisions.count()
    assert page["results"][-1]["decision"] == "create"
    assert page["verification"] == {"ok": True, "rollouts": 1, "problems": {}}


def test_ledger__altered_behind_the_triggers_back__is_found_out(viewer):
    rollout = journey("running").rollout
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE rollout_decision SET actor = 'nobody' WHERE sequence = 1")
        cursor.execute("SET LOCAL session_replication_role = origin")
    verification = viewer.get(f"ledger?change={rollout.change_id}&verify=1").json()["verification"]

    assert verification["ok"] is False
    assert verification["problems"][str(rollout.pk)] == ["entry 1 was altered"]


def test_ledger__pages__give_every_entry_once(viewer):
    journey("rolled_back")
    seen, query = [], "limit=2"
    while query:
        page = viewer.get(f"ledger?{query}").json()
        seen += [row["id"] for row in page["results"]]
        query = page["next"] and f"limit=2&cursor={page['next']}"

    assert len(seen) == len(set(seen)) == Decision.objects.count()


def test_explain__decision_of_the_loop__is_computed_again_the_same(viewer):
    decision = journey("rolled_back").rollout.decisions.get(decision="halt")
    shown = viewer.get(f"decisions/{decision.pk}/explain").json()

    assert (shown["same"], shown["differences"], shown["altered"]) == (True, [], [])


def test_explain__order_of_a_person__says_who_and_why(viewer):
    decision = journey("paused").rollout.decisions.get(decision="pause")
    shown = viewer.get(f"decisions/{decision.pk}/explain").json()

    assert (shown["same"], "ordered by olga: lunch" in shown["text"]) == (None, True)


def test_feedback__on_a_decision__is_stored_with_who_said_it(calling):
    decision = journey("rolled_back").rollout.decisions.last()
    body = {"answer": "wrong", "comment": "it was the network"}
    answer = calling("submitter", "ann").post(f"decisions/{decision.pk}/feedback", body)

    assert answer.status_code == 201
    row = Feedback.objects.get()
    assert (row.answer, row.actor, row.decision_id) == ("wrong", "ann", decision.pk)


def test_feedback__no_known_answer__points_at_it(calling):
    decision = journey("rolled_back").rollout.decisions.last()
    answer = calling("submitter").post(f"decisions/{decision.pk}/feedback", {"answer": "meh"})

    assert answer.json()["errors"][0]["pointer"] == "#/answer"


def test_feedback__on_no_decision__is_not_found(calling):
    answer = calling("submitter").post(f"decisions/{uuid.uuid4()}/feedback", {"answer": "right"})

    assert answer.status_code == 404
