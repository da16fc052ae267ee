"""The page of an artefact: who gets it, and what it says."""

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.models import Change
from tests.browser import scenes

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def change(db):
    scenes.everything()
    change = Change.objects.order_by("created_at").first()
    change.before = {"pool": {"max": 10}, "password": "was-hunter", "name": SCRIPT}
    change.artefact = {"pool": {"max": 90}, "password": "hunter22", "name": SCRIPT}
    change.save()
    assessment = change.assessments.first()
    assessment.signals.all().delete()
    shared = {"severity": "medium", "why": "it is nine times as much", "remedy": "go by halves"}
    assessment.signals.create(signal_id="jump", summary="jumps", where="/pool/max", **shared)
    assessment.signals.create(signal_id="wide", summary="is wide", where="", **shared)
    return change


def page(change, name="vera"):
    client = Client(raise_request_exception=False)
    if name:
        assert client.login(username=name, password=scenes.PASSWORD)
    return client.get(reverse("artefact", args=[change.pk]))


def test_artefact__signal_of_a_line__follows_it(change):
    text = page(change).content.decode()
    assert text.index("password") < text.index("+   max: 90") < text.index("jumps")
    assert text.index("is wide") < text.index("Lines before and now")


def test_artefact__secret__is_never_in_the_page(change):
    text = page(change).content.decode()
    assert "hunter" not in text
    assert "hidden" in text


def test_artefact__markup_in_it__is_shown_and_not_run(change):
    text = page(change).content.decode()
    assert SCRIPT not in text
    assert "&lt;script&gt;" in text


def test_artefact__not_logged_in__is_asked_to(change):
    assert page(change, name="").status_code == 302


def test_artefact__no_such_change__is_not_found(change):
    change.pk = "00000000-0000-0000-0000-000000000000"
    assert page(change).status_code == 404


def test_change__with_an_artefact__leads_there(change):
    client = Client()
    client.login(username="vera", password=scenes.PASSWORD)
    text = client.get(reverse("change", args=[change.pk])).content.decode()
    assert reverse("artefact", args=[change.pk]) in text
