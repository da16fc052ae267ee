from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from attribution.clock import database_now
from controlplane import likenesses
from controlplane.models import Change, Outcome
from controlplane.reading_changes import change_json
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(submit, body):
    def ended(result, **given):
        change = submit(body | given)
        at = database_now()
        Outcome.objects.create(change=change, result=result, level="low", ended_at=at)
        return change

    return ended


def test_submit__like_one_that_was_rolled_back__names_it(ended, submit, body):
    bad = ended("rolled_back", title="Cart 1.3.0 <b>")
    ended("completed")
    found = change_json(submit(body))["similar"]
    assert [(one["change"], one["title"], one["result"]) for one in found] == [
        (str(bad.pk), "Cart 1.3.0 <b>", "rolled_back")
    ]
    assert 0.4 <= found[0]["similarity"] <= 1


def test_submit__only_harmless_or_canceled_ones_ended__names_none(ended, submit, body):
    ended("completed")
    ended("canceled")
    assert change_json(submit(body))["similar"] == []


def test_submit__dry_run__names_it_too(ended, submit, body):
    bad = ended("rollback_failed")
    answer = submit(body, dry_run=True)
    assert answer["assessment"]["explanation"]["similar"][0]["change"] == str(bad.pk)


def test_submit__more_ended_than_are_looked_at__the_newest_count(ended, submit, body, monkeypatch):
    monkeypatch.setattr(likenesses, "MOST_PAST", 1)
    old, new = ended("rolled_back"), ended("rolled_back")
    day_before = database_now() - timedelta(days=1)
    Outcome.objects.filter(change=old).update(ended_at=day_before)
    assert [one["change"] for one in change_json(submit(body))["similar"]] == [str(new.pk)]


def test_submit__past_artefact_too_large_or_none__is_compared_by_the_rest(ended, submit, body):
    # What repeats would be stored small.
    large = {f"key{n}": f"{n * 7919 % 99991:x}{n * 104729 % 99991:x}" for n in range(20_000)}
    bad = ended("rolled_back")
    Change.objects.filter(pk=bad.pk).update(artefact=large)
    assert change_json(submit(body))["similar"][0]["change"] == str(bad.pk)
    Change.objects.filter(pk=bad.pk).update(artefact=None)
    assert change_json(submit(body))["similar"][0]["change"] == str(bad.pk)


def test_change_page__similar_one__is_linked_and_its_title_is_text(ended, submit, body):
    bad = ended("rolled_back", title="Cart <b>1.3.0</b>")
    client = Client()
    client.force_login(UserFactory())
    text = client.get(reverse("change", args=[submit(body).pk])).content.decode()
    assert "Similar changes that did harm" in text
    assert reverse("change", args=[bad.pk]) in text
    assert "Cart &lt;b&gt;1.3.0&lt;/b&gt;</a>: rolled back" in text


def test_change_json__assessment_of_before_this_was_told__has_none(submit, body):
    change = submit(body)
    assessment = change.assessments.get()
    del assessment.policy["explanation"]
    assessment.save()
    assert change_json(change)["similar"] == []
