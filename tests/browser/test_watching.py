"""A page keeps itself up to date, quietly, and says so when it cannot."""

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from rollout.models import Hold, Placement, Rollout

pytestmark = pytest.mark.django_db(transaction=True)
# Two polls' time and a margin: what did not happen until then does not happen.
TWO_POLLS_MS = 5000


def test_login__wrong_password__says_so(production, visit):
    visitor = visit()
    visitor.login("vera", "wrong")
    expect(visitor.page.get_by_role("alert")).to_have_text("Name and password do not match.")


def test_now__states_of_all_kinds__most_urgent_first(production, visit):
    visitor = visit()
    visitor.login("olga")
    titles = visitor.page.locator("article h3").all_inner_texts()
    assert titles[:2] == ["search v9: new index", "payments v5.1.0: retry on 502"]
    needs = visitor.page.get_by_role("region", name="Needs you")
    expect(needs).to_contain_text("Rollback failed: exposure did not reach zero. Act now.")
    expect(needs).to_contain_text("Waits for your approval.")


def test_rolled_back__opened__first_sentence_answers(production, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.change(production["rolled_back"])
    said = page.get_by_role("region", name="What happened")
    expect(said).to_contain_text("Rolled back at 25% exposure, 14 s after the evidence sufficed")
    expect(said).to_contain_text("errors against")
    expect(said).to_contain_text("Exposure is zero on 1 of 1 target.")
    expect(said).to_contain_text("The metric recovered at")
    expect(said).to_contain_text("Left to do:")
    expect(page.get_by_text("Hash chain verified over 11 entries.")).to_be_visible()


def test_rollout__moves__page_follows_and_keeps_what_is_typed(production, visit):
    visitor = visit()
    visitor.login("olga")
    scene = production["running"]
    page = visitor.change(scene)
    page.get_by_label("Reason").fill("half a sent")
    inputs = page.locator("details.inputs").first
    inputs.locator("summary").click()
    expect(inputs.locator("pre")).to_be_visible()
    page.evaluate("window.sameDocument = true")

    Placement.objects.filter(rollout=scene.rollout).update(observed=0.15)
    Rollout.objects.filter(pk=scene.rollout.pk).update(version=8)

    expect(page.locator(".headline")).to_contain_text("15% exposed")
    expect(page.locator("input[name=version]")).to_have_value("8")
    expect(page.get_by_label("Reason")).to_have_value("half a sent")
    expect(inputs.locator("pre")).to_be_visible()
    expect(page).to_have_title("Running: catalog v1.19.2: price cache – Graygate")
    assert page.evaluate("window.sameDocument")
    assert page.locator("#charts canvas").count() == 3


def test_rollout__completed__page_stops_asking(production, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.change(production["completed"])
    page.wait_for_timeout(TWO_POLLS_MS)
    assert visitor.polls() == 0


def test_rollout__ends_while_watched__page_stops_asking(production, visit):
    visitor = visit()
    visitor.login("vera")
    scene = production["running"]
    page = visitor.change(scene)
    for phase in ("watching", "completed"):
        Rollout.objects.filter(pk=scene.rollout.pk).update(phase=phase, ended_at=scene.now)
    expect(page.locator(".headline")).to_contain_text("Completed at")
    expect(page).to_have_title("Completed: catalog v1.19.2: price cache – Graygate")
    page.wait_for_timeout(300)
    seen = visitor.polls()
    page.wait_for_timeout(TWO_POLLS_MS)
    assert visitor.polls() == seen


def test_tab__hidden__asks_nothing_until_looked_at(production, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.page
    page.wait_for_url(visitor.url + "/")
    page.evaluate("window.tabHidden = true")
    page.wait_for_timeout(300)
    seen = visitor.polls()
    page.wait_for_timeout(TWO_POLLS_MS)
    assert visitor.polls() == seen
    with page.expect_request("**/live/"):
        page.evaluate(
            "window.tabHidden = false; document.dispatchEvent(new Event('visibilitychange'))"
        )


def test_server__does_not_answer__page_says_since_when(production, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.page
    page.wait_for_url(visitor.url + "/")
    page.route("**/live/", lambda route: route.abort())
    expect(page.locator("#stale")).to_contain_text("No answer from Graygate since")
    expect(page.get_by_role("heading", name="Changing now")).to_be_visible()
    page.unroute("**/live/")
    expect(page.locator("#stale")).to_be_hidden()


def test_session__ended__leads_to_login(production, visit):
    visitor = visit()
    visitor.login("vera")
    visitor.page.wait_for_url(visitor.url + "/")
    Session.objects.all().delete()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_hold__released__goes_from_the_page(production, visit):
    visitor = visit()
    visitor.login("vera")
    scene = production["paused"]
    card = visitor.page.locator(f"#c-{scene.change.pk}")
    expect(card).to_contain_text("Metrics lost")
    Hold.objects.filter(rollout=scene.rollout, kind="source_lost").update(released_at=scene.now)
    expect(card).not_to_contain_text("Metrics lost")
