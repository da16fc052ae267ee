"""The pages of anomalies in a browser: looks, live updates, the form."""

import pytest
from playwright.sync_api import expect

from attribution.anomalies import open_anomaly
from attribution.clock import database_now
from attribution.models import Anomaly, AnomalyFeedback, Finding
from tests.browser import incidents

pytestmark = pytest.mark.django_db(transaction=True)
TWO_POLLS_MS = 4500


@pytest.fixture
def row(production):
    return incidents.going_on(production["halted"], production["running"])


@pytest.fixture
def watching(row, visit):
    def as_(name: str):
        visitor = visit()
        visitor.login(name)
        visitor.page.wait_for_url(visitor.url + "/")
        visitor.open(f"/anomalies/{row.pk}/")
        return visitor

    return as_


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages__any_screen__nothing_to_complain_of(row, visit, width, scheme):
    visitor = visit(width, scheme)
    visitor.login("olga")
    ended = Anomaly.objects.exclude(ended_at=None).get()
    for path in ("/anomalies/", f"/anomalies/{row.pk}/", f"/anomalies/{ended.pk}/"):
        page = visitor.open(path)
        page.get_by_role("heading", level=1).wait_for()
        for summary in page.locator("summary").all():
            if not summary.locator("..").evaluate("details => details.open"):
                summary.click()
        assert visitor.grave_findings() == [], path
        assert visitor.reports() == [], path
        assert visitor.wider_than_the_screen() <= 0, path
    assert visitor.complaints == []


def test_texts__of_the_call_graph__stay_within_their_boxes(watching):
    page = watching("vera").page
    over = page.locator("svg.calls g.node").evaluate_all(
        """nodes => nodes.filter(node => {
          const box = node.querySelector("rect").getBBox();
          return [...node.querySelectorAll("text")].some(text => {
            const own = text.getBBox();
            return own.x + own.width > box.x + box.width || own.y + own.height > box.y + box.height;
          });
        }).map(node => node.textContent)"""
    )
    assert over == []


def test_list__opened_from_the_navigation__leads_to_the_anomaly(row, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.page
    page.get_by_role("link", name="Anomalies").click()
    page.get_by_role("link", name="checkout, errors").first.click()
    expect(page.locator(".headline")).to_contain_text("97% sure")


def test_anomaly__found_out_more_while_watched__what_is_unfolded_and_typed_stays(watching, row):
    visitor = watching("olga")
    page = visitor.page
    page.evaluate("window.sameDocument = true")
    page.locator("#calls-list summary").click()
    page.get_by_label("Note").fill("half a sent")
    page.get_by_label("It was", exact=True).select_option(label="None of them")
    before = row.findings.first()
    suspects = [{**before.suspects[0], "probability": 0.1}]
    row.findings.create(at=database_now(), case=before.case, suspects=suspects, none_of_them=0.9)
    expect(page.locator(".headline")).to_contain_text("None of the changes under way did it, 90%")
    expect(page.get_by_label("Note")).to_have_value("half a sent")
    expect(page.get_by_label("It was", exact=True)).to_have_value("none")
    expect(page.locator("#calls-list table")).to_be_visible()
    assert page.evaluate("window.sameDocument")


def test_anomaly__ends_while_watched__title_says_so(watching, row):
    page = watching("vera").page
    Anomaly.objects.filter(pk=row.pk).update(ended_at=database_now())
    expect(page).to_have_title("Over: checkout, errors – Graygate")


def test_anomaly__ended_and_recovered__page_stops_asking(production, visit):
    visitor = visit()
    visitor.login("vera")
    visitor.page.wait_for_url(visitor.url + "/")
    ended = Anomaly.objects.exclude(ended_at=None).get()
    visitor.open(f"/anomalies/{ended.pk}/")
    seen = visitor.polls()
    visitor.page.wait_for_timeout(TWO_POLLS_MS)
    assert visitor.polls() == seen


def test_feedback__given_in_the_form__is_recorded_and_shown(watching, production):
    page = watching("olga").page
    change = production["halted"].change
    page.get_by_label("It was", exact=True).select_option(str(change.pk))
    page.get_by_label("Note").fill("seen in its log")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("alert")).to_contain_text("recorded")
    expect(page.get_by_text(f"olga says it was {change.title}.")).to_be_visible()
    assert AnomalyFeedback.objects.get().change_id == change.pk


def test_feedback__nothing_chosen__is_not_sent(watching):
    page = watching("olga").page
    page.get_by_role("button", name="Record").click()
    assert page.evaluate("document.activeElement.name") == "change"
    assert not AnomalyFeedback.objects.exists()


@pytest.mark.parametrize("width", [1280, 390])
def test_two_tied__told_apart_from_the_page__is_ordered_and_shown(production, visit, width):
    one, other = production["running"], production["halted"]
    now = database_now()
    found = open_anomaly("alert", "tied", one.service, "errors", now, now)
    suspects = [
        {"change": str(each.change.pk), "probability": p, "evidence": [], "vetoes": []}
        for each, p in ((one, 0.5), (other, 0.4))
    ]
    Finding.objects.create(anomaly=found, at=now, case={}, suspects=suspects, none_of_them=0.1)
    visitor = visit(width)
    visitor.login("olga")
    page = visitor.open(f"/anomalies/{found.pk}/")
    expect(page.get_by_role("heading", name="Telling two apart")).to_be_visible()
    assert visitor.grave_findings() == []
    assert visitor.wider_than_the_screen() <= 0
    page.get_by_label("Reason").fill("nobody knows")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Since olga said so")).to_be_visible()
    assert visitor.grave_findings() == []
    assert visitor.complaints == []
