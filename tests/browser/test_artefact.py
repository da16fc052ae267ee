"""The artefact's page, as it is looked at."""

import os

import pytest

from controlplane.models import Change

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = {"pool": {"max": 10, "min": 1}, "hosts": [f"db-{i}.internal" for i in range(30)]}
AFTER = {**BEFORE, "pool": {"max": 90, "min": 1}, "db": {"password": "hunter22"}}


@pytest.fixture
def address(production):
    change = Change.objects.order_by("created_at").first()
    change.before, change.artefact = BEFORE, AFTER
    change.save()
    assessment = change.assessments.first()
    assessment.signals.all().delete()
    for name, severity, where in (
        ("secret_in_clear", "high", "/db/password"),
        ("large_jump", "medium", "/pool/max"),
        ("no_tests", "low", ""),
    ):
        assessment.signals.create(
            signal_id=name,
            severity=severity,
            summary=f"What {name} is about, in a sentence",
            where=where,
            why="What could come of it.",
            remedy="What to do instead.",
        )
    return f"/changes/{change.pk}/artefact/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_artefact__any_screen__nothing_to_complain_of(address, visit, width, scheme):
    visitor = visit(width, scheme)
    visitor.login("vera")
    page = visitor.open(address)
    page.get_by_role("heading", level=1).wait_for()
    if folder := os.environ.get("GRAYGATE_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/artefact-{width}-{scheme}.png", full_page=True)
    assert page.get_by_text("26 lines as before").is_visible()
    assert "hunter22" not in page.content()
    assert visitor.grave_findings() == []
    assert visitor.reports() == []
    assert visitor.wider_than_the_screen() <= 0
    assert visitor.complaints == []


def test_artefact__asked_for_on_the_changes_page__is_one_click_away(address, visit):
    visitor = visit()
    visitor.login("vera")
    page = visitor.open(address.removesuffix("artefact/"))
    page.get_by_role("link", name="The artefact").click()
    page.wait_for_url(f"**{address}")
