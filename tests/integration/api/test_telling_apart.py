"""Two tied suspects over REST: what is proposed, and a person's order to try it."""

import uuid

import pytest

from attribution.models import Anomaly, Finding
from rollout.machine import HoldKind
from rollout.models import Hold
from tests.factories import journey
from tests.integration.api.test_anomalies import ago, anomaly, finding, suspect

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair():
    return journey("running"), journey("running", author="bea")


@pytest.fixture
def row(pair):
    first, second = pair
    found = anomaly(first.service)
    finding(found, ago(5), suspect(first.change.pk, 0.5), suspect(second.change.pk, 0.4))
    return found


@pytest.fixture
def olga(calling):
    return calling("operator", "olga")


def proposal(client, row):
    return client.get(f"anomalies/{row.pk}").json()["telling_apart"]["proposal"]


def body(given):
    return {"hold": given["hold"], "step_down": given["step_down"]}


def test_anomaly__two_tied__proposes_which_to_hold_and_which_to_step_down(olga, pair, row):
    told = olga.get(f"anomalies/{row.pk}").json()
    given = told["telling_apart"]["proposal"]
    assert {given["hold"], given["step_down"]} == {str(one.change.pk) for one in pair}
    assert (given["from_share"], given["to_share"]) == (0.25, 0.0)
    assert given["minutes"] >= 5
    assert "if it did it, the trouble falls" in given["why"]
    assert told["telling_apart"]["under_way"] is None
    assert [s["turn"] for s in told["standing"]["suspects"]] == ["", ""]
    assert told["standing"]["none_of_them"] == pytest.approx(0.1)


def test_anomaly__one_ahead__says_why_nothing_is_proposed(olga, pair, row):
    Finding.objects.all().delete()
    finding(row, ago(4), suspect(pair[0].change.pk, 0.9))
    told = olga.get(f"anomalies/{row.pk}").json()["telling_apart"]
    assert (told["proposal"], told["why_not"]) == (None, "there are no two suspects")


def test_order__as_proposed__is_started_by_name(olga, pair, row):
    given = proposal(olga, row)
    answer = olga.post(f"anomalies/{row.pk}/telling-apart", body(given) | {"minutes": 10})
    assert answer.status_code == 201
    assert answer.json()["actor"] == "olga"
    shown = olga.get(f"anomalies/{row.pk}").json()
    assert shown["telling_apart"]["under_way"] == answer.json()
    lowered = next(one for one in pair if str(one.change.pk) == given["step_down"])
    rollout = olga.get(f"rollouts/{lowered.rollout.pk}").json()
    assert (rollout["state"], rollout["desired_exposure"]) == ("paused", 0.0)
    assert "telling_apart" in [hold["kind"] for hold in rollout["holds"]]
    done = {entry["decision"] for one in shown["done"] for entry in one["decisions"]}
    assert {"step_down", "tell_apart"} <= done


def test_order__sent_again__is_the_same_with_and_without_a_key(olga, row):
    given = body(proposal(olga, row))
    path = f"anomalies/{row.pk}/telling-apart"
    answers = [olga.post(path, given, Idempotency_Key="k") for _ in range(2)]
    answers.append(olga.post(path, given))
    assert {one.status_code for one in answers} == {201}
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert Hold.objects.filter(kind=HoldKind.TELLING_APART).count() == 2


def test_order__no_longer_proposed__is_409_and_nothing_happens(olga, row):
    given = body(proposal(olga, row))
    Anomaly.objects.update(ended_at=ago(0))
    answer = olga.post(f"anomalies/{row.pk}/telling-apart", given)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:graygate:problem:not-possible")
    assert not Hold.objects.filter(kind=HoldKind.TELLING_APART).exists()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"hold": "7"}, "#/hold"),
        ({"step_down": None}, "#/step_down"),
        ({"minutes": 0}, "#/minutes"),
        ({"minutes": 61}, "#/minutes"),
        ({"share": 1.0}, "#/share"),
    ],
)
def test_order__that_says_nothing_usable__points_at_what_is_wrong(olga, row, wrong, pointer):
    answer = olga.post(f"anomalies/{row.pk}/telling-apart", body(proposal(olga, row)) | wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_order__of_no_anomaly__is_not_found(olga, row):
    answer = olga.post(f"anomalies/{uuid.uuid4()}/telling-apart", body(proposal(olga, row)))
    assert answer.status_code == 404


@pytest.mark.parametrize("role", ["viewer", "submitter", "approver"])
def test_order__below_an_operator__is_refused(calling, olga, row, role):
    given = body(proposal(olga, row))
    answer = calling(role, "vic").post(f"anomalies/{row.pk}/telling-apart", given)
    assert answer.status_code == 403
    assert not Hold.objects.filter(kind=HoldKind.TELLING_APART).exists()
