import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import DatabaseError

from attribution.models import Exposure
from rollout import gates, ledger, services
from rollout.decide import decide
from rollout.executors.base import ExecutorError
from rollout.executors.dryrun import DryRunExecutor
from rollout.machine import HoldKind, IllegalTransitionError, Phase
from rollout.models import Decision, DryRunTarget, OutboxMessage, Rollout
from rollout.snapshot import Evidence, Snapshot
from rollout.spec import RolloutSpec, TargetSpec
from tests.integration.rollout.conftest import FAIL, PASS, UNITS

pytestmark = pytest.mark.django_db


def told(rollout):
    return list(
        OutboxMessage.objects.filter(change_id=rollout.change_id).values_list("type", flat=True)
    )


def world_share(rollout):
    return DryRunTarget.objects.get(rollout_id=rollout.pk).share


def test_loop__evidence_stays_good__carries_the_change_to_everybody(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    assert world_share(rollout) == 0.25
    stagehand.tick(seconds=11)
    assert world_share(rollout) == 1.0
    stagehand.tick(seconds=11)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.WATCHING
    stagehand.tick(seconds=61)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.COMPLETED
    assert [s.state for s in rollout.stages.all()] == ["passed", "passed"]
    assert told(rollout) == ["rollout.started", "rollout.completed"]
    exposed = Exposure.objects.filter(change_id=rollout.change_id)
    assert [e.share for e in exposed] == [0.25, 1.0]
    assert {e.risk for e in exposed} == {rollout.spec["level"]}


def test_loop__own_guardrail_fails__halts_then_takes_it_back_to_observed_zero(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.evidence = FAIL
    stagehand.tick(seconds=3)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.RUNNING
    assert world_share(rollout) == 0.25
    stagehand.tick(seconds=3)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.ROLLED_BACK
    assert world_share(rollout) == 0.0
    assert told(rollout)[1:] == [
        "rollout.halted",
        "rollout.rolling_back",
        "rollout.rolled_back",
    ]


def test_loop__metric_recovers_after_rollback__says_so_once(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.evidence = FAIL
    stagehand.tick(seconds=3, times=3)
    stagehand.evidence = Evidence(recovered=True, recovery_reason="errors: 0.2% again")
    stagehand.tick(seconds=3, times=3)
    rollout.refresh_from_db()
    assert rollout.recovered_at is not None
    assert told(rollout).count("rollout.recovered") == 1


def test_pause__evidence_good__holds_until_a_person_resumes(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    services.pause(rollout.pk, "sre", "lunch")
    stagehand.tick(seconds=3600)
    assert world_share(rollout) == 0.25
    services.resume(rollout.pk, "sre", "back")
    stagehand.tick(seconds=1)
    assert world_share(rollout) == 0.25
    stagehand.tick(seconds=11)
    assert world_share(rollout) == 1.0


def test_resume__while_halted__does_not_lift_the_halt(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    services.pause(rollout.pk, "sre", "lunch")
    stagehand.evidence = replace(FAIL, log_e_max=4.0)
    stagehand.tick(seconds=1)
    services.resume(rollout.pk, "sre", "back")
    assert [h.kind for h in rollout.holds.filter(released_at=None)] == [HoldKind.HALTED]


def test_abort__mid_stage__reaches_zero_whatever_the_evidence(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    services.abort(rollout.pk, "sre", "wrong build")
    stagehand.tick()
    rollout.refresh_from_db()
    assert (rollout.phase, world_share(rollout)) == (Phase.ROLLED_BACK, 0.0)


def test_promote__halted_stage__is_waived_not_passed_and_goes_on(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.evidence = replace(FAIL, log_e_max=4.0)
    stagehand.tick(seconds=3)
    services.promote(rollout.pk, "sre", "known noise", stage=0)
    stagehand.evidence = PASS
    stagehand.tick()
    assert rollout.stages.first().state == "waived"
    assert world_share(rollout) == 1.0


def test_promote__names_another_stage__is_refused(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    with pytest.raises(services.StageMismatchError, match="current stage is 0"):
        services.promote(rollout.pk, "sre", "", stage=1)


def test_action__rollout_moved_on_since_it_was_read__is_refused(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    with pytest.raises(services.VersionMismatchError):
        services.pause(rollout.pk, "sre", "late", version=rollout.version)


def test_retry__failed_stage__is_judged_again_in_a_new_epoch(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    before = rollout.stages.first().epoch
    stagehand.evidence = replace(FAIL, log_e_max=4.0)
    stagehand.tick(seconds=1)
    services.retry(rollout.pk, "sre", "fixed the probe")
    stagehand.evidence = PASS
    stagehand.tick()
    stage = rollout.stages.first()
    assert (stage.state, stage.epoch > before) == ("baking", True)


def test_kill_switch__in_force__stops_growth_but_not_reversal(make_rollout, stagehand):
    rollout = make_rollout()
    other = make_rollout("other")
    stagehand.tick()
    gates.set_freeze(gates.KILL_SWITCH, {}, "incident 7", "sre")
    services.abort(other.pk, "sre", "")
    stagehand.tick(seconds=30)
    assert world_share(rollout) == 0.25
    assert world_share(other) == 0.0
    gates.lift_freeze(gates.KILL_SWITCH)
    stagehand.tick(seconds=1, times=2)
    assert world_share(rollout) == 1.0


def test_freeze__of_another_team__does_not_hold(make_rollout, stagehand):
    gates.set_freeze("payday", {"team": "billing"}, "payday", "sre")
    rollout = make_rollout()
    stagehand.tick()
    assert world_share(rollout) == 0.25


def test_create__newer_version_of_the_artefact__ends_the_older_first(make_rollout, stagehand):
    older = make_rollout()
    stagehand.tick()
    newer = make_rollout(version="v3")
    older.refresh_from_db()
    assert older.phase == Phase.ROLLING_BACK
    stagehand.tick(seconds=2, times=2)
    older.refresh_from_db()
    assert (older.phase, world_share(older), world_share(newer)) == (Phase.ROLLED_BACK, 0.0, 0.25)


def test_concurrent_changes__on_neighbours__get_disjoint_units(make_rollout, stagehand):
    rollouts = [make_rollout(name) for name in ("edge", "cart", "stock")]
    stagehand.tick()
    units = [set(DryRunTarget.objects.get(rollout_id=r.pk).units) for r in rollouts]
    assert [len(u) for u in units] == [25, 25, 25]
    assert len(set.union(*units)) == 75


def test_several_fail_together__common_cause__holds_all_and_rolls_none_back(
    make_rollout, stagehand
):
    rollouts = [make_rollout(name) for name in ("edge", "cart", "stock")]
    stagehand.tick()
    stagehand.evidence = FAIL
    stagehand.tick(seconds=1)
    stagehand.tick(seconds=4)
    phases = Rollout.objects.filter(pk__in=[r.pk for r in rollouts]).values_list("phase", flat=True)
    assert set(phases) == {Phase.RUNNING}


def test_undo__completed_change__is_a_new_linked_rollout_of_the_old_version(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick(seconds=61, times=6)
    back = services.undo(rollout.pk, "sre", "customers complain")
    spec = RolloutSpec.from_json(back.spec)
    assert (back.undoes, spec.version, spec.previous_version) == (rollout, "v1", "v2")


def test_undo__old_version_unknown__says_what_was_missing(make_rollout, stagehand):
    rollout = make_rollout(previous_version="")
    stagehand.tick(seconds=61, times=6)
    with pytest.raises(services.NotAllowedError, match="before"):
        services.undo(rollout.pk, "sre", "")


def test_accept__failed_rollback__needs_two_people(make_rollout, stagehand):
    rollout = make_rollout(reversible=False)
    stagehand.tick()
    services.abort(rollout.pk, "sre", "")
    stagehand.tick()
    rollout.refresh_from_db()
    # Exposure is at zero, but what was done cannot be undone: that is no rollback.
    assert (rollout.phase, world_share(rollout)) == (Phase.ROLLBACK_FAILED, 0.0)
    services.accept(rollout.pk, "sre", "fixed forward")
    services.accept(rollout.pk, "sre", "really")
    rollout.refresh_from_db()
    assert rollout.phase == Phase.ROLLBACK_FAILED
    services.accept(rollout.pk, "owner", "agreed")
    rollout.refresh_from_db()
    assert rollout.phase == Phase.WRITTEN_OFF


class Broken(DryRunExecutor):
    """One target that answers nothing any more."""

    def __init__(self, target):
        self.target = target
        self.down = True

    def apply(self, config, desired, key):
        self._check(key)
        super().apply(config, desired, key)

    def observe(self, config, key):
        self._check(key)
        return super().observe(config, key)

    def _check(self, key):
        if self.down and key.target == self.target:
            raise ExecutorError(f"{key.target}: ConnectTimeout")


def two_targets():
    return tuple(TargetSpec(s, "dryrun", {"target": s}, UNITS) for s in ("edge", "cart"))


def test_rollback__one_placement_cannot_be_reached__others_go_to_zero_and_it_pages(
    make_rollout, stagehand
):
    make_rollout("cart")
    rollout = make_rollout("edge", targets=two_targets(), artefact="both", guardrails={})
    broken = Broken("cart")
    broken.down = False
    stagehand.executor = lambda _name: broken
    stagehand.tick()
    broken.down = True
    services.abort(rollout.pk, "sre", "bad")
    stagehand.tick()
    shares = dict(DryRunTarget.objects.filter(rollout_id=rollout.pk).values_list("target", "share"))
    assert shares == {"edge": 0.0, "cart": 0.25}
    stagehand.tick(seconds=301, times=2)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.ROLLBACK_FAILED
    assert "rollout.rollback_failed" in told(rollout)
    broken.down = False
    stagehand.tick(seconds=120, times=3)
    rollout.refresh_from_db()
    assert rollout.phase == Phase.ROLLED_BACK


def test_target_set_up_by_hand__above_desired__is_set_down(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    DryRunTarget.objects.filter(rollout_id=rollout.pk).update(share=0.9)
    stagehand.tick(seconds=2)
    assert world_share(rollout) == 0.25


def test_target_cut_by_hand__below_desired__holds_and_never_grows_by_itself(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick()
    DryRunTarget.objects.filter(rollout_id=rollout.pk).update(share=0.0, units=[])
    stagehand.tick(seconds=30, times=3)
    assert world_share(rollout) == 0.0
    assert rollout.holds.get(released_at=None).kind == HoldKind.DRIFT


class KilledError(BaseException):
    """Like SIGKILL: no `except Exception` sees it."""


@pytest.mark.parametrize("point", ["after_claim", "after_observe", "after_intend", "after_apply"])
def test_worker_killed__between_any_two_steps__the_next_one_ends_the_same_way(
    make_rollout, stagehand, point
):
    rollout = make_rollout()
    passes = {"left": 2}

    def reach(name):
        if name == point:
            passes["left"] -= 1
            if passes["left"] == 0:
                raise KilledError

    stagehand.reach = reach
    with pytest.raises(KilledError):
        stagehand.tick(seconds=5, times=5)
    stagehand.tick(seconds=30, times=8)
    rollout.refresh_from_db()
    assert (rollout.phase, world_share(rollout)) == (Phase.COMPLETED, 1.0)
    assert ledger.verify(rollout) == []


def test_ledger__every_automatic_decision__can_be_computed_again(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.evidence = FAIL
    stagehand.tick(seconds=3, times=3)
    entries = [e for e in rollout.decisions.all() if "snapshot" in e.inputs]
    assert [e.decision for e in entries][-3:] == ["halt", "rollback", "rolled_back"]
    for entry in entries:
        again = decide(
            Snapshot.from_json(entry.inputs["snapshot"]),
            Evidence.from_json(entry.inputs["evidence"]),
            entry.inputs["now"],
        )
        assert (again.do, list(again.reasons)) == (entry.decision, entry.reasons)


def test_ledger__row_altered__is_refused_by_the_database(make_rollout):
    entry = make_rollout().decisions.first()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Decision.objects.filter(pk=entry.pk).update(actor="nobody")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.delete()


def test_phase__illegal_step_by_hand__is_refused_by_the_database(make_rollout):
    rollout = make_rollout()
    with pytest.raises(DatabaseError, match="may not go"), transaction.atomic():
        Rollout.objects.filter(pk=rollout.pk).update(phase=Phase.COMPLETED)


def test_action__on_an_ended_rollout__is_illegal(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    services.abort(rollout.pk, "sre", "")
    stagehand.tick()
    for action in (services.pause, services.resume, services.abort):
        with pytest.raises(IllegalTransitionError):
            action(rollout.pk, "sre", "again")
    with pytest.raises(Rollout.DoesNotExist):
        services.abort(uuid.uuid4(), "sre", "")


def test_loop__target_slow_to_answer__the_call_still_gets_a_whole_lease(make_rollout, stagehand):
    rollout = make_rollout()

    class Slow(DryRunExecutor):
        def observe(self, config, key):
            stagehand.offset += timedelta(seconds=16)
            return super().observe(config, key)

    stagehand.executor = lambda _name: Slow()
    stagehand.tick()
    placement = rollout.placements.get()
    assert (placement.last_error, placement.observed > 0) == ("", True)
