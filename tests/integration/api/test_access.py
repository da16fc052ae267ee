"""Each role against each address: the table says the least role that gets in."""

import uuid

import pytest

from controlplane.access import Role
from controlplane.api import urls
from controlplane.models import Change
from tests.factories import journey

ROLES = list(Role)
ID = str(uuid.UUID(int=7))

LEAST_ROLE = {
    ("GET", "changes"): "viewer",
    ("POST", "changes"): "submitter",
    ("GET", f"changes/{ID}"): "viewer",
    ("GET", f"changes/{ID}/decision"): "viewer",
    ("POST", f"changes/{ID}/approve"): "approver",
    ("POST", f"changes/{ID}/reject"): "approver",
    ("POST", f"changes/{ID}/cancel"): "submitter",
    ("GET", "rollouts"): "viewer",
    ("GET", f"rollouts/{ID}"): "viewer",
    ("GET", f"rollouts/{ID}/series"): "viewer",
    ("POST", f"rollouts/{ID}/pause"): "operator",
    ("POST", f"rollouts/{ID}/resume"): "operator",
    ("POST", f"rollouts/{ID}/promote"): "operator",
    ("POST", f"rollouts/{ID}/abort"): "operator",
    ("POST", f"rollouts/{ID}/retry"): "operator",
    ("POST", f"rollouts/{ID}/accept"): "operator",
    ("POST", f"rollouts/{ID}/undo"): "operator",
    ("GET", "services"): "viewer",
    ("GET", "services/x"): "viewer",
    ("PUT", "services/x"): "operator",
    ("DELETE", "services/x"): "operator",
    ("GET", "guardrails"): "viewer",
    ("GET", "guardrails/x"): "viewer",
    ("PUT", "guardrails/x"): "operator",
    ("DELETE", "guardrails/x"): "operator",
    ("GET", "policies"): "viewer",
    ("GET", "policies/x"): "viewer",
    ("PUT", "policies/x"): "admin",
    ("DELETE", "policies/x"): "admin",
    ("GET", "freezes"): "viewer",
    ("GET", "freezes/x"): "viewer",
    ("PUT", "freezes/x"): "operator",
    ("DELETE", "freezes/x"): "operator",
    ("GET", "silences"): "viewer",
    ("GET", "silences/x"): "viewer",
    ("PUT", "silences/x"): "operator",
    ("DELETE", "silences/x"): "operator",
    ("POST", f"decisions/{ID}/feedback"): "submitter",
    ("POST", "classify"): "viewer",
    ("POST", "judge"): "viewer",
    ("POST", "attribute"): "viewer",
    ("POST", "detect"): "viewer",
    ("POST", "alerts"): "submitter",
    ("POST", "events"): "submitter",
    ("GET", "anomalies"): "viewer",
    ("GET", f"anomalies/{ID}"): "viewer",
    ("POST", f"anomalies/{ID}/feedback"): "operator",
    ("POST", f"anomalies/{ID}/telling-apart"): "operator",
    ("GET", "ledger"): "viewer",
    ("POST", f"changes/{ID}/checks"): "submitter",
    ("GET", "shadow"): "viewer",
    ("GET", "precision"): "viewer",
    ("GET", f"decisions/{ID}/explain"): "viewer",
    ("GET", "standardisation"): "viewer",
}
CALLS = sorted(LEAST_ROLE)
# Who asks here shows an identity, not a token.
OPEN = {("POST", "tokens/exchange")}


def call(caller, method, path):
    return caller(method, path, None if method in ("GET", "DELETE") else {})


@pytest.mark.parametrize("role", ROLES)
def test_roles__every_address__opens_from_the_least_role_on(calling, role):
    caller = calling(role)
    refused = {key for key in CALLS if call(caller, *key).status_code == 403}

    above = {key for key in CALLS if ROLES.index(Role(LEAST_ROLE[key])) > ROLES.index(role)}
    assert refused == above


def test_nobody__every_address__is_asked_who_he_is(nobody, db):
    answers = {key: call(nobody, *key) for key in CALLS}

    assert {key for key, answer in answers.items() if answer.status_code != 401} == set()
    assert answers["GET", "changes"]["WWW-Authenticate"] == 'Bearer realm="graygate"'


def test_table__every_address_of_the_api__stands_in_it():
    told = {
        (method, _shape(str(pattern.pattern)))
        for pattern in urls.urlpatterns
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if hasattr(pattern.callback.view_class, method.lower())
    }

    assert told == {(method, _shape(path)) for method, path in (*CALLS, *OPEN)}


def _shape(path):
    parts = ("*" if "<" in part or part in (ID, "x") else part for part in path.split("/"))
    return "/".join(parts)


def test_token__of_fewer_scopes_than_its_user__stays_below_them(calling):
    caller = calling("admin", scopes=["read"])

    assert caller.get("changes").status_code == 200
    assert caller.post("changes", {}).status_code == 403


def test_token__after_its_user_lost_the_role__loses_it_too(calling, user):
    caller = calling("operator", "olga")
    user_row = user("viewer", "other").__class__.objects.get(username="olga")
    assert caller.put("freezes/x", {"reason": "y"}).status_code == 201
    user_row.groups.clear()

    assert caller.put("freezes/x", {"reason": "y"}).status_code == 403


def test_approve__by_the_author__is_refused_whatever_the_role(calling):
    change = journey("pending_approval", author="ann").change
    answer = calling("admin", "ann").post(f"changes/{change.pk}/approve")

    assert answer.status_code == 403
    assert Change.objects.get().state == "pending_approval"


def test_approve__twice_by_one_person__counts_once(calling):
    change = journey("pending_approval", author="ann").change
    ben = calling("approver", "ben")

    assert ben.post(f"changes/{change.pk}/approve").json()["decision"] == "needs_approval"
    assert ben.post(f"changes/{change.pk}/approve").status_code == 403
    assert Change.objects.get().state == "pending_approval"


def test_approve__by_enough_others__allows(calling):
    change = journey("pending_approval", author="ann").change
    calling("approver", "ben").post(f"changes/{change.pk}/approve")
    answer = calling("approver", "cleo").post(f"changes/{change.pk}/approve")

    assert answer.json()["decision"] == "allowed"


def test_cancel__somebody_elses_change__takes_an_operator(calling):
    change = journey("pending_approval", author="ann").change
    path = f"changes/{change.pk}/cancel"

    assert calling("approver", "ben").post(path).status_code == 403
    assert calling("operator", "olga").post(path).json()["decision"] == "canceled"


def test_session__of_a_logged_in_viewer__reads_but_writes_only_with_the_csrf_token(user, client):
    client.force_login(user("admin"))
    client.handler.enforce_csrf_checks = True

    assert client.get("/api/v1/changes").status_code == 200
    refused = client.put("/api/v1/freezes/x", "{}", content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
