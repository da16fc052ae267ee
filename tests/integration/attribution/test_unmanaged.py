"""Versions that nobody submitted: from a real page of metrics to an exposure, and to a suspect."""

import random
from datetime import timedelta
from uuid import UUID

import pytest

from attribution import exposures
from attribution.clock import database_now
from attribution.findings import attribute_due
from attribution.models import Exposure, Finding, Sample, Service, VersionWatch
from attribution.unmanaged import EVERY, SOON, _ask_all, _claim, look_due, store
from attribution.watched import watch

from .conftest import ERRORS
from .test_findings import alert_on

pytestmark = pytest.mark.django_db
COHORTS = {"canary": 'version="$version"', "control": 'version="$previous_version"'}
CHANGE = UUID(int=7)


class Shop:
    """`cart`, whose page says what each version has answered so far."""

    def __init__(self, instance, service):
        self.instance = instance()
        self.service = service("cart", [self.instance.url])
        self.service.cohorts = COHORTS
        self.service.save()
        self.counts: dict[str, int] = {}

    def look(self, times=1, **more):
        for _ in range(times):
            for version, count in more.items():
                name = version.lstrip("v").replace("_", ".")
                self.counts[name] = self.counts.get(name, 0) + count
            self.instance.page = "# TYPE requests_total counter\n" + "".join(
                f'requests_total{{version="{v}",code="200"}} {n}\n' for v, n in self.counts.items()
            )
            VersionWatch.objects.update(due_at=database_now() - timedelta(seconds=1))
            look_due()

    def steps(self):
        rows = Exposure.objects.filter(service=self.service, managed=False)
        return [(row.name, round(row.share, 2)) for row in rows.order_by("id")]


@pytest.fixture
def shop(instance, service):
    made = Shop(instance, service)
    made.look(v1_0=100)  # counters
    made.look(v1_0=100)  # the first look that tells
    return made


def test_look_due__version_that_nobody_submitted__is_an_exposure_that_ends(shop):
    shop.look(times=3, v1_0=75, v1_1=25)
    assert shop.steps() == [("cart 1.1", 0.25)]
    (row,) = Exposure.objects.all()
    assert (row.kind, row.managed) == ("deploy", False)
    shop.look(times=4, v1_0=100)
    assert shop.steps() == [("cart 1.1", 0.25), ("cart 1.1", 0.0)]
    assert len(set(Exposure.objects.values_list("change_id", flat=True))) == 1


def test_look_due__versions_that_were_there__are_none(shop):
    shop.look(times=6, v1_0=50)
    assert shop.steps() == []


def test_look_due__of_a_submitted_change__is_none(shop):
    watch(["cart"], CHANGE, "1.1", "1.0")
    shop.look(times=6, v1_0=50, v1_1=50)
    assert shop.steps() == []


def test_look_due__submitted_when_it_was_there__is_the_same_change(shop):
    shop.look(times=3, v1_0=75, v1_1=25)
    watch(["cart"], CHANGE, "1.1", "1.0")
    shop.look(v1_0=75, v1_1=25)
    assert shop.steps()[-1] == ("cart 1.1", 0.0)
    assert Exposure.objects.latest("id").same_as == CHANGE


def test_look_due__event_has_told_of_it__is_the_same_change(shop):
    told = UUID(int=9)
    at = database_now()
    exposures.record(told, "cart", at, 1.0, [], "deploy", managed=False, name="cart 1.1")
    shop.look(times=3, v1_0=75, v1_1=25)
    assert set(Exposure.objects.values_list("change_id", flat=True)) == {told}


def test_look_due__source_is_away__nothing_is_known_and_the_row_says_why(shop):
    shop.look(times=3, v1_0=75, v1_1=25)
    shop.instance.status = 500
    shop.look(times=9)
    assert shop.steps() == [("cart 1.1", 0.25)]
    assert "status 500" in VersionWatch.objects.get().error
    shop.instance.status = 200
    shop.look(v1_0=75, v1_1=25)
    assert VersionWatch.objects.get().error == ""


def test_look_due__label_with_a_value_a_request__is_said_to_be_no_version(shop):
    shop.look(**{f"v{n}": 1 for n in range(150)})
    assert "tells no version" in VersionWatch.objects.get().error
    assert shop.steps() == []


def test_look_due__something_is_under_way__the_next_look_comes_sooner(shop):
    row = VersionWatch.objects.get()
    assert row.due_at - row.looked_at == EVERY
    shop.look(v1_0=75, v1_1=25)
    row.refresh_from_db()
    assert row.due_at - row.looked_at == SOON


@pytest.mark.parametrize("noticed", ["cart", "front"])
def test_look_due__anomaly_there_or_at_its_caller__is_looked_at_sooner(shop, service, noticed):
    front = service("front")
    front.calls.add(shop.service)
    VersionWatch.objects.update(
        looked_at=database_now() - SOON - timedelta(seconds=1), due_at=database_now() + EVERY
    )
    assert look_due() == 0
    alert_on(noticed)
    assert look_due() == 1
    assert look_due() == 0


def test_look_due__not_due_or_no_version_label__is_left_alone(shop, service, instance):
    service("fixed", [instance().url])
    asked = shop.instance.asked
    assert look_due() == 0
    assert shop.instance.asked == asked
    assert VersionWatch.objects.count() == 1


def test_store__two_workers_asked__counts_once(shop):
    shop.look(v1_0=75, v1_1=25)
    VersionWatch.objects.update(due_at=database_now())
    first = _ask_all(_claim())
    VersionWatch.objects.update(due_at=database_now())
    second = _ask_all(_claim())
    assert [store(each) for each in first] == [True]
    assert [store(each) for each in second] == [False]


def test_store__question_has_changed__what_has_begun_is_followed(shop):
    shop.look(times=3, v1_0=75, v1_1=25)
    telemetry = [{**ERRORS, "total": 'requests_total{code="200",$cohort}'}]
    Service.objects.filter(name="cart").update(telemetry=telemetry)
    shop.look(times=5, v1_0=100)
    assert shop.steps() == [("cart 1.1", 0.25), ("cart 1.1", 0.0)]


def test_attribute__unmanaged_version_does_harm__is_the_suspect(shop):
    """Its exposure was seen by its version; the errors of everybody grew with it."""
    shop.look(times=3, v1_0=50, v1_1=50)
    rng, now = random.Random(3), database_now()  # noqa: S311
    begun = now - timedelta(seconds=40)
    Exposure.objects.update(at=begun)
    for second in range(120, 0, -1):
        at = now - timedelta(seconds=second)
        share = 0.08 if at > begun else 0.002
        bad = sum(rng.random() < share for _ in range(100))
        values = {"errors": {"canary": None, "control": None, "all": [bad, 100]}}
        Sample.objects.create(service=shop.service, at=at, values=values)
    alert_on("cart")
    attribute_due()
    first = Finding.objects.latest("at").suspects[0]
    assert UUID(first["change"]) == Exposure.objects.get().change_id
    assert first["probability"] > 0.5
