"""What the pages make of feedback: another attempt, coverage, the precision of guardrails."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from attribution import exposures
from attribution.clock import database_now
from rollout.models import Rollout
from tests.browser import scenes

pytestmark = pytest.mark.django_db
OLGA, VERA, ANNA = "olga", "vera", "anna"


@pytest.fixture
def production(db):
    return scenes.everything()


@pytest.fixture
def as_(production):
    def login(name: str) -> Client:
        client = Client(raise_request_exception=False)
        assert client.login(username=name, password=scenes.PASSWORD)
        return client

    return login


def test_change__rolled_back_and_said_to_be_wrong__offers_to_try_again(as_, production):
    first = production["rolled_back"].rollout
    address = reverse("change", args=[first.change_id])
    assert "Try again from stage 1" not in as_(OLGA).get(address).content.decode()
    stop = first.decisions.filter(decision="rollback").first()
    told = as_(OLGA).post(reverse("feedback", args=[stop.pk]), {"answer": "wrong"}, follow=True)
    text = told.content.decode()
    assert "You may try it again, below." in text
    assert "Try again from stage 1" in text
    order = {"version": first.version, "reason": "the metric was noise"}
    act = reverse("act", args=[first.pk, "retry"])
    text = as_(OLGA).post(act, order, follow=True).content.decode()
    assert "Ordered to try again." in text
    assert "attempt 2" in text
    assert Rollout.objects.get(retries=first).change_id == first.change_id


def test_change__rolled_back__try_again_needs_a_reason_and_an_operator(as_, production):
    first = production["rolled_back"].rollout
    act = reverse("act", args=[first.pk, "retry"])
    as_(OLGA).post(act, {"version": first.version, "reason": ""})
    assert as_(ANNA).post(act, {"version": first.version, "reason": "x"}).status_code == 403
    assert not Rollout.objects.filter(retries=first).exists()


def test_practice__unmanaged_change_and_a_guardrail_that_stopped_one__are_told(as_):
    scenes.shadow()
    exposures.record(uuid.uuid4(), "invoices", database_now(), 0.3, [], "deploy", managed=False)
    text = as_(VERA).get("/practice/").content.decode()
    assert re.search(r"Graygate carried out \d+% of \d+ changes in 30 days", text)
    assert "Unmanaged" in text
    assert "Guardrails and how often they were right" in text
    assert "errors" in text
