"""Who gets which page, and what comes when something is missing."""

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from attribution.models import Finding, Sample
from controlplane.web.csp import POLICY
from controlplane.web.views import pages
from rollout.models import Decision, Rollout
from tests.browser import scenes

pytestmark = pytest.mark.django_db
OLGA, VERA, ANNA, SAM, ADA = "olga", "vera", "anna", "sam", "ada"


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


@pytest.mark.parametrize("path", ["/login/", "/", "/nowhere/", "/healthz"])
def test_answer__of_any_kind__carries_the_policy(path, client, db):
    assert client.get(path).headers["Content-Security-Policy"] == POLICY


def test_page__nobody_logged_in__leads_to_login_and_back(client, db):
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_fragment__nobody_logged_in__is_told_to_go_to_login(client, db):
    answer = client.get("/live/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login/")


def test_page__user_without_a_role__is_refused_in_words(db, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("new"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "it needs `read`" in answer.content.decode()


def test_page__database_gone__says_503_and_asks_again(as_, monkeypatch):
    client = as_(VERA)

    def gone(*_args):
        raise OperationalError("connection refused")

    monkeypatch.setattr(pages, "now_page", gone)
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Refresh"]) == (503, "5")
    assert "The database does not answer" in answer.content.decode()


def test_page__defect__says_500_without_its_reason(as_, monkeypatch):
    client = as_(VERA)
    monkeypatch.setattr(pages, "now_page", lambda *_: 1 / 0)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.content.decode()


ORDERS = {
    "abort": {OLGA, ADA},
    "kill-switch": {OLGA, ADA},
    "feedback": {OLGA, ADA},
    "answer": {ANNA, OLGA, ADA},
    "cancel": {SAM, ANNA, OLGA, ADA},
}


@pytest.mark.parametrize("who", [VERA, SAM, ANNA, OLGA, ADA])
@pytest.mark.parametrize("order", ORDERS)
def test_order__each_role__only_those_who_may(order, who, as_, production):
    running, asked = production["running"], production["needs_approval"]
    decision = running.rollout.decisions.first()
    url = {
        "abort": reverse("act", args=[running.rollout.pk, "abort"]),
        "kill-switch": reverse("kill-switch"),
        "feedback": reverse("feedback", args=[decision.pk]),
        "answer": reverse("answer", args=[asked.pk]),
        "cancel": reverse("cancel", args=[asked.pk]),
    }[order]
    status = as_(who).post(url, {"reason": "x", "answer": "right"}).status_code
    assert status != 403 if who in ORDERS[order] else status == 403


def test_order__get__is_not_taken(as_, production):
    url = reverse("act", args=[production["running"].rollout.pk, "abort"])
    assert as_(OLGA).get(url).status_code == 405


def test_order__without_the_csrf_token__is_refused(production):
    client = Client(enforce_csrf_checks=True)
    client.login(username=OLGA, password=scenes.PASSWORD)
    url = reverse("act", args=[production["running"].rollout.pk, "abort"])
    assert client.post(url, {"reason": "x"}).status_code == 403
    assert Rollout.objects.get(pk=production["running"].rollout.pk).phase == "running"


def test_cancel__by_another_submitter__is_refused_in_words(as_, production):
    production["needs_approval"].__class__.objects.update(author="somebody")
    url = reverse("cancel", args=[production["needs_approval"].pk])
    answer = as_(SAM).post(url, {"reason": "x"}, follow=True)
    assert "Only its author or an operator" in answer.content.decode()


def test_approve__by_its_author__is_not_offered(as_, production):
    change = production["needs_approval"]
    type(change).objects.filter(pk=change.pk).update(author=OLGA)
    page = as_(OLGA).get(reverse("change", args=[change.pk])).content.decode()
    assert "You are its author" in page


def test_illegal_order__resume_of_a_running_rollout__is_refused_in_words(as_, production):
    rollout = production["running"].rollout
    url = reverse("act", args=[rollout.pk, "resume"])
    given = {"reason": "x", "version": rollout.version}
    answer = as_(OLGA).post(url, given, follow=True)
    assert "this is not possible now" in answer.content.decode()


def test_title__with_markup__is_shown_as_text(as_, production):
    change = production["needs_approval"]
    type(change).objects.filter(pk=change.pk).update(title="<script>alert(1)</script>")
    for path in ("/", reverse("change", args=[change.pk])):
        page = as_(VERA).get(path).content.decode()
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x"])
def test_pipeline_link__not_http__is_no_link(url, as_, production):
    change = production["needs_approval"]
    type(change).objects.filter(pk=change.pk).update(source={"pipeline_url": url})
    page = as_(VERA).get(reverse("change", args=[change.pk])).content.decode()
    assert f'href="{url}"' not in page


def test_now__many_changes__takes_few_queries(as_, production, django_assert_max_num_queries):
    client = as_(VERA)
    with django_assert_max_num_queries(30):
        client.get("/live/")


@pytest.mark.parametrize("reason", ["a\0b", "a\x1b[31mb\r\nc", "x" * 100_000])
def test_order__reason_that_could_not_be_kept_or_would_be_obeyed__is_kept_without_that(
    reason, as_, production
):
    rollout = production["running"].rollout.pk
    assert as_(OLGA).post(f"/rollouts/{rollout}/pause/", {"reason": reason}).status_code == 302
    kept = Rollout.objects.get(pk=rollout).holds.get(released_at=None).reason
    assert 0 < len(kept) <= 1000
    assert not {"\0", "\x1b", "\r"} & set(kept)


@pytest.mark.parametrize(
    "target", ["//bad.example/", "https://bad.example/", "/\\bad.example", "javascript:alert(1)"]
)
def test_login__next_leads_elsewhere__stays_here(production, target):
    answer = Client().post(
        f"/login/?next={target}", {"username": OLGA, "password": scenes.PASSWORD, "next": target}
    )
    assert answer.headers["Location"] == "/"


def test_login__old_session__gets_a_new_key(production):
    client = Client()
    client.get("/login/")
    client.session["planted"] = True
    before = client.session.session_key
    client.login(username=OLGA, password=scenes.PASSWORD)
    assert client.session.session_key != before


def test_page__user_deactivated_meanwhile__is_led_to_login(as_, django_user_model):
    client = as_(OLGA)
    django_user_model.objects.filter(username=OLGA).update(is_active=False)
    assert client.get("/").headers["Location"].startswith("/login/")


def test_change__finding_that_is_incomplete__says_what_is_missing(as_, production):
    page = reverse("change", args=[production["rolled_back"].change.pk])
    assert "incomplete evidence" not in as_(VERA).get(page).content.decode()
    Finding.objects.update(incomplete=["2 more alerts were cut off"])
    shown = as_(VERA).get(page).content.decode()
    assert "incomplete evidence" in shown
    assert "2 more alerts were cut off" in shown


def test_page__source_refused_a_query__says_so_below_the_verdict(as_, production):
    live = Rollout.objects.filter(phase="running").exclude(spec__guardrails={}).latest("created_at")
    service = next(name for name, guards in live.spec["guardrails"].items() if guards)
    newest = Sample.objects.filter(service__name=service).latest("at")
    Sample.objects.filter(pk=newest.pk).update(warnings=["errors|all|total: <refused>"])
    page = as_(VERA).get(reverse("change", args=[live.change_id])).content.decode()
    assert f"{service}: errors|all|total: &lt;refused&gt;" in page


def test_page__baking__says_why_it_still_does(as_, production):
    page = as_(VERA).get(f"/changes/{production['running'].change.pk}/").content.decode()
    assert "Why is it still baking?" in page
    assert "requests a second to exclude" in page
    assert "would be seen in about" in page


@pytest.mark.parametrize("scene", ["halted", "rolled_back", "completed"])
def test_page__not_baking__foretells_nothing(scene, as_, production):
    page = as_(VERA).get(f"/changes/{production[scene].change.pk}/").content.decode()
    assert "Why is it still baking?" not in page


# --- what others carry out -------------------------------------------------------------------


def test_shadow_page__nothing_watched_yet__says_how_to_begin(as_):
    told = as_(VERA).get("/shadow/").content.decode()
    assert "No change was watched" in told
    assert "control level L0" in told


def test_shadow_page__would_have_rolled_back__says_when_and_asks_whether_it_was_right(as_):
    change = scenes.shadow()
    told = as_(OLGA).get("/shadow/").content.decode()
    assert "invoices 3.1.0" in told
    assert "rolled back" in told
    assert 'value="wrong"' in told
    page = as_(OLGA).get(f"/changes/{change}/").content.decode()
    assert "Graygate would have halted it at" in page
    assert "Nothing was done: L0, others carry it out." in page
    assert "Abort" not in page


def test_shadow_page__answered__stays_there_and_shows_the_answer(as_):
    scenes.shadow()
    said = Decision.objects.get(decision="would_rollback")
    answer = {"answer": "wrong", "from": "shadow"}
    assert as_(OLGA).post(f"/decisions/{said.pk}/feedback/", answer).headers["Location"] == (
        "/shadow/"
    )
    assert '<span class="chip">wrong</span>' in as_(VERA).get("/shadow/").content.decode()


def test_now_page__only_watched__is_nothing_that_needs_somebody(as_):
    scenes.shadow()
    before = as_(OLGA).get("/").content.decode()
    needs = before.partition("Needs you")[2].partition("</section>")[0]
    assert "invoices" not in needs
