"""A policy's checks: a change starts when each has passed, by the word of whoever may say so."""

from datetime import timedelta

import pytest

from attribution.clock import database_now
from controlplane import intake, quality_gates
from controlplane.decision import decision_of
from controlplane.models import Change, Policy, QualityCheck
from rollout.services import NotAllowedError
from tests.factories import ServiceFactory, submission

pytestmark = pytest.mark.django_db
STAGES = [{"share": 1, "min_s": 0}]
SCANNED = {"name": "scan", "by": ["scanner"]}


@pytest.fixture
def submitted(db):
    """A change of ann's that nobody has to approve, under a policy with these checks."""

    def make(*checks, control_level="L3", **more):
        Policy.objects.all().delete()
        then = {"control_level": control_level, "approvals": 0, "stages": STAGES}
        Policy.objects.create(name="p", spec={"when": {}, "then": {**then, "checks": list(checks)}})
        return intake.submit(submission(ServiceFactory().name, **more), "ann")

    return make


def report(change, name="ci", *, passed=True, actor="bot", **more):
    result = {"name": name, "passed": passed, "url": "", "detail": "", **more}
    return quality_gates.record(change.pk, actor, result)


def state(change):
    intake.advance_changes()
    change.refresh_from_db()
    return change.state


def test_change__no_result__does_not_start_and_says_what_it_waits_for(submitted):
    change = submitted("ci", SCANNED)
    assert state(change) == "approved"
    assert change.reasons[0] == "waits for checks: ci (missing), scan (missing)"
    assert decision_of(change)["decision"] == "scheduled"


def test_change__all_passed__starts(submitted):
    change = submitted("ci", SCANNED)
    report(change)
    assert state(change) == "approved"
    report(change, "scan", actor="scanner")
    assert state(change) == "executing"


def test_change__failed_after_it_had_passed__does_not_start(submitted):
    change = submitted("ci")
    report(change)
    report(change, passed=False, detail="3 tests failed")
    assert state(change) == "approved"
    assert change.reasons[0] == "waits for checks: ci (failed)"


def test_change__failed_and_run_again__starts(submitted):
    change = submitted("ci")
    report(change, passed=False)
    report(change)
    assert state(change) == "executing"


def test_change__handed_out_to_its_pipeline__is_not_allowed_before(submitted):
    change = submitted("ci", control_level="L1")
    assert state(change) == "approved"
    assert decision_of(change)["decision"] == "scheduled"
    report(change)
    assert state(change) == "external"
    assert decision_of(change)["decision"] == "allowed"


def test_change__emergency__does_not_wait(submitted):
    change = submitted("ci", **{"class": "emergency"})
    assert state(change) == "executing"


def test_change__nobody_reports_for_a_week__is_canceled(submitted):
    change = submitted("ci")
    long_ago = database_now() - quality_gates.PATIENCE - timedelta(hours=1)
    Change.objects.filter(pk=change.pk).update(created_at=long_ago)
    assert state(change) == "canceled"


@pytest.mark.parametrize(("check", "actor"), [("ci", "ann"), ("ci", "Ann"), (SCANNED, "bot")])
def test_record__who_may_not_report__is_refused_and_counts_for_nothing(submitted, check, actor):
    change = submitted(check)
    name = check if isinstance(check, str) else check["name"]
    with pytest.raises(NotAllowedError):
        report(change, name, actor=actor)
    assert not QualityCheck.objects.exists()
    assert state(change) == "approved"


def test_record__author_named_by_the_policy__counts(submitted):
    change = submitted({"name": "ci", "by": ["ann"]})
    report(change, actor="ann")
    assert state(change) == "executing"


def test_record__after_the_start__is_refused(submitted):
    change = submitted("ci")
    report(change)
    state(change)
    with pytest.raises(NotAllowedError, match="no check is waited for"):
        report(change, passed=False)


def test_dry_run__with_checks__is_not_told_allowed(submitted):
    submitted("ci")
    answer = intake.submit(submission(ServiceFactory().name), "ann", dry_run=True)
    assert answer["decision"] == "scheduled"


def test_checks__over_rest__are_told_and_shown(calling, submitted):
    change = submitted("ci")
    caller = calling("submitter")
    body = {"name": "ci", "passed": True, "url": "https://ci.example/1", "detail": "412 tests"}
    answer = caller.post(f"changes/{change.pk}/checks", body)
    assert answer.status_code == 201
    (told,) = caller.get(f"changes/{change.pk}").json()["checks"]
    assert (told["name"], told["state"], told["detail"]) == ("ci", "passed", "412 tests")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "other", "passed": True},
        {"name": "ci"},
        {"name": "ci", "passed": "perhaps"},
        {"name": "ci", "passed": True, "url": "javascript:alert(1)"},
        {"name": "ci", "passed": True, "more": 1},
    ],
)
def test_checks__nonsense__is_refused(calling, submitted, body):
    change = submitted("ci")
    assert calling("submitter").post(f"changes/{change.pk}/checks", body).status_code == 422
    assert not QualityCheck.objects.exists()
