import pytest

from controlplane.models import Change
from tests.factories import GuardrailFactory, ServiceFactory, submission


@pytest.fixture
def cart(db):
    service = ServiceFactory(name="cart")
    GuardrailFactory(service=service)
    return service


def test_submit__harmless_deploy__is_created_and_allowed(calling, cart):
    answer = calling("submitter", "ann").post("changes", submission("cart"))

    assert answer.status_code == 201
    change = Change.objects.get()
    assert answer["Location"] == f"/api/v1/changes/{change.pk}"
    assert answer.json()["decision"] == "allowed"
    assert answer.json()["change"] == str(change.pk)
    assert change.author == "ann"


def test_submit__dry_run__answers_and_stores_nothing(calling, cart):
    answer = calling("submitter").post("changes?dry_run=1", submission("cart"))

    assert answer.status_code == 200
    assert answer.json()["decision"] == "allowed"
    assert not Change.objects.exists()
