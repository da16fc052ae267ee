"""Buttons do what the API does, for those who may."""

import pytest
from playwright.sync_api import expect

from controlplane.models import Feedback
from rollout.models import Freeze, Rollout

pytestmark = pytest.mark.django_db(transaction=True)


def test_abort__by_operator__ledger_names_them_and_why(production, visit):
    visitor = visit()
    visitor.login("olga")
    page = visitor.change(production["running"])
    page.get_by_label("Reason").fill("basket totals are wrong")
    page.get_by_role("button", name="Abort").click()
    expect(page.get_by_role("alert")).to_contain_text("Abort ordered")
    expect(page.locator(".headline")).to_contain_text("ordered by olga (“basket totals are wrong”)")
    expect(page.locator(".ledger li").first).to_contain_text("Aborted")


def test_abort__without_reason__is_not_sent(production, visit):
    visitor = visit()
    visitor.login("olga")
    page = visitor.change(production["running"])
    page.get_by_role("button", name="Abort").click()
    assert Rollout.objects.get(pk=production["running"].rollout.pk).phase == "running"
    assert page.evaluate("document.activeElement.name") == "reason"


def test_orders__viewer__are_not_offered(production, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.change(production["running"])
    expect(page.get_by_text("need the role operator")).to_be_visible()
    expect(page.get_by_role("button", name="Abort")).to_have_count(0)


def test_promote__page_is_old__does_nothing_and_says_so(production, visit):
    visitor = visit()
    visitor.login("olga")
    scene = production["running"]
    page = visitor.change(scene)
    page.route("**/live/", lambda route: route.abort())
    Rollout.objects.filter(pk=scene.rollout.pk).update(version=99)
    page.get_by_label("Reason").fill("good enough")
    page.get_by_role("button", name="Promote past stage 2").click()
    expect(page.get_by_role("alert").first).to_contain_text("the rollout has moved on")
    assert scene.rollout.stages.get(index=1).state == "baking"


def test_approve__by_another_person__is_recorded(production, visit):
    visitor = visit()
    visitor.login("anna")
    page = visitor.change(production["needs_approval"])
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_have_text("Approved.")
    expect(page.locator(".headline")).to_contain_text("1 of 2 given")
    expect(page.get_by_text("You have answered")).to_be_visible()


def test_kill_switch__pulled_and_released__banner_comes_and_goes(production, visit):
    visitor = visit()
    visitor.login("olga")
    page = visitor.page
    page.get_by_text("Kill switch").click()
    page.get_by_label("Reason").fill("network is on fire")
    page.get_by_role("button", name="Stop all growth").click()
    expect(page.get_by_role("region", name="Kill switch")).to_contain_text("network is on fire")
    assert Freeze.objects.get(name="kill-switch").actor == "olga"
    page.get_by_role("button", name="Release the kill switch").click()
    expect(page.get_by_role("region", name="Kill switch")).to_have_count(0)


def test_feedback__on_a_rollback__is_stored_and_shown(production, visit):
    visitor = visit()
    visitor.login("olga")
    page = visitor.change(production["rolled_back"])
    entry = page.locator(".ledger li", has_text="Rollback ordered")
    entry.get_by_role("button", name="right").click()
    expect(page.locator(".ledger li", has_text="Rollback ordered")).to_contain_text("olga: right")
    assert Feedback.objects.get().answer == "right"
