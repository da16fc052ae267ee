"""What a hostile job, a curious viewer or a half-broken client sends: an answer, never a 500."""

import base64
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from attribution.models import Exposure
from controlplane.api.problems import problem_of
from controlplane.handover import guardrails_of
from controlplane.models import Change
from tests.factories import (
    GuardrailFactory,
    ServiceFactory,
    guardrail_spec,
    journey,
    submission,
)

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


# --- guardrails that a change brings along ------------------------------------------------------


@pytest.fixture
def submitted(calling):
    """The answer to a submission that brings this guardrail, on a service with telemetry."""
    telemetry = [{**guardrail_spec(name="calls"), "source": "scrape"}]
    source = {"name": "scrape", "config": {"urls": ["http://127.0.0.1:1/"]}}
    ServiceFactory(name="cart", telemetry=telemetry, source=source)
    sue = calling("submitter")
    return lambda *specs: sue.post("changes", submission("cart", guardrails=list(specs)))


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": "n" * 101}, "#/guardrails/0/name"),
        ({"source": "nowhere", "events": "((($cohort"}, "#/guardrails/0/source"),
        ({"name": "calls", "events": 'other_total{x="1",$cohort}'}, "#/guardrails/0/name"),
        ({"events": 'm{a=~"(a+)+b",$cohort}'}, "#/guardrails/0/events"),
        ({"weight": 0}, "#/guardrails/0/weight"),
    ],
)
def test_submit__guardrail_that_could_harm_the_others__is_refused(submitted, given, pointer):
    answer = submitted(guardrail_spec(**given))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Change.objects.exists()


def test_submit__a_thousand_guardrails__are_refused(submitted):
    answer = submitted(*(guardrail_spec(name=f"m{n}") for n in range(1000)))
    assert answer.json()["errors"][0]["pointer"] == "#/guardrails"


def test_submit__heavy_guardrails_of_its_own__weigh_no_more_than_what_stands(db):
    service = GuardrailFactory().service
    own = [guardrail_spec(name=f"m{n}", weight=1e6) for n in range(4)]
    specs = guardrails_of([service], own)[service.name]
    weights = {spec["name"]: spec.get("weight", 1.0) for spec in specs}
    assert weights == {"errors": 1.0, **{f"m{n}": 0.25 for n in range(4)}}


# --- what operators may write -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"cohorts": {"canary": ",", "control": 'a="b"'}}, "#/cohorts/canary"),
        ({"cohorts": {"canary": 'a="b"', "control": 'a=~"(b+)+"'}}, "#/cohorts/control"),
        ({"cohorts": {"canary": 'a="b"', "control": 'a="b" '}}, "#/cohorts/control"),
        ({"telemetry": [guardrail_spec(), guardrail_spec()]}, "#/telemetry/1/name"),
        ({"executor": {"name": "http", "config": {"target": []}}}, "#/executor/config/target"),
        ({"team": "shop\x1b[2J"}, "#/team"),
    ],
)
def test_service__that_could_not_be_watched_or_carried_out__is_refused(calling, given, pointer):
    answer = calling("operator").put("services/cart", {"team": "shop", **given})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


# --- texts that a terminal or a log would obey ----------------------------------------------------


@pytest.mark.parametrize("letter", ["\n", "\x1b", "\x9b", "\u2028", "\u202e"])
def test_submit__title_with_a_letter_that_is_obeyed__is_refused(calling, letter):
    ServiceFactory(name="cart")
    answer = calling("submitter").post("changes", submission("cart", title=f"Cart{letter}1"))
    assert answer.json()["errors"][0]["pointer"] == "#/title"


@pytest.mark.parametrize("name", ["repository", "pipeline_url"])
def test_submit__address_with_a_password__is_refused_and_not_repeated(calling, name):
    ServiceFactory(name="cart")
    source = {name: "https://ci:hunter2@git.example/shop"}
    answer = calling("submitter").post("changes", submission("cart", source=source))
    assert answer.json()["errors"][0]["pointer"] == f"#/source/{name}"
    assert "hunter2" not in answer.content.decode()


def test_submit__title_in_any_script__is_taken(calling):
    ServiceFactory(name="cart")
    title = "Wagen \u2192 \u8cfc\u7269 \u0639\u0631\u0628\u0629 \U0001f468\u200d\U0001f467"
    assert calling("submitter").post("changes", submission("cart", title=title)).status_code == 201


def test_reject__reason_with_an_escape_sequence__is_refused(calling):
    change = journey("pending_approval").change
    body = {"reason": "no\x1b]0;owned\x07"}
    answer = calling("approver").post(f"changes/{change.pk}/reject", body)
    assert answer.json()["errors"][0]["pointer"] == "#/reason"


# --- people and their names -----------------------------------------------------------------------


def test_approve__second_account_that_differs_by_case__is_no_second_person(calling):
    change = journey("pending_approval", author="ann").change
    assert calling("approver", "Ann").post(f"changes/{change.pk}/approve").status_code == 403
    assert calling("approver", "ben").post(f"changes/{change.pk}/approve").status_code == 200
    assert calling("approver", "BEN").post(f"changes/{change.pk}/approve").status_code == 403
    change.refresh_from_db()
    assert change.state == "pending_approval"


@pytest.mark.parametrize("name", ["Ann", "two words", "ann\n", "a" * 200])
def test_create_user__name_that_is_taken_or_none__is_refused(user, name):
    user("viewer", "ann")
    with pytest.raises(CommandError):
        call_command("create_user", name, role="approver")


# --- cases that cost too much, or have no answer -------------------------------------------------


def ratio(control, canary) -> dict:
    both = {"control": control, "canary": canary}
    return {"name": "m", "kind": "ratio", "direction": "increase", **both}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"metrics": [ratio([[1, 9]], [[1, 9]])] * 1000}, "#/metrics"),
        ({"stages": [{"start": n, "share": 0.5} for n in range(5000)]}, "#/stages"),
        ({"metrics": [ratio([[0, 1e300]], [[1e300, 1e300]])]}, "#/metrics/0/control/0/1"),
    ],
)
def test_judge__case_beyond_reckoning__is_refused(calling, given, pointer):
    case = {"interval_s": 5, "metrics": [ratio([[1, 9]], [[1, 9]])], **given}
    answer = calling("viewer").post("judge", case)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


# --- what would come back larger, or not at all ---------------------------------------------------


def test_body__fifty_thousand_unknown_members__are_answered_in_short(calling):
    body = {f"k{n}": n for n in range(50_000)}
    answer = calling("submitter").post("tokens/exchange", body)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_submit__unit_of_a_megabyte__is_not_repeated(calling):
    ServiceFactory(name="cart")
    targets = [{"service": "cart", "units": ["u" * 900_000]}]
    answer = calling("submitter").post("changes", submission("cart", targets=targets))
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"approvals": 1e308}, "#/approvals"),
        ({"stages": [{"share": 1.0, "min_s": 1e20}]}, "#/stages/0/min_s"),
    ],
)
def test_policy__number_that_no_file_could_say_again__is_refused(calling, given, pointer):
    body = {"level": "high", "approvals": 1, "stages": [{"share": 1.0}], **given}
    answer = calling("admin").put("policies/p", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
