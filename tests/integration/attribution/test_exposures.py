"""Steps of the observed exposure: what has not changed is no step."""

import uuid
from datetime import timedelta

import pytest

from attribution import exposures
from attribution.clock import database_now
from attribution.models import Exposure

pytestmark = pytest.mark.django_db
CHANGE = uuid.uuid4()


@pytest.fixture
def record(service):
    service("stock")
    service("cart")
    start = database_now()

    def record(second, share, units, change=CHANGE, name="stock"):
        at = start + timedelta(seconds=second)
        exposures.record(change, name, at, share, units, "deploy")

    return record


def shares():
    return list(Exposure.objects.values_list("share", flat=True))


def test_record__same_units_in_another_order__is_no_step(record):
    record(0, 0.5, ["a", "b"])
    record(1, 0.5, ["b", "a"])
    assert shares() == [0.5]


def test_record__share_off_by_a_rounding__is_no_step(record):
    record(0, 0.3, [])
    record(1, 0.1 + 0.2, [])
    assert shares() == [0.3]


@pytest.mark.parametrize(("share", "units"), [(0.75, ["a", "b"]), (0.5, ["a", "c"])])
def test_record__other_share_or_other_units__is_a_step(record, share, units):
    record(0, 0.5, ["a", "b"])
    record(1, share, units)
    assert shares() == [0.5, share]


def test_record__back_to_what_it_was_before__is_a_step(record):
    for second, share in enumerate((0.5, 0.0, 0.5)):
        record(second, share, [])
    assert shares() == [0.5, 0.0, 0.5]


def test_record__other_change_or_other_service__is_a_step_of_its_own(record):
    record(0, 0.5, ["a"])
    record(1, 0.5, ["a"], change=uuid.uuid4())
    record(2, 0.5, ["a"], name="cart")
    assert shares() == [0.5, 0.5, 0.5]


def test_record__told_late__is_compared_with_what_was_known_of_then(record):
    record(0, 0.25, [])
    record(10, 0.5, [])
    record(5, 0.5, [])
    assert shares() == [0.25, 0.5, 0.5]
