"""Every page, on a desk and on a phone, by day and by night."""

import pytest

from tests.browser import scenes

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = ("rolled_back", "running", "halted", "paused", "rollback_failed", "completed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages__any_screen__nothing_to_complain_of(production, visit, width, scheme):
    visitor = visit(width, scheme)
    visitor.open("/login/")
    assert visitor.grave_findings() == []
    visitor.login("olga")
    shadow = scenes.shadow()
    pages = [lambda: visitor.open("/"), lambda: visitor.open("/practice/?days=90")]
    pages += [lambda: visitor.open("/shadow/"), lambda: visitor.open(f"/changes/{shadow}/")]
    pages += [lambda s=production[name]: visitor.change(s) for name in CHANGES]
    pages += [lambda: visitor.change(production["needs_approval"])]
    for show in pages:
        page = show()
        page.get_by_role("heading", level=1).wait_for()
        if page.locator("#charts").count():
            page.locator("#charts canvas").first.wait_for()
        assert visitor.grave_findings() == [], page.url
        assert visitor.reports() == [], page.url
        assert visitor.wider_than_the_screen() <= 0, page.url
    assert visitor.complaints == []


def test_dark__preferred__page_is_dark(production, visit):
    page = visit(scheme="dark").open("/login/")
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert red + green + blue < 3 * 64


def test_unknown_address__asked_for__page_leads_back(production, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.open("/changes/00000000-0000-0000-0000-000000000000/")
    assert page.get_by_role("heading", level=1).inner_text() == "There is nothing here"
    page.get_by_role("link", name="What is changing now").click()
    assert page.get_by_role("heading", name="Changing now").is_visible()
