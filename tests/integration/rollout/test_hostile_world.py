"""Targets, plugins and numbers that misbehave, and two who act at once."""

import contextlib
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from attribution.clock import database_now
from attribution.models import Anomaly, Exposure, Sample, Service
from rollout import claims, effects, ledger, services
from rollout.evidence import Gathered
from rollout.executors.base import Observed
from rollout.executors.dryrun import DryRunExecutor
from rollout.machine import Phase
from rollout.models import DryRunTarget, Rollout
from rollout.reconcile import World, intend, reconcile_due
from rollout.snapshot import Evidence
from rollout.spec import TargetSpec
from tests.integration.rollout.conftest import FAIL, PASS, UNITS
from tests.integration.rollout.test_evidence import ERRORS, STAGES
from tests.integration.rollout.test_holds import fresh, holds, watching
from tests.integration.rollout.test_loop import Broken, told, two_targets, world_share
from tests.parts import wait_until

pytestmark = pytest.mark.django_db


class Odd(DryRunExecutor):
    """Answers as the target does, but for what `change` makes of it."""

    def __init__(self, change):
        self.change = change

    def observe(self, config, key):
        return self.change(super().observe(config, key), key)


@pytest.mark.parametrize("share", [float("nan"), float("inf"), -0.1, 1.5])
def test_target__answers_with_no_share__does_not_stop_the_halt(make_rollout, stagehand, share):
    make_rollout("cart")
    rollout = make_rollout("edge", targets=two_targets(), artefact="both")
    stagehand.tick()

    def broken(seen, key):
        return Observed(share, (), seen.generation) if key.target == "cart" else seen

    stagehand.executor = lambda _name: Odd(broken)
    stagehand.evidence = FAIL
    stagehand.tick(seconds=2)
    assert "rollout.halted" in told(rollout)
    assert "is no share" in rollout.placements.get(target="cart").last_error


def test_target__answers_a_share_next_to_zero__is_at_zero_and_stays_there(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.executor = lambda _name: Odd(lambda seen, _key: replace(seen, share=5e-7))
    services.abort(rollout.pk, "sre", "bad")
    stagehand.tick(seconds=2, times=5)
    assert fresh(rollout).phase == Phase.ROLLED_BACK
    assert told(rollout).count("rollout.rolled_back") == 1


def test_target__answers_its_units_in_another_order__is_the_same_exposure(make_rollout, stagehand):
    make_rollout()
    stagehand.tick()
    turned = lambda seen, _key: replace(seen, units=tuple(reversed(seen.units)))  # noqa: E731
    stagehand.executor = lambda _name: Odd(turned)
    stagehand.evidence = Evidence()
    before = Exposure.objects.count()
    stagehand.tick(seconds=2, times=4)
    assert Exposure.objects.count() == before


def test_plugin__executor_cannot_be_made__the_rollback_still_fails_in_time_and_pages(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick()

    def gone(name):
        raise LookupError(name)

    stagehand.executor = gone
    services.abort(rollout.pk, "sre", "bad")
    stagehand.tick(seconds=61, times=8)
    assert fresh(rollout).phase == Phase.ROLLBACK_FAILED
    assert "rollout.rollback_failed" in told(rollout)


def test_plugin__evidence_raises__holds_as_a_lost_source_and_says_why(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()

    def poison(_rollout, _now):
        raise ValueError("poison")

    stagehand.tick(seconds=2)
    stagehand.offset += stagehand.offset
    reconcile_due(replace(stagehand.world(), gather=poison))
    assert holds(rollout) == ["source_lost"]
    assert "poison" in rollout.holds.get(released_at=None).reason


def test_back_off__after_a_thousand_failures__still_works_on_the_others(make_rollout, stagehand):
    poisoned, other = make_rollout(), make_rollout("cart")
    poisoned.placements.update(failures=1100)
    stagehand.executor = lambda _name: Broken("edge")
    stagehand.tick()
    assert world_share(other) == 0.25


def test_guardrails__same_name_on_two_services__are_both_judged(make_rollout, stagehand):
    make_rollout("cart")
    guardrails = {"edge": [ERRORS], "cart": [ERRORS]}
    rollout = make_rollout(
        "edge", targets=two_targets(), artefact="both", guardrails=guardrails, stages=STAGES
    )
    stagehand.tick()
    for service in Service.objects.filter(name__in=guardrails):
        values = {"errors": {"canary": [0, 50], "control": [0, 50], "all": [0, 100]}}
        Sample.objects.create(service=service, at=database_now(), values=values)
    reconcile_due(World(lease_s=20))
    assert {p.last_error for p in rollout.placements.all()} == {""}
    assert holds(rollout) == []


@pytest.mark.usefixtures("clock_stands")
def test_gather__many_placements_of_one_rollout__is_done_once_a_look(make_rollout, stagehand):
    names = [f"s{i}" for i in range(6)]
    for name in names:
        services.abort(make_rollout(name).pk, "sre", "only its service is needed")
    targets = tuple(TargetSpec(n, "dryrun", {"target": n}) for n in names)
    make_rollout("s0", targets=targets, artefact="many")
    stagehand.evidence = Evidence()
    stagehand.tick(seconds=1)
    asked = []

    def gather(rollout, _now):
        asked.append(rollout.pk)
        return Gathered(Evidence())

    stagehand.tick(seconds=3)
    stagehand.offset *= 2
    reconcile_due(replace(stagehand.world(), gather=gather))
    assert len(asked) == 1


def test_ledger__numbers_that_jsonb_writes_differently__still_verify(make_rollout):
    rollout = make_rollout()
    odd = {"zero": -0.0, "large": 1e16, "small": 1e-7, "none": float("nan"), "n": [1.0, 5]}
    ledger.append(rollout, "test", [], "test", odd, database_now())
    assert ledger.verify(rollout) == []


def test_create__beside_another_of_the_same_artefact__only_one_runs(make_rollout, stagehand):
    """As when two are handed over at once and neither sees the other."""
    first = make_rollout()
    Rollout.objects.filter(pk=first.pk).update(artefact="unseen")
    second = make_rollout(version="v3")
    Rollout.objects.filter(pk=first.pk).update(artefact=second.artefact)
    stagehand.tick(seconds=1, times=3)
    assert [fresh(first).phase, fresh(second).phase].count(Phase.RUNNING) == 1


def test_units__of_a_failed_rollback__are_still_taken(make_rollout, stagehand):
    failed = make_rollout()
    broken = Broken("edge")
    broken.down = False
    stagehand.executor = lambda _name: broken
    stagehand.tick()
    broken.down = True
    services.abort(failed.pk, "sre", "bad")
    stagehand.tick(seconds=301, times=2)
    assert fresh(failed).phase == Phase.ROLLBACK_FAILED
    exposed = set(DryRunTarget.objects.get(rollout_id=failed.pk).units)
    other = make_rollout("cart")
    stagehand.tick(seconds=1)
    assert not exposed & set(DryRunTarget.objects.get(rollout_id=other.pk).units)


@pytest.mark.django_db(transaction=True)
def test_units__two_workers_draw_at_once__are_disjoint(make_rollout, monkeypatch):
    rollouts = [make_rollout("edge"), make_rollout("cart")]
    met = threading.Barrier(2)
    real = effects._taken_by_others

    def slowly(rollout):
        taken = real(rollout)
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait(timeout=1)
        return taken

    monkeypatch.setattr(effects, "_taken_by_others", slowly)

    def work():
        try:
            reconcile_due(World(gather=lambda _r, _n: Gathered(), lease_s=20))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in rollouts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    one, two = (set(r.placements.get().desired_units) for r in rollouts)
    assert len(one) == len(two) == len(UNITS) // 4
    assert not one & two


@pytest.mark.django_db(transaction=True)
def test_intend__lease_runs_out_in_the_middle_of_it__nobody_else_takes_the_placement(
    make_rollout, stagehand
):
    """Found by the simulation: two had the same token then, and both acted."""
    rollout = make_rollout()
    taken = []

    def claim():
        try:
            taken.append(claims.claim(stagehand.now() + timedelta(hours=1), 20))
        finally:
            connections.close_all()

    def now():
        if connection.in_atomic_block and not taken:
            other = threading.Thread(target=claim)
            other.start()
            other.join(30)
        return stagehand.now()

    placement = claims.claim(stagehand.now(), 20)
    world = replace(stagehand.world(), now=now)
    intend(world, placement, Observed(0.0), Gathered())
    assert (taken, rollout.placements.get().token) == ([None], 1)


def waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_back_off__another_takes_the_placement_in_the_middle_of_it__keeps_its_lease(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stalled = claims.claim(stagehand.now(), 20)

    def back_off():
        try:
            claims.back_off(stalled, "no answer", stagehand.now())
        finally:
            connections.close_all()

    late = threading.Thread(target=back_off)
    with transaction.atomic():
        current = claims.claim(stagehand.now() + timedelta(hours=1), 20)
        late.start()
        wait_until(waits_for_a_lock, 60, "the other one, at the lock")
    late.join(60)
    found = rollout.placements.get()
    assert (found.token, found.lease_until) == (current.token, current.lease_until)
    assert found.failures == 0


def test_supersede__of_what_cannot_be_taken_back__does_not_keep_its_fix_waiting(
    make_rollout, stagehand
):
    make_rollout(reversible=False)
    stagehand.tick()
    fix = make_rollout(version="v3", reversible=False)
    stagehand.tick(seconds=5, times=3)
    assert fresh(fix).phase == Phase.RUNNING


def test_supersede__of_a_watched_change_that_is_failing__takes_it_back(make_rollout, stagehand):
    rollout = watching(make_rollout, stagehand)
    stagehand.evidence = FAIL
    stagehand.tick(seconds=1)
    make_rollout(version="v3")
    assert fresh(rollout).phase == Phase.ROLLING_BACK


def test_completed__after_a_halt_was_answered__leaves_no_anomaly_open(make_rollout, stagehand):
    rollout = watching(make_rollout, stagehand)
    stagehand.evidence = replace(FAIL, log_e_max=4.0)
    stagehand.tick(seconds=1)
    assert Anomaly.objects.filter(key=str(rollout.change_id), ended_at=None).exists()
    services.retry(rollout.pk, "sre", "noise")
    stagehand.evidence = PASS
    stagehand.tick(seconds=61)
    assert fresh(rollout).phase == Phase.COMPLETED
    assert not Anomaly.objects.filter(key=str(rollout.change_id), ended_at=None).exists()


def test_undo__of_an_older_version_or_twice__is_refused(make_rollout, stagehand):
    older = make_rollout(version="v2", previous_version="v1")
    stagehand.tick(seconds=61, times=6)
    newer = make_rollout(version="v3", previous_version="v2")
    stagehand.tick(seconds=61, times=6)
    with pytest.raises(services.NotAllowedError, match="came after"):
        services.undo(older.pk, "sre", "mistake")
    services.undo(newer.pk, "sre", "mistake")
    with pytest.raises(services.NotAllowedError, match="came after"):
        services.undo(newer.pk, "sre", "double click")


def test_undo__of_an_irreversible_change__is_refused(make_rollout, stagehand):
    rollout = make_rollout(reversible=False)
    stagehand.tick(seconds=61, times=6)
    with pytest.raises(services.NotAllowedError, match="fix forward"):
        services.undo(rollout.pk, "sre", "")


def test_reappeared__after_it_had_recovered__has_to_recover_again(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    services.abort(rollout.pk, "sre", "bad")
    stagehand.tick(seconds=1)
    stagehand.evidence = Evidence(recovered=True, recovery_reason="errors: 0.2%")
    stagehand.tick(seconds=2)
    assert fresh(rollout).recovered_at
    DryRunTarget.objects.filter(rollout_id=rollout.pk).update(share=0.5)
    stagehand.evidence = Evidence()
    stagehand.tick(seconds=61, times=2)
    assert (fresh(rollout).phase, fresh(rollout).recovered_at) == (Phase.ROLLED_BACK, None)
