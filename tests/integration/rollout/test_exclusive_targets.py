"""A load balancer has one share and knows no rollouts: one rollout at a time, and no mistaking."""

import threading

import pytest
from django.db import connection, connections

from attribution import exposures
from attribution.models import Exposure
from rollout import audit as auditor
from rollout import gates, services
from rollout.evidence import Gathered
from rollout.machine import Phase
from rollout.models import Rollout
from rollout.reconcile import World, reconcile_due
from rollout.snapshot import Evidence
from rollout.spec import TargetSpec
from tests.integration.rollout.balancers import balancer, operator
from tests.integration.rollout.test_holds import fresh
from tests.parts import wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock_stands")]


@pytest.fixture(scope="module")
def shared():
    with balancer() as first, balancer() as second:
        yield first, second


@pytest.fixture
def two(shared, settings):
    for lb in shared:
        lb.ask("set weight stock/s0 100", "set weight stock/s1 100", "set weight stock/c0 0")
    settings.OPERATOR = operator({"lb1": shared[0].target(), "lb2": shared[1].target()})
    return shared


@pytest.fixture
def make(make_rollout):
    """make("stock", "lb1") → a rollout that a person advances, with lb1 as its target."""

    def made(service, *targets, **given):
        specs = tuple(TargetSpec(service, "haproxy", {"target": name}) for name in targets)
        return make_rollout(service, targets=specs, **({"control_level": "L2"} | given))

    return made


def phases(*rollouts):
    return [fresh(rollout).phase for rollout in rollouts]


def test_start__target_shows_what_is_not_its_own__waits_and_says_what_to_do(make, stagehand, two):
    first, _ = two
    first.ask("set weight stock/c0 256", "set weight stock/s0 0", "set weight stock/s1 0")
    rollout = make("stock", "lb1")
    stagehand.tick(seconds=1, times=3)
    assert phases(rollout) == [Phase.PENDING]
    assert gates.conflict(rollout) == (
        "lb1 already shows 100%: make that version the stable one, then set the weights back"
    )
    assert first.weights()["c0"] == 256
    assert not Exposure.objects.exists()
    first.ask("set weight stock/s0 100", "set weight stock/s1 100", "set weight stock/c0 0")
    stagehand.tick(seconds=1, times=2)
    assert (phases(rollout), first.canary_share()) == ([Phase.RUNNING], 0.25)


def test_start__target_cannot_be_read__waits_for_an_answer(make, stagehand, two, settings):
    first, _ = two
    gone = first.target(address=str(first.folder / "none.sock"))
    settings.OPERATOR = operator({"lb1": first.target(), "lb2": gone})
    rollout = make("stock", "lb1", "lb2")
    assert "lb1 could not be read yet" in gates.conflict(rollout)
    stagehand.tick(seconds=1, times=3)
    assert phases(rollout) == [Phase.PENDING]
    assert gates.conflict(rollout).startswith("lb2 could not be read: lb2: ")
    assert first.canary_share() == 0.0


def test_start__another_rollout_has_the_target__waits_until_it_has_ended(make, stagehand, two):
    first, _ = two
    older = make("stock", "lb1")
    stagehand.tick(seconds=1, times=2)
    later = make("cart", "lb1")
    stagehand.tick(seconds=1, times=2)
    assert phases(older, later) == [Phase.RUNNING, Phase.PENDING]
    assert gates.conflict(later) == f"waiting for rollout {older.pk}, which has lb1, to end"
    services.abort(older.pk, "sre", "bad")
    stagehand.tick(seconds=1)
    assert phases(older, later) == [Phase.ROLLING_BACK, Phase.PENDING]
    stagehand.tick(seconds=8, times=2)
    assert phases(older, later) == [Phase.ROLLED_BACK, Phase.RUNNING]
    assert first.canary_share() == 0.25


def test_resume__of_one_that_waits_for_the_target__tells_the_target_nothing(make, stagehand, two):
    first, _ = two
    older = make("stock", "lb1")
    stagehand.tick(seconds=1, times=2)
    waiting = make("cart", "lb1")
    services.pause(waiting.pk, "sre", "not yet")
    stagehand.tick(seconds=1)
    services.resume(waiting.pk, "sre", "now")
    stagehand.tick(seconds=1, times=3)
    assert phases(older, waiting) == [Phase.RUNNING, Phase.PENDING]
    assert first.canary_share() == 0.25
    assert waiting.placements.get().generation == 0


def test_start__several_wait_for_the_target__have_it_one_after_the_other(make, stagehand, two):
    first, _ = two
    rollouts = [make(name, "lb1") for name in ("stock", "cart", "edge")]
    for turn, rollout in enumerate(rollouts):
        stagehand.tick(seconds=2, times=2)
        assert phases(*rollouts[turn:]) == [Phase.RUNNING, *[Phase.PENDING] * (2 - turn)]
        assert first.canary_share() == 0.25
        assert [share for _, share, _ in exposures.current(rollout.spec["targets"][0]["service"])]
        services.abort(rollout.pk, "sre", "the next one, please")
        stagehand.tick(seconds=8, times=2)
    assert phases(*rollouts) == [Phase.ROLLED_BACK] * 3


def test_start__earlier_version_was_completed__waits_for_the_operator(make, stagehand, two):
    first, _ = two
    make("stock", "lb1", control_level="L4")
    stagehand.tick(seconds=61, times=6)
    assert first.canary_share() == 1.0
    later = make("stock", "lb1", version="v3")
    stagehand.tick(seconds=1, times=2)
    assert "lb1 already shows 100%" in gates.conflict(later)


def test_rolled_back__later_rollout_has_the_target__is_not_taken_for_its_own(
    make, stagehand, two, monkeypatch
):
    monkeypatch.setattr(auditor, "database_now", stagehand.now)
    first, _ = two
    older = make("stock", "lb1")
    stagehand.tick(seconds=1, times=2)
    services.abort(older.pk, "sre", "bad")
    stagehand.tick(seconds=8, times=2)
    later = make("cart", "lb1")
    stagehand.tick(seconds=2, times=5)
    assert phases(older, later) == [Phase.ROLLED_BACK, Phase.RUNNING]
    assert first.canary_share() == 0.25
    live = {service: exposures.current(service) for service in ("stock", "cart")}
    assert live["stock"] == []
    assert [change for change, _, _ in live["cart"]] == [fresh(later).change_id]
    # Long after, the auditor does not look for it either; but recovery is still found out.
    stagehand.evidence = Evidence(recovered=True, recovery_reason="errors: 0.2%")
    stagehand.tick(seconds=2)
    assert fresh(older).recovered_at is not None
    stagehand.tick(seconds=61, times=70)
    assert auditor.audit() == []
    assert older.placements.get().due_at is None


def test_rolled_back__later_rollout_has_one_of_two_targets__still_watches_the_other(
    make, stagehand, two
):
    first, second = two
    older = make("stock", "lb1", "lb2")
    stagehand.tick(seconds=1, times=2)
    services.abort(older.pk, "sre", "bad")
    stagehand.tick(seconds=8, times=2)
    later = make("cart", "lb1")
    stagehand.tick(seconds=2, times=2)
    second.ask("set weight stock/c0 100")
    stagehand.tick(seconds=2, times=2)
    assert phases(older, later) == [Phase.ROLLING_BACK, Phase.RUNNING]
    assert (first.canary_share(), second.canary_share()) == (0.25, 0.0)
    stagehand.tick(seconds=8, times=2)
    assert phases(older, later) == [Phase.ROLLED_BACK, Phase.RUNNING]
    assert first.canary_share() == 0.25


def test_reappeared__before_any_later_rollout__is_set_down(make, stagehand, two):
    first, _ = two
    rollout = make("stock", "lb1")
    stagehand.tick(seconds=1, times=2)
    services.abort(rollout.pk, "sre", "bad")
    stagehand.tick(seconds=8, times=2)
    first.ask("set weight stock/c0 100")
    stagehand.tick(seconds=2, times=2)
    assert (phases(rollout), first.canary_share()) == ([Phase.ROLLING_BACK], 0.0)


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_start__two_workers_look_at_once__only_one_rollout_gets_the_target(make, two, monkeypatch):
    rollouts = [make("stock", "lb1"), make("cart", "lb1")]
    world = World(gather=lambda _r, _n: Gathered(), lease_s=60)
    read = []
    real = gates.target_conflict

    def slowly(placement):
        found = real(placement)
        read.append(found)
        wait_until(lambda: len(read) == 2 or somebody_waits(), 120, "the other worker is there")
        return found

    monkeypatch.setattr(gates, "target_conflict", slowly)

    def work():
        try:
            reconcile_due(world, limit=1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in rollouts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    started = Rollout.objects.filter(phase=Phase.RUNNING).count()
    assert started == 1
