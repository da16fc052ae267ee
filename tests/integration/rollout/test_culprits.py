"""Culprits that the loop cannot take back: told once, with what is left to do, and their end."""

import uuid
from datetime import timedelta

import pytest

from attribution import exposures
from attribution.models import Finding
from rollout import audit as auditor
from rollout.machine import Phase
from rollout.models import OutboxMessage, Rollout
from tests.integration.rollout.test_two_speed import PIECE, Attributed, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def loop(stagehand, clock_stands, monkeypatch):
    monkeypatch.setattr(auditor, "database_now", stagehand.now)
    return Attributed(stagehand)


def said(kind="culprit."):
    return list(OutboxMessage.objects.filter(type__startswith=kind).order_by("at"))


def finds(loop, probabilities, none=0.0, vetoes=()):
    facts = {"evidence": [PIECE], "vetoes": list(vetoes)}
    return Finding.objects.create(
        anomaly=loop.anomaly,
        at=loop.stagehand.now(),
        case={},
        suspects=[{"change": str(c), "probability": p, **facts} for c, p in probabilities.items()],
        none_of_them=none,
    )


@pytest.fixture
def unmanaged(make_rollout, loop):
    """A change that Graygate only saw, on a service that a rollout is on as well."""
    make_rollout("edge")
    loop.tick()
    change = uuid.uuid4()
    now = loop.stagehand.now()
    exposures.record(change, "edge", now, 1.0, [], "deploy", managed=False)
    loop.breaks()
    return change


def test_tell__unmanaged_culprit__says_which_where_how_sure_and_what_to_do(loop, unmanaged):
    finding = finds(loop, {unmanaged: 0.93}, none=0.07)
    auditor.audit()
    (message,) = said()
    told = message.payload
    assert (message.type, message.change_id) == ("culprit.found", unmanaged)
    assert told["title"] == "deploy on edge"
    assert told["reason"] == (
        "deploy on edge is held responsible for errors of edge, 93% sure: grew just before"
    )
    assert (told["service"], told["team"]) == ("edge", "shop")
    assert told["evidence"] == {"finding": str(finding.pk), "probability": 0.93}
    assert "Take it back where it was made" in told["left_to_do"][0]


def test_tell__the_same_anomaly_and_change__is_told_once(loop, unmanaged):
    for p in (0.9, 0.95, 0.5, 0.97):
        finds(loop, {unmanaged: p}, none=1 - p)
        auditor.audit()
        loop.stagehand.offset += timedelta(minutes=20)
    assert [m.type for m in said()] == ["culprit.found"]


@pytest.mark.parametrize("how", ["ended", "another is likelier"])
def test_tell__it_is_over__says_so_once(loop, unmanaged, how):
    finds(loop, {unmanaged: 0.93}, none=0.07)
    auditor.audit()
    loop.stagehand.offset += timedelta(seconds=5)
    loop.mended() if how == "ended" else finds(loop, {unmanaged: 0.05}, none=0.95)
    auditor.audit()
    auditor.audit()
    first, over = said()
    assert (first.type, over.type) == ("culprit.found", "culprit.over")
    assert over.payload["alert_key"] == first.payload["alert_key"]
    assert over.payload["left_to_do"] == []


@pytest.mark.parametrize(
    ("probability", "vetoes"), [(0.79, ()), (0.95, ("was exposed after it began",))]
)
def test_tell__not_sure_or_vetoed__says_nothing(loop, unmanaged, probability, vetoes):
    finds(loop, {unmanaged: probability}, none=1 - probability, vetoes=vetoes)
    auditor.audit()
    assert said() == []


@pytest.mark.parametrize(
    ("given", "what"),
    [({"reversible": False}, "Fix forward"), ({"own_eyes": True}, "Abort it if you agree")],
)
def test_tell__managed_but_never_taken_back__is_told_too(make_rollout, loop, given, what):
    rollout = make_rollout(**given)
    loop.tick()
    loop.breaks()
    finds(loop, {rollout.change_id: 0.95}, none=0.05)
    auditor.audit()
    (message,) = said()
    assert what in message.payload["left_to_do"][0]


def test_tell__completed_change__names_undo(make_rollout, loop):
    rollout = make_rollout()
    loop.tick()
    loop.tick(seconds=11, times=3)
    loop.tick(seconds=61)
    assert fresh(rollout).phase == Phase.COMPLETED
    loop.breaks()
    finds(loop, {rollout.change_id: 0.95}, none=0.05)
    auditor.audit()
    (message,) = said()
    assert "`undo`" in message.payload["left_to_do"][0]


def test_tell__culprit_that_the_loop_takes_back__is_no_page_of_its_own(make_rollout, loop):
    rollout = make_rollout()
    loop.tick()
    loop.breaks()
    finds(loop, {rollout.change_id: 0.95}, none=0.05)
    auditor.audit()
    loop.tick(seconds=3, times=3)
    auditor.audit()
    assert (said(), fresh(rollout).phase) == ([], Phase.ROLLED_BACK)


def test_tell__the_first_was_taken_back_in_vain__the_unmanaged_next_is_told(
    make_rollout, loop, unmanaged
):
    rollout = Rollout.objects.get()
    finds(loop, {rollout.change_id: 0.85, unmanaged: 0.15})
    loop.tick(seconds=3, times=3)
    assert fresh(rollout).phase == Phase.ROLLED_BACK
    finds(loop, {rollout.change_id: 0.3, unmanaged: 0.68}, none=0.02)
    auditor.audit()
    assert said() == []
    loop.tick(seconds=61, times=2)
    auditor.audit()
    assert [m.change_id for m in said()] == [unmanaged]


def test_tell__change_with_a_name_that_is_no_id__stops_nothing(loop, unmanaged):
    finds(loop, {"PR 7": 0.95}, none=0.05)
    auditor.audit()
    assert said() == []
