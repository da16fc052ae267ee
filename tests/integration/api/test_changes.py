import threading
import time

import pytest

from controlplane import intake
from controlplane.api import waiting
from controlplane.models import Change
from tests.factories import GuardrailFactory, ServiceFactory, journey, submission


@pytest.fixture
def cart(db):
    service = ServiceFactory(name="cart")
    GuardrailFactory(service=service)
    return service


def test_submit__harmless_deploy__is_created_and_allowed(calling, cart):
    answer = calling("submitter", "ann").post("changes", submission("cart"))

    assert answer.status_code == 201
    change = Change.objects.get()
    assert answer["Location"] == f"/api/v1/changes/{change.pk}"
    assert answer.json()["decision"] == "allowed"
    assert answer.json()["change"] == str(change.pk)
    assert change.author == "ann"


def test_submit__dry_run__answers_and_stores_nothing(calling, cart):
    answer = calling("submitter").post("changes?dry_run=1", submission("cart"))

    assert answer.status_code == 200
    assert answer.json()["decision"] == "allowed"
    assert not Change.objects.exists()


def test_read__any_change__says_how_risky_and_why(calling):
    change = journey("pending_approval").change
    shown = calling("viewer").get(f"changes/{change.pk}").json()

    assert shown["state"] == "pending_approval"
    assert shown["class"] == "normal"
    assert shown["assessment"]["level"] == "high"
    assert [signal["id"] for signal in shown["assessment"]["signals"]] == ["image_tag_moving"]
    assert shown["assessment"]["policy"]["approvals"] == 2


def test_read__configuration_with_a_password__shows_no_value_of_it(calling, cart):
    submitter = calling("submitter")
    config = {"kind": "config", "plan": {}, "before": "db:\n  password: old-swordfish\n"}
    config["artefact"] = "db:\n  password: new-swordfish\n"
    sent = submitter.post("changes", submission("cart", **config))
    assert sent.status_code == 201, sent.content
    path = f"changes/{sent.json()['change']}"

    answers = [sent, *(submitter.get(each) for each in (path, f"{path}/decision", "changes"))]
    assert not [answer for answer in answers if b"swordfish" in answer.content]


def test_list__pages__give_every_change_once_newest_first(calling, cart):
    ids = [str(intake.submit(submission("cart"), "ann").pk) for _ in range(5)]
    viewer, seen, query = calling("viewer"), [], "limit=2"
    while query:
        page = viewer.get(f"changes?{query}").json()
        seen += [row["id"] for row in page["results"]]
        query = page["next"] and f"limit=2&cursor={page['next']}"

    assert seen == ids[::-1]


def test_list__next_page__is_also_a_link(calling, cart):
    for _ in range(2):
        intake.submit(submission("cart"), "ann")
    answer = calling("viewer").get("changes?limit=1&environment=production")

    assert f"cursor={answer.json()['next']}" in answer["Link"]
    assert "environment=production" in answer["Link"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("service=cart", 1),
        ("service=car", 0),
        ("state=approved", 1),
        ("state=rejected", 0),
        ("environment=production", 1),
        ("environment=staging", 0),
    ],
)
def test_list__filtered__holds_what_fits(calling, cart, query, count):
    intake.submit(submission("cart"), "ann")

    assert len(calling("viewer").get(f"changes?{query}").json()["results"]) == count


def test_reject__without_a_reason__is_unprocessable(calling):
    change = journey("pending_approval").change
    answer = calling("approver", "ben").post(f"changes/{change.pk}/reject")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/reason"


def test_reject__by_one__rejects(calling):
    change = journey("pending_approval").change
    answer = calling("approver", "ben").post(f"changes/{change.pk}/reject", {"reason": "no"})

    assert answer.json()["decision"] == "rejected"


def test_approve__what_nobody_asked_for__is_a_conflict(calling):
    change = journey("approved").change

    assert calling("approver", "ben").post(f"changes/{change.pk}/approve").status_code == 409


def test_decision__settled__is_answered_at_once_whatever_the_wait(calling):
    change = journey("rejected").change
    started = time.monotonic()
    answer = calling("viewer").get(f"changes/{change.pk}/decision?wait=30")

    assert answer.json()["decision"] == "rejected"
    assert time.monotonic() - started < 20


def test_decision__already_another_than_the_client_knows__is_answered_at_once(calling):
    walk = journey("pending_approval")
    viewer, path = calling("viewer"), f"changes/{walk.change.pk}/decision"
    known = viewer.get(path)["ETag"]
    walk.approve()
    answer = viewer.get(f"{path}?wait=30", If_None_Match=known)

    assert answer.json()["decision"] == "allowed"
    assert answer["ETag"] != known


def test_decision__nothing_happens__is_answered_as_it_is_after_the_wait(calling):
    change = journey("pending_approval").change
    answer = calling("viewer").get(f"changes/{change.pk}/decision?wait=0.2")

    assert answer.json()["decision"] == "needs_approval"


def test_decision__no_slot_to_wait_in__is_answered_at_once_with_a_time(calling, monkeypatch):
    change = journey("pending_approval").change
    monkeypatch.setattr(waiting, "SLOTS", threading.BoundedSemaphore(1))
    waiting.SLOTS.acquire()
    answer = calling("viewer").get(f"changes/{change.pk}/decision?wait=30")

    assert answer.json()["decision"] == "needs_approval"
    assert answer["Retry-After"] == "2"


@pytest.mark.parametrize("wait", ["31", "-1", "nan", "soon"])
def test_decision__unusable_wait__is_unprocessable(calling, wait):
    change = journey("approved").change

    assert calling("viewer").get(f"changes/{change.pk}/decision?wait={wait}").status_code == 422


@pytest.mark.django_db(transaction=True)
def test_decision__taken_while_a_client_waits__ends_the_wait(calling):
    walk = journey("pending_approval")
    viewer, path, answers = calling("viewer"), f"changes/{walk.change.pk}/decision?wait=30", []
    waits = threading.Thread(target=lambda: answers.append(viewer.get(path)))
    waits.start()
    time.sleep(0.3)
    walk.approve()
    waits.join(timeout=25)

    assert [answer.json()["decision"] for answer in answers] == ["allowed"]
