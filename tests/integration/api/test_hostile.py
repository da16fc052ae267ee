"""What a hostile job, a curious viewer or a half-broken client sends: an answer, never a 500."""

import base64
import json

import pytest
from django.db import IntegrityError

from attribution.models import Exposure
from controlplane.api.problems import problem_of
from tests.factories import ServiceFactory, journey, submission

pytestmark = pytest.mark.django_db

EDGES = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")


def deployed(told: str, **context) -> dict:
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "/ci",
        "type": "dev.cdevents.service.deployed.0.1",
        "time": told,
        "data": {"context": context, "subject": {"id": "cart"}},
    }


# --- moments that PostgreSQL keeps and Python cannot read back ---------------------------------


@pytest.mark.parametrize("edge", EDGES)
def test_submit__scheduled_at_the_edge_of_the_calendar__is_refused_and_the_list_is_read(
    calling, edge
):
    ServiceFactory(name="cart")
    sue = calling("submitter")
    answer = sue.post("changes", submission("cart", scheduled_for=edge))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/scheduled_for"
    assert sue.get("changes").status_code == 200


@pytest.mark.parametrize("edge", EDGES)
def test_events__time_at_the_edge_of_the_calendar__is_refused(calling, edge):
    ServiceFactory(name="cart")
    sue = calling("submitter")
    assert sue.post("events", deployed(edge)).status_code == 422
    inner = deployed("2026-01-31T12:00:00Z", timestamp=edge)
    assert sue.post("events", inner).status_code == 422
    assert not Exposure.objects.exists()


@pytest.mark.parametrize("edge", [*EDGES, "0001-01-01T00:00:00"])
def test_freeze__start_at_the_edge_of_the_calendar__is_refused(calling, edge):
    body = {"reason": "x", "starts_at": edge}
    assert calling("operator").put("freezes/f1", body).status_code == 422


def test_events__chain_of_a_managed_change__does_not_say_how_far_it_is_exposed(calling):
    change = journey("approved", service=ServiceFactory(name="cart")).change
    told = deployed("2026-01-31T12:00:00Z", chainId=str(change.pk))
    assert calling("submitter").post("events", told).status_code == 202
    assert not Exposure.objects.exists()


# --- cursors and limits that nobody was given -------------------------------------------------


def cursor(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


NIL = "00000000-0000-0000-0000-000000000000"
TAMPERED = (
    b"[" * 3000,
    b'["\\ud800","1"]',
    *(json.dumps([edge, NIL]).encode() for edge in EDGES),
    json.dumps(["a" * 5000, "1"]).encode(),
)


@pytest.mark.parametrize("path", ["services", "changes", "ledger", "anomalies"])
@pytest.mark.parametrize("content", TAMPERED)
def test_cursor__tampered_with__is_refused_or_leads_nowhere(calling, path, content):
    answer = calling("viewer").get(f"{path}?cursor={cursor(content)}")
    assert answer.status_code in {200, 422}


@pytest.mark.parametrize("limit", ["000100999999999999999999999", "201", "0", "٣", "-1"])
def test_limit__not_one__is_refused(calling, limit):
    assert calling("viewer").get(f"services?limit={limit}").status_code == 422


def test_units__forty_thousand__are_compared_once_each(calling):
    names = [f"u{n}" for n in range(40_000)]
    olga = calling("operator")
    body = {"team": "shop", "units": names}
    assert olga.put("services/cart", body).status_code == 201
    body["units"] = [*names, "u7"]
    assert olga.put("services/cart", body).json()["errors"][0]["pointer"] == "#/units/40000"


def test_written_by_two_at_once__is_a_conflict_and_no_failure():
    assert problem_of(IntegrityError()).status == 409
