"""A person's order to tell two suspects apart: what it does to exposure, and how it ends."""

import uuid
from datetime import timedelta

import pytest

from attribution.models import Finding
from rollout import recompute, services, telling_apart_orders
from rollout.evidence import judged
from rollout.machine import HoldKind, Phase
from rollout.models import Rollout
from rollout.services import NotAllowedError
from rollout.spec import StageSpec
from rollout.suspicion import line_of_finding
from rollout.telling_apart_orders import Order, attempt, start
from tests.integration.rollout.test_evidence import ERRORS, read
from tests.integration.rollout.test_loop import told, world_share
from tests.integration.rollout.test_two_speed import Attributed, decided, fresh, holds

pytestmark = pytest.mark.django_db
STAGES = (
    StageSpec(0.05, min_s=10, max_s=100),
    StageSpec(0.25, min_s=10, max_s=100),
    StageSpec(1.0, min_s=20, max_s=100),
)


@pytest.fixture
def loop(stagehand, clock_stands, monkeypatch):
    monkeypatch.setattr(telling_apart_orders, "database_now", stagehand.now)
    return Attributed(stagehand)


@pytest.fixture
def tied(make_rollout, loop):
    """Two changes at a quarter, in their second stage, and suspected alike."""
    given = {"stages": STAGES, "undo_s": 9000.0}
    a, b = make_rollout("edge", **given), make_rollout("stock", **given)
    loop.tick()
    loop.tick(seconds=11)
    assert world_share(a) == world_share(b) == 0.25
    loop.breaks()
    loop.finds(a=(a, 0.45), b=(b, 0.42), none=0.13)
    loop.tick(seconds=1, times=2)
    return a, b


def newest(anomaly):
    return Finding.objects.filter(anomaly=anomaly).latest("at")


def proposed(loop):
    return attempt(loop.anomaly, line_of_finding(newest(loop.anomaly)))


def ids(told):
    return [uuid.UUID(told.hold), uuid.UUID(told.step_down)]


def ordered(loop, **given):
    pair = ids(proposed(loop).proposal)
    return start(loop.anomaly.pk, Order(*pair, "olga", **given))


def test_order__as_proposed__lowers_one_and_holds_both(tied, loop):
    a, b = tied
    assert proposed(loop).proposal.step_down == str(a.change_id)
    going_on = ordered(loop, reason="nobody knows")
    loop.tick(seconds=1, times=2)
    assert (world_share(a), world_share(b)) == (0.05, 0.25)
    both = [HoldKind.SUSPECTED, HoldKind.TELLING_APART]
    assert (holds(a), holds(b)) == (both, both)
    assert going_on.until - going_on.since == timedelta(minutes=5)
    assert proposed(loop).under_way == going_on
    entries = [a.decisions.get(decision="step_down"), b.decisions.get(decision="tell_apart")]
    assert {e.actor for e in entries} == {"olga"}
    assert all(e.inputs["proposal"]["to_share"] == 0.05 for e in entries)
    assert entries[0].reasons[-1] == "nobody knows"
    assert "rollout.telling_apart" in told(a)
    assert recompute.problems(a) == recompute.problems(b) == []


def test_order__is_over_and_nothing_else_holds__returns_by_the_stages(tied, loop):
    a, b = tied
    ordered(loop)
    loop.mended()
    loop.tick(seconds=60, times=4)
    assert (world_share(a), world_share(b)) == (0.05, 0.25)
    loop.tick(seconds=61)
    assert decided(a)[-3:] == ["release", "open", "bake"]
    assert world_share(a) == 0.25
    assert proposed(loop).under_way is None


def test_order__is_over_but_suspicion_is_not__exposure_stays_down(tied, loop):
    a, b = tied
    ordered(loop)
    loop.tick(seconds=301, times=3)
    assert (world_share(a), world_share(b)) == (0.05, 0.25)
    assert holds(a) == holds(b) == [HoldKind.SUSPECTED]


def test_order__a_pause_outlasts_it__exposure_stays_down(tied, loop):
    a, _b = tied
    services.pause(a.pk, "olga", "lunch")
    ordered(loop)
    loop.mended()
    loop.tick(seconds=301, times=3)
    assert (world_share(a), holds(a)) == (0.05, [HoldKind.PAUSED])


def test_order__ended_by_resume__goes_on_at_once(tied, loop):
    a, b = tied
    ordered(loop)
    loop.mended()
    loop.tick(seconds=1)
    services.resume(a.pk, "olga", "seen enough")
    loop.tick(seconds=1, times=2)
    assert world_share(a) == 0.25
    assert HoldKind.TELLING_APART in holds(b)


def test_order__in_the_first_stage__goes_to_zero_and_is_not_judged_by_its_silence(
    make_rollout, loop
):
    given = {"stages": STAGES, "undo_s": 9000.0}
    a, b = make_rollout("edge", **given), make_rollout("stock", **given)
    loop.tick()
    loop.breaks()
    loop.finds(a=(a, 0.45), b=(b, 0.42), none=0.13)
    loop.tick(seconds=1)
    ordered(loop)
    loop.tick(seconds=1, times=2)
    assert world_share(a) == 0.0
    assert judged(fresh(a), loop.stagehand.now()).evidence.reason == "not_exposed"
    loop.mended()
    loop.tick(seconds=301)
    assert world_share(a) == 0.05


def test_order__from_full_exposure__what_is_left_is_judged_as_a_canary(make_rollout, loop):
    stages = (StageSpec(0.25, min_s=5, max_s=900), StageSpec(1.0, min_s=60, max_s=900))
    guarded = {"guardrails": {"edge": [ERRORS]}, "stages": stages}
    a, b = make_rollout("edge", **guarded), make_rollout("stock", stages=stages)
    loop.tick()
    since = loop.stagehand.now()
    for second in range(1, 31):
        read(since + timedelta(seconds=second), [0, 20], [0, 60])
    loop.tick(seconds=31)
    full = loop.stagehand.now()
    assert world_share(a) == 1.0
    for second in range(1, 31):
        read(full + timedelta(seconds=second), [1, 80], None)
    loop.tick(seconds=31)
    loop.breaks()
    loop.finds(a=(a, 0.45), b=(b, 0.42), none=0.13)
    loop.tick(seconds=1, times=2)
    ordered(loop)
    loop.tick(seconds=1, times=2)
    down = loop.stagehand.now()
    for second in range(1, 61):
        read(down + timedelta(seconds=second), [0, 20], [0, 60])
    now = down + timedelta(seconds=60)
    evidence = judged(fresh(a), now).evidence
    assert (world_share(a), evidence.verdict != "fail", evidence.source_lost) == (0.25, True, "")
    for second in range(61, 121):
        read(down + timedelta(seconds=second), [6, 20], [0, 60])
    assert judged(fresh(a), down + timedelta(seconds=120)).evidence.verdict == "fail"


def test_order__the_same_again__is_the_one_under_way_and_nothing_more(tied, loop):
    a, b = tied
    first = ordered(loop)
    before = len(decided(a)), len(decided(b)), a.placements.get().generation
    again = start(loop.anomaly.pk, Order(*ids(first), "vera", "again"))
    assert again == first
    assert (len(decided(a)), len(decided(b)), a.placements.get().generation) == before


@pytest.mark.parametrize("what", ["other way round", "over", "no longer tied", "taken back"])
def test_order__no_longer_what_is_proposed__is_refused_and_nothing_happens(tied, loop, what):
    a, b = tied
    proposal = proposed(loop).proposal
    pair = ids(proposal)
    if what == "other way round":
        pair.reverse()
    elif what == "over":
        loop.mended()
        loop.anomaly.refresh_from_db()
    elif what == "no longer tied":
        loop.stagehand.offset += timedelta(seconds=1)
        loop.finds(a=(a, 0.7), b=(b, 0.2), none=0.1)
    else:
        services.abort(b.pk, "olga", "mine")
    with pytest.raises(NotAllowedError):
        start(loop.anomaly.pk, Order(*pair, "olga"))
    assert HoldKind.TELLING_APART not in holds(a) + holds(b)
    loop.tick(seconds=1)
    assert world_share(a) == 0.25


def test_order__another_while_one_goes_on__is_refused(tied, loop):
    going_on = ordered(loop)
    with pytest.raises(NotAllowedError, match="already"):
        start(loop.anomaly.pk, Order(*ids(going_on)[::-1], "olga"))


def test_proposal__exposure_on_its_way__is_none(tied, loop):
    a, b = tied
    for each in (a, b):
        each.placements.update(generation=99)
    assert "do not show the desired exposure" in proposed(loop).why_not


def test_loop__the_one_stepped_down_leads_meanwhile__is_taken_back(tied, loop):
    a, _b = tied
    ordered(loop)
    loop.tick(seconds=5)
    loop.finds(a=(a, 0.95), none=0.05)
    loop.tick(seconds=3, times=3)
    assert fresh(a).phase == Phase.ROLLED_BACK


def test_loop__while_two_are_told_apart__exposure_never_grows(tied, loop):
    """Whatever attribution says meanwhile, short of the end of the time."""
    a, b = tied
    ordered(loop)
    most = {a.pk: 0.05, b.pk: 0.25}
    for p in (0.5, 0.05, 0.3, 0.02):
        loop.finds(a=(a, p), b=(b, 0.05), none=0.95 - p)
        loop.tick(seconds=30, times=2)
        for each in Rollout.objects.filter(pk__in=most):
            assert world_share(each) <= most[each.pk]
