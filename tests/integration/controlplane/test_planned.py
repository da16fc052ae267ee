"""What is foretold of a plan, from samples of the last minutes."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from attribution.clock import database_now
from attribution.models import Sample
from attribution.recent import recent
from controlplane import intake, planned
from controlplane.models import Change
from tests.factories import GuardrailFactory, ServiceFactory, guardrail_spec, submission

pytestmark = pytest.mark.django_db
ERRORS = guardrail_spec(margin=0.1, pass_margin=0.5, margin_abs=0.002, weight=1.0)


@pytest.fixture
def cart():
    service = ServiceFactory(name="cart")
    GuardrailFactory(service=service, spec=ERRORS)
    return service


def measured(service, requests, bad=0.002, reads=60, **more):
    """A read every 5 s up to now."""
    now = database_now()
    pair = [requests * bad, requests]
    Sample.objects.bulk_create(
        Sample(
            service=service,
            at=now - timedelta(seconds=5 * (reads - 1 - i)),
            values={"errors": {"canary": None, "control": pair, "all": pair}},
            **more,
        )
        for i in range(reads)
    )


def dry(**given):
    return intake.submit(submission("cart", **given), "ann", dry_run=True)


def test_dry_run__busy_service__says_when_each_stage_passes_and_what_it_sees(cart):
    measured(cart, requests=5000)
    answer = dry()
    first, last = (stage["expected"] for stage in answer["stages"])

    assert 5 <= first["pass_in_s"] < 120
    assert first["metrics"][0]["requests_per_s"] == 250
    assert first["detects"][0]["factor"] == pytest.approx(3.0)
    assert first["detects"][0]["within_s"] < 120
    assert 0.004 < first["detects"][0]["smallest"] < 0.006
    assert last["detects"][0]["within_s"] >= 25  # harm has to last where there is no control
    assert not [reason for reason in answer["reasons"] if "stage" in reason]


def test_dry_run__quiet_service__warns_that_no_stage_can_pass_or_see(cart):
    measured(cart, requests=5)
    told = " / ".join(dry()["reasons"])

    assert (
        "stage 1 (0.25 of the traffic) is unlikely to pass within 1800 s: to exclude errors" in told
    )
    assert "at 0.25 requests a second takes about" in told
    assert "is unlikely to see within 1800 s errors at 0.6% (bad events ×3)" in told
    assert "the same in stage 2" in told


def test_dry_run__no_samples__says_that_nothing_is_known(cart):
    answer = dry()
    expected = answer["stages"][0]["expected"]

    assert (expected["pass_in_s"], expected["detects"]) == (None, [])
    assert expected["metrics"][0]["why"] == "no_samples"
    assert not [reason for reason in answer["reasons"] if "stage" in reason]


@pytest.mark.parametrize("told", [{"reads": 2}, {"error": "connection refused"}])
def test_recent__hardly_a_good_read__knows_nothing(cart, told):
    measured(cart, requests=5000, **told)
    assert recent("cart", [ERRORS], database_now()) == {}


def test_recent__long_ago__knows_nothing(cart):
    measured(cart, requests=5000)
    assert recent("cart", [ERRORS], database_now() + timedelta(hours=1)) == {}


def test_recent__good_share__is_told_in_bad_events(cart):
    measured(cart, requests=1000, bad=0.97)
    found = recent("cart", [ERRORS | {"direction": "decrease"}], database_now())["errors"]
    assert found.base == pytest.approx(0.03)
    assert found.requests_per_s == pytest.approx(200, rel=0.01)


def test_dry_run__more_samples_than_come__warns(cart):
    measured(cart, requests=5000)
    plan = {"stages": [{"share": 1.0, "min_s": 5, "max_s": 60, "min_samples": 10**6}]}
    assert any("1000000 samples take 1000 s" in reason for reason in dry(plan=plan)["reasons"])


def test_dry_run__no_bad_event_and_no_absolute_margin__says_that_it_cannot_pass(cart):
    cart.guardrails.update(spec=ERRORS | {"margin_abs": 0.0})
    measured(cart, requests=5000, bad=0.0)
    assert any("no bad event lately" in reason for reason in dry()["reasons"])


def test_submit__quiet_service__keeps_the_warning_with_the_change(cart):
    measured(cart, requests=5)
    change = intake.submit(submission("cart"), "ann")
    assert any("unlikely to pass" in reason for reason in change.reasons)
    stages = planned.of_change(Change.objects.get())
    assert stages[0]["expected"]["pass_in_s"] > 1800


def test_of_change__started__is_left_to_its_rollout(cart):
    change = intake.submit(submission("cart"), "ann")
    intake.advance_changes()
    change.refresh_from_db()
    assert planned.of_change(change) is None


def test_of_spec__many_reads_and_metrics__takes_one_query_a_service(cart):
    for name in ("slow", "full"):
        GuardrailFactory(service=cart, name=name, spec=ERRORS | {"name": name})
    measured(cart, requests=5000)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        dry()
    assert sum("attribution_sample" in query["sql"] for query in caught) == 1
