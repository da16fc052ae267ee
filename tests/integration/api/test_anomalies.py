"""One anomaly whole: what was found, what was done, what people say it was."""

import uuid
from datetime import timedelta

import pytest

from attribution.clock import database_now
from attribution.models import Anomaly, AnomalyFeedback, Finding
from rollout import ledger
from tests.factories import ServiceFactory, journey

pytestmark = pytest.mark.django_db
PIECE = {"kind": "time", "summary": "exposure grew 5 s before", "weight": 1.4}


def ago(seconds):
    return database_now() - timedelta(seconds=seconds)


def anomaly(service, **given):
    facts = {"metric": "errors", "origin": "alert", "key": str(uuid.uuid4())}
    began = {"started_at": ago(60), "detected_at": ago(50)}
    return Anomaly.objects.create(service=service, **facts | began | given)


def suspect(change_id, probability, **more):
    facts = {"change": str(change_id), "probability": probability}
    return facts | {"evidence": [PIECE], "vetoes": []} | more


def finding(row, at, *suspects, none=0.1):
    return Finding.objects.create(
        anomaly=row, at=at, case={"big": 1}, suspects=list(suspects), none_of_them=none
    )


def decided(rollout, what, at, finding=None, actor=ledger.SYSTEM):
    inputs = {"evidence": {"finding": str(finding.pk)}} if finding else {}
    return ledger.append(rollout, what, ["why"], actor, inputs, at)


@pytest.fixture
def viewer(calling):
    return calling("viewer")


@pytest.fixture
def walk():
    return journey("running")


@pytest.fixture
def row(walk):
    return anomaly(walk.service)


def test_anomaly__with_findings__tells_the_newest_whole_and_the_others_in_short(viewer, walk, row):
    finding(row, ago(30), suspect(walk.change.pk, 0.5), none=0.5)
    newest = finding(row, ago(20), suspect("other", 0.2), suspect(walk.change.pk, 0.7, how="slow"))
    told = viewer.get(f"anomalies/{row.pk}").json()

    assert told["service"] == walk.service.name
    assert told["finding"]["id"] == str(newest.pk)
    assert [each["probability"] for each in told["finding"]["suspects"]] == [0.7, 0.2]
    assert told["finding"]["suspects"][0]["how"] == "slow"
    assert "case" not in told["finding"]
    assert [each["probability"] for each in told["earlier"]] == [0.5]
    assert told["earlier"][0]["leader"] == str(walk.change.pk)
    assert told["earlier_left_out"] == 0


def test_anomaly__not_attributed_yet__has_no_finding(viewer, row):
    told = viewer.get(f"anomalies/{row.pk}").json()

    assert (told["finding"], told["earlier"], told["done"], told["feedback"]) == (None, [], [], [])


def test_anomaly__nowhere__is_a_problem(viewer):
    answer = viewer.get(f"anomalies/{uuid.uuid4()}")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_done__decided_on_a_finding__is_told_with_all_that_followed(viewer, walk, row):
    found = finding(row, ago(30), suspect(walk.change.pk, 0.4))
    decided(walk.rollout, "hold", ago(29))
    decided(walk.rollout, "halt", ago(20), found)
    decided(walk.rollout, "rolled_back", ago(10))
    decided(walk.rollout, "promote", ago(9))
    (done,) = viewer.get(f"anomalies/{row.pk}").json()["done"]

    assert done["rollout"] == str(walk.rollout.pk)
    assert [entry["decision"] for entry in done["decisions"]] == ["halt", "rolled_back"]


def test_done__for_another_reason__is_not_told(viewer, walk, row):
    finding(row, ago(30), suspect(walk.change.pk, 0.1))
    elsewhere = finding(anomaly(ServiceFactory()), ago(30), suspect(walk.change.pk, 0.9))
    decided(walk.rollout, "halt", ago(20), elsewhere)

    assert viewer.get(f"anomalies/{row.pk}").json()["done"] == []


def test_done__culprit_was_stopped_by_its_own_verdict_before_the_alert__is_told(viewer, walk, row):
    finding(row, ago(30), suspect(walk.change.pk, 0.9))
    decided(walk.rollout, "hold", ago(300))
    decided(walk.rollout, "halt", ago(200))
    decided(walk.rollout, "rollback", ago(190))
    (done,) = viewer.get(f"anomalies/{row.pk}").json()["done"]

    assert [entry["decision"] for entry in done["decisions"]] == ["halt", "rollback"]


def test_done__by_a_person_meanwhile__is_told(viewer, walk, row):
    finding(row, ago(30), suspect(walk.change.pk, 0.9))
    decided(walk.rollout, "pause", ago(70), actor="olga")
    decided(walk.rollout, "abort", ago(20), actor="olga")
    (done,) = viewer.get(f"anomalies/{row.pk}").json()["done"]

    assert [entry["decision"] for entry in done["decisions"]] == ["abort"]


def test_done__after_its_own_verdict_opened_the_anomaly__is_told(viewer, walk):
    row = anomaly(walk.service, origin="judge", key=str(walk.change.pk), detected_at=ago(20))
    finding(row, ago(10), suspect(walk.change.pk, 0.9))
    decided(walk.rollout, "hold", ago(30))
    decided(walk.rollout, "halt", row.detected_at)
    (done,) = viewer.get(f"anomalies/{row.pk}").json()["done"]

    assert [entry["decision"] for entry in done["decisions"]] == ["halt"]


def test_anomaly__with_hundreds_of_findings__says_how_many_are_left_out(viewer, row):
    at = ago(40)
    Finding.objects.bulk_create(
        Finding(
            anomaly=row, at=at + timedelta(milliseconds=n), case={}, suspects=[], none_of_them=1
        )
        for n in range(203)
    )
    told = viewer.get(f"anomalies/{row.pk}").json()

    assert (len(told["earlier"]), told["earlier_left_out"]) == (199, 3)


def test_list__ended_ones__leave_out_what_goes_on(viewer, walk, row):
    ended = anomaly(walk.service, ended_at=ago(5))

    (told,) = viewer.get("anomalies?open=0").json()["results"]
    assert told["id"] == str(ended.pk)


# --- feedback -------------------------------------------------------------------------------------


@pytest.fixture
def olga(calling):
    return calling("operator", "olga")


def test_feedback__which_change__is_kept_and_shown(olga, walk, row):
    body = {"change": str(walk.change.pk), "note": "seen in its log"}
    answer = olga.post(f"anomalies/{row.pk}/feedback", body)
    (shown,) = olga.get(f"anomalies/{row.pk}").json()["feedback"]

    assert answer.status_code == 201
    assert answer.json() == shown
    assert (shown["change"], shown["note"], shown["author"]) == (*body.values(), "olga")


def test_feedback__given_again__supersedes_and_the_old_stays(olga, walk, row):
    olga.post(f"anomalies/{row.pk}/feedback", {"change": str(walk.change.pk)})
    olga.post(f"anomalies/{row.pk}/feedback", {"change": None})
    told = olga.get(f"anomalies/{row.pk}").json()["feedback"]

    assert [each["change"] for each in told] == [None, str(walk.change.pk)]


def test_feedback__an_unmanaged_change__is_known_by_its_exposure(olga, walk, row):
    unmanaged = uuid.uuid4()
    walk.service.exposures.create(change_id=unmanaged, at=ago(90), share=1.0, kind="deploy")

    assert olga.post(f"anomalies/{row.pk}/feedback", {"change": str(unmanaged)}).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/change"),
        ({"change": str(uuid.UUID(int=7))}, "#/change"),
        ({"change": "7"}, "#/change"),
        ({"change": 7}, "#/change"),
        ({"change": [None]}, "#/change"),
        ({"change": "urn:uuid:" + "0" * 27}, "#/change"),
        ({"change": None, "note": "a\x1b[2Jb"}, "#/note"),
        ({"change": None, "note": "n" * 2001}, "#/note"),
        ({"change": None, "note": {}}, "#/note"),
        ({"change": None, "author": "ada"}, "#/author"),
    ],
)
def test_feedback__that_says_nothing_usable__points_at_what_is_wrong(olga, row, body, pointer):
    answer = olga.post(f"anomalies/{row.pk}/feedback", body)

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not AnomalyFeedback.objects.exists()


def test_feedback__on_no_anomaly__is_not_found(olga):
    assert olga.post(f"anomalies/{uuid.uuid4()}/feedback", {"change": None}).status_code == 404


def test_feedback__sent_again_with_its_key__is_one_word(olga, row):
    path = f"anomalies/{row.pk}/feedback"
    first, second = (olga.post(path, {"change": None}, Idempotency_Key="k") for _ in range(2))
    other = olga.post(path, {"change": None, "note": "x"}, Idempotency_Key="k")

    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert AnomalyFeedback.objects.count() == 1


@pytest.mark.parametrize("role", ["viewer", "submitter", "approver"])
def test_feedback__below_an_operator__is_refused(calling, row, role):
    answer = calling(role).post(f"anomalies/{row.pk}/feedback", {"change": None})

    assert answer.status_code == 403
    assert not AnomalyFeedback.objects.exists()
