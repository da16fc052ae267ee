"""What operators write by name."""

from datetime import timedelta

import pytest

from attribution.clock import database_now
from attribution.models import Guardrail, Service
from controlplane.environment import OperatorFile
from controlplane.models import Policy
from rollout.models import Freeze, GuardrailSilence
from tests.factories import ServiceFactory, guardrail_spec, journey


@pytest.fixture
def olga(calling):
    return calling("operator", "olga")


@pytest.fixture(autouse=True)
def _operator_file(settings):
    settings.OPERATOR = OperatorFile(
        targets={"cart": {"url": "http://127.0.0.1:1/", "secret": "whsec_c3dvcmRmaXNo"}},
        allowed_destinations=("http://127.0.0.1:*",),
    )


def service(**given):
    return {
        "team": "shop",
        "tier": 1,
        "units": ["a", "b"],
        "cohorts": {"canary": 'track="canary"', "control": 'track="stable"'},
        "source": {"name": "scrape", "config": {"urls": ["http://127.0.0.1:9100/metrics"]}},
        "executor": {"name": "http", "config": {"target": "cart"}},
    } | given


def pointer(answer):
    assert answer.status_code == 422, answer.content
    return answer.json()["errors"][0]["pointer"]


def in_an_hour():
    return (database_now() + timedelta(hours=1)).isoformat()


def test_service__put_and_read__is_the_same_with_defaults(olga):
    first = olga.put("services/cart", service())
    second = olga.put("services/cart", service())

    assert (first.status_code, second.status_code) == (201, 200)
    assert olga.get("services/cart").json() == service() | {
        "name": "cart",
        "environment": "production",
        "control_level": "L0",
        "calls": [],
        "telemetry": [],
    }


def test_service__put_without_a_member__loses_it(olga):
    olga.put("services/cart", service())
    olga.put("services/cart", {"team": "shop"})

    assert olga.get("services/cart").json()["source"] == {}
    assert Service.objects.get().due_at is None


def test_service__new_source__forgets_the_counters_of_the_old(olga):
    olga.put("services/cart", service())
    Service.objects.update(counters={"x": 1})
    olga.put("services/cart", service(tier=2))
    assert Service.objects.get().counters == {"x": 1}
    moved = {"name": "scrape", "config": {"urls": ["http://127.0.0.1:9999/metrics"]}}
    olga.put("services/cart", service(source=moved))

    assert Service.objects.get().counters == {}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"colour": "red"}, "#/colour"),
        ({"team": None}, "#/team"),
        ({"team": 5}, "#/team"),
        ({"tier": 9}, "#/tier"),
        ({"tier": "1"}, "#/tier"),
        ({"name": "other"}, "#/name"),
        ({"calls": ["nobody"]}, "#/calls/0"),
        ({"calls": ["cart"]}, "#/calls/0"),
        ({"units": ["a", "a"]}, "#/units/1"),
        ({"cohorts": {"canary": "x"}}, "#/cohorts/control"),
        ({"executor": {"name": "magic", "config": {}}}, "#/executor/name"),
        ({"executor": {"name": "http", "config": {"target": "unknown"}}}, "#/executor/config"),
        (
            {"executor": {"name": "http", "config": {"target": "cart", "url": "http://x"}}},
            "#/executor/config",
        ),
        ({"source": {"name": "magic", "config": {}}}, "#/source/name"),
        (
            {
                "source": {
                    "name": "scrape",
                    "config": {"urls": ["http://127.0.0.1:1/", "http://169.254.169.254/latest"]},
                }
            },
            "#/source/config/urls/1",
        ),
        (
            {"source": {"name": "scrape", "config": {"urls": ["http://127.0.0.1:1@evil/x"]}}},
            "#/source/config/urls/0",
        ),
        ({"source": {"name": "scrape", "config": {"urls": []}}}, "#/source/config/urls"),
        (
            {
                "source": {
                    "name": "scrape",
                    "config": {"urls": ["http://127.0.0.1:1/"], "proxy": "http://10.0.0.1/"},
                }
            },
            "#/source/config/proxy",
        ),
        ({"telemetry": [{"name": "x", "kind": "ratio"}]}, "#/telemetry/0/events"),
    ],
)
def test_service__one_thing_wrong__points_at_it_and_stores_nothing(olga, wrong, where):
    assert pointer(olga.put("services/cart", service(**wrong))) == where
    assert not Service.objects.exists()


def test_service__under_a_rollout__is_not_deleted(olga):
    walk = journey("running")

    assert olga.delete(f"services/{walk.service.name}").status_code == 409


def test_service__idle__is_deleted(olga):
    olga.put("services/cart", service())

    assert olga.delete("services/cart").status_code == 204
    assert olga.get("services/cart").status_code == 404


def test_guardrail__put__fills_in_the_defaults(olga):
    ServiceFactory(name="cart")
    answer = olga.put("guardrails/errors", guardrail_spec() | {"service": "cart"})

    assert answer.status_code == 201
    assert (answer.json()["margin"], answer.json()["pass_margin"]) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"service": "nobody"}, "#/service"),
        ({"events": "errors_total{}"}, "#/events"),
        ({"margin": "wide"}, "#/margin"),
        ({"colour": "red"}, "#/colour"),
    ],
)
def test_guardrail__one_thing_wrong__points_at_it_and_stores_nothing(olga, wrong, where):
    ServiceFactory(name="cart")
    body = guardrail_spec() | {"service": "cart"} | wrong

    assert pointer(olga.put("guardrails/errors", body)) == where
    assert not Guardrail.objects.exists()


def test_guardrail__same_name_on_two_services__is_told_apart_by_the_service(olga):
    for name in ("cart", "till"):
        ServiceFactory(name=name)
        olga.put("guardrails/errors", guardrail_spec() | {"service": name})

    assert olga.get("guardrails/errors").status_code == 409
    assert olga.get("guardrails/errors?service=till").json()["service"] == "till"
    assert olga.delete("guardrails/errors?service=till").status_code == 204
    assert olga.get("guardrails/errors").json()["service"] == "cart"


def test_policy__put_again__is_a_new_version(calling):
    admin = calling("admin")
    body = {
        "when": {"level": "low", "kind": "deploy"},
        "then": {"control_level": "L3", "approvals": 0, "stages": [{"share": 1.0, "min_s": 5}]},
    }
    admin.put("policies/fast", body)
    answer = admin.put("policies/fast", body)

    assert answer.json()["version"] == 2
    assert answer.json()["then"]["control_level"] == "L3"


def test_policy__stages_that_fall__points_at_the_stage(calling):
    stages = [{"share": 1.0}, {"share": 0.5}]

    assert pointer(calling("admin").put("policies/x", {"stages": stages})) == "#/stages/1/share"
    assert not Policy.objects.exists()


def test_freeze__put_and_lifted__stops_and_frees_growth(olga):
    answer = olga.put("freezes/launch", {"scope": {"team": "shop"}, "reason": "sale"})

    assert answer.status_code == 201
    assert answer.json()["actor"] == "olga"
    assert olga.put("freezes/launch", {"reason": "sale"}).status_code == 200
    assert olga.delete("freezes/launch").status_code == 204
    assert not Freeze.objects.exists()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "#/reason"),
        ({"reason": "x", "scope": {"planet": "mars"}}, "#/scope/planet"),
        ({"reason": "x", "ends_at": "2020-01-01T00:00:00Z"}, "#/ends_at"),
        ({"reason": "x", "ends_at": "soon"}, "#/ends_at"),
    ],
)
def test_freeze__unusable__points_at_what_is_wrong(olga, body, where):
    assert pointer(olga.put("freezes/x", body)) == where


def test_freeze__with_an_end_and_no_start__starts_now(olga):
    answer = olga.put("freezes/launch", {"reason": "sale", "ends_at": in_an_hour()})

    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("name", ["kill-switch", "restored"])
def test_stop_of_everything__with_a_scope__is_refused(olga, name):
    body = {"reason": "x", "scope": {"team": "shop"}}

    assert pointer(olga.put(f"freezes/{name}", body)) == "#/scope"


def test_silence__put__lasts_until_it_says(olga):
    answer = olga.put("silences/night", {"reason": "known", "ends_at": in_an_hour()})

    assert answer.status_code == 201
    assert len(olga.get("silences").json()["results"]) == 1


def test_silence__of_a_guardrail__is_in_force_until_it_is_lifted(olga):
    scope = {"guardrail": "errors", "service": "cart"}
    body = {"reason": "a flaky probe", "ends_at": in_an_hour(), "scope": scope}
    assert olga.put("silences/flaky", body).status_code == 201
    row = GuardrailSilence.objects.get()
    assert (row.guardrail, row.service, row.actor) == ("errors", "cart", "olga")

    assert olga.delete("silences/flaky").status_code == 204
    row.refresh_from_db()
    assert row.ends_at <= database_now()


def test_silence__of_a_guardrail_and_a_team__is_refused(olga):
    scope = {"guardrail": "errors", "team": "shop"}
    body = {"reason": "why", "ends_at": in_an_hour(), "scope": scope}
    assert pointer(olga.put("silences/flaky", body)) == "#/scope/team"


def test_silence__without_an_end__is_refused(olga):
    assert pointer(olga.put("silences/night", {"reason": "for ever"})) == "#/ends_at"


def test_names__that_would_not_be_safe__have_no_address(olga):
    assert olga.put("freezes/a b", {"reason": "x"}).status_code == 404
    assert olga.put(f"freezes/{'x' * 101}", {"reason": "x"}).status_code == 404
