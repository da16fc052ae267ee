"""Whatever goes wrong leaves as RFC 9457 with a pointer to it, and nothing is stored by half."""

import json

import pytest
from django.db import OperationalError

from controlplane.api import rollouts
from controlplane.models import Change
from tests.factories import GuardrailFactory, ServiceFactory, submission


def problem(answer, status):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    return body


def pointers(body):
    return [error["pointer"] for error in body["errors"]]


@pytest.fixture
def cart(db):
    service = ServiceFactory(name="cart")
    GuardrailFactory(service=service)
    return service


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too large"),
        (b"[" * 100_000, "levels deep"),
        (b"[" * 70 + b"]" * 70, "levels deep"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": "\xff"}', "not JSON"),
    ],
)
def test_body__malformed__is_a_bad_request_that_says_why(calling, body, said):
    answer = calling("submitter")("POST", "changes", body)

    assert said in problem(answer, 400)["detail"]


def test_body__too_large__is_refused(calling, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"title": "x" * 1000}).encode()

    problem(calling("submitter")("POST", "changes", body), 413)


def test_body__not_an_object__is_unprocessable(calling):
    assert pointers(problem(calling("submitter").post("changes", []), 422)) == ["#"]


def test_body__of_another_media_type__is_unsupported(calling):
    caller = calling("submitter")
    answer = caller.client.post(
        "/api/v1/changes",
        "a=b",
        content_type="text/csv",
        HTTP_AUTHORIZATION=f"Bearer {caller.text}",
    )

    problem(answer, 415)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"colour": "red"}, "#/colour"),
        ({"kind": "sorcery"}, "#/kind"),
        ({"targets": [{"service": "nobody"}]}, "#/targets/0/service"),
        ({"targets": [{"service": "cart", "units": ["u99"]}]}, "#/targets/0/units/0"),
        ({"executor": {"name": "magic"}}, "#/executor/name"),
        ({"plan": {"stages": [{"share": 0.5}, {"share": 0.2}]}}, "#/plan/stages/1/share"),
        ({"plan": {"stages": [{"share": 1.5}]}}, "#/plan/stages/0/share"),
        (
            {
                "guardrails": [
                    {"name": "own", "kind": "ratio", "events": "a{x='1'}", "total": "b{$cohort}"}
                ]
            },
            "#/guardrails/0/events",
        ),
    ],
)
def test_submit__one_thing_wrong__points_at_it_and_stores_nothing(calling, cart, wrong, pointer):
    answer = calling("submitter").post("changes", submission("cart") | wrong)

    assert pointers(problem(answer, 422)) == [pointer]
    assert not Change.objects.exists()


def test_action__unknown_member__points_at_it(calling):
    answer = calling("operator").post(
        "rollouts/00000000-0000-0000-0000-000000000000/pause", {"reason": "x", "colour": "red"}
    )

    assert pointers(problem(answer, 422)) == ["#/colour"]


@pytest.mark.parametrize("path", ["nowhere", "changes/", "changes/12", "services/a%00b", "../x"])
def test_address__unknown__is_not_found(calling, path):
    problem(calling("viewer").get(path), 404)


def test_method__not_offered__says_which_are(calling):
    answer = calling("admin").delete("changes")

    problem(answer, 405)
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=x", "state=nice", "service=%00"])
def test_query__nonsense__is_unprocessable(calling, query):
    problem(calling("viewer").get(f"changes?{query}"), 422)


def test_defect__in_a_view__shows_nothing_of_the_inside(calling, monkeypatch):
    def broken(_request):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(rollouts, "_filtered", broken)
    answer = calling("viewer").get("rollouts")

    problem(answer, 500)
    assert b"swordfish" not in answer.content


def test_database__gone__says_when_to_come_again(calling, monkeypatch):
    def gone(_request):
        raise OperationalError("connection refused to db.internal")

    monkeypatch.setattr(rollouts, "_filtered", gone)
    answer = calling("viewer").get("rollouts")

    problem(answer, 503)
    assert answer["Retry-After"] == "5"
    assert b"db.internal" not in answer.content
