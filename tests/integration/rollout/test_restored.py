"""A real database that was dumped in the middle of a rollout, and restored after what came next."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from rollout import audit as auditor
from rollout import gates, restored, services, tasks, water_mark
from rollout.machine import Phase
from rollout.models import Freeze, Hold, OutboxMessage, Placement, Rollout, Stage, WaterMark
from rollout.recompute import problems
from rollout.spec import TargetSpec
from tests.integration.rollout.conftest import FAIL
from tests.integration.rollout.outside import Outside, back_up, restore

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock_stands")]
# With targets that tell of newer calls, and with such as know none.
FUTURES = (("went on", False), ("completed", True), ("aborted", False), ("failed", True))


@pytest.fixture(autouse=True)
def _own_folder_and_time(settings, tmp_path, stagehand, monkeypatch):
    settings.VAR_DIR = tmp_path / "var"
    for module in (restored, gates):
        monkeypatch.setattr(module, "database_now", stagehand.now)


@pytest.fixture
def target(stagehand):
    made = Outside()
    stagehand.executor = lambda _name: made
    return made


@pytest.fixture
def rounds(stagehand):
    """What a worker does at each ring of the bell."""

    def go(times=1, seconds=1.0):
        for _ in range(times):
            restored.notice()
            stagehand.tick(seconds=seconds)

    return go


@pytest.fixture
def rollout(make_rollout, target, rounds):
    """At its first stage: a quarter is exposed."""
    made = make_rollout(targets=(TargetSpec("edge", "dryrun", {"target": "edge"}),))
    rounds(2)
    assert target.shares == {str(made.pk): 0.25}
    return made


def live_on(future, rollout, stagehand, rounds):
    if future == "aborted":
        services.abort(rollout.pk, "sre", "wrong build")
    if future == "failed":
        stagehand.evidence = FAIL
    rounds(30 if future == "completed" else 8, seconds=11)
    stagehand.evidence = type(FAIL)(verdict="pass", reason="passed", samples=10_000, fresh=True)


def phase_of(rollout):
    return Rollout.objects.get(pk=rollout.pk).phase


def open_holds():
    return sorted(Hold.objects.filter(released_at=None).values_list("kind", flat=True))


@pytest.fixture(params=FUTURES, ids=[name for name, _ in FUTURES])
def lost(request, rollout, target, stagehand, rounds, tmp_path):
    """The database is back where it was at the first stage; the target is not."""
    future, target.fences = request.param
    back_up(tmp_path / "dump")
    live_on(future, rollout, stagehand, rounds)
    ended = 1.0 if future in ("went on", "completed") else 0.0
    assert target.shares == {str(rollout.pk): ended}
    restore(tmp_path / "dump")
    assert phase_of(rollout) == Phase.RUNNING
    return rollout


def test_restore__in_the_middle_of_a_rollout__nothing_grows_by_itself(lost, target, rounds):
    before, calls = target.shares[str(lost.pk)], len(target.calls)
    rounds(40, seconds=61)
    assert target.shares[str(lost.pk)] == min(before, 0.25)
    assert all(share <= min(before, 0.25) for _key, share in target.calls[calls:])
    assert open_holds() == ["drift", "frozen"]
    assert phase_of(lost) == Phase.RUNNING
    assert problems(lost) == []


POISON = """
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'a row that nobody can write'; END $$;
    CREATE TRIGGER poisoned BEFORE INSERT ON rollout_hold FOR EACH ROW
        WHEN (NEW.rollout_id = '%s' AND NEW.kind = 'drift') EXECUTE FUNCTION poison();
"""


@pytest.fixture
def poisoned(rollout):
    with connection.cursor() as cursor:
        cursor.execute(POISON % rollout.pk)
    yield rollout
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION poison CASCADE")


def test_declare__one_rollout_cannot_be_held__others_are_and_reversals_go_on(
    poisoned, make_rollout, target, rounds
):
    other, turned = make_rollout("other"), make_rollout("turned")
    rounds(2)
    with pytest.raises(CommandError, match=str(poisoned.pk)):
        call_command("restored", "--actor", "ann")
    services.abort(turned.pk, "ann", "wrong build")
    rounds(3, seconds=11)
    assert "drift" in {hold.kind for hold in other.holds.filter(released_at=None)}
    assert target.shares[str(turned.pk)] == 0.0
    assert target.shares[str(poisoned.pk)] == 0.25


def test_over__one_rollout_could_not_be_held__ends_only_when_it_is(poisoned, make_rollout, rounds):
    WaterMark.objects.update(number=1)
    rounds()
    after_it = make_rollout("after it")
    with pytest.raises(CommandError, match=str(poisoned.pk)):
        call_command("restored", "--over", "--actor", "ann")
    assert restored.in_force()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER poisoned ON rollout_hold")
    call_command("restored", "--over", "--actor", "ann")
    assert restored.in_force() is None
    held = Hold.objects.filter(released_at=None, kind="drift")
    assert [hold.rollout_id for hold in held] == [poisoned.pk]
    assert not after_it.holds.filter(released_at=None, kind="drift").exists()


def test_restore__a_person_looked_and_resumes__goes_on_to_its_end(lost, target, rounds):
    rounds(3)
    call_command("restored", "--over", "--actor", "ann")
    rounds(3, seconds=11)
    assert open_holds() == ["drift"]
    assert target.shares[str(lost.pk)] <= 0.25
    services.resume(lost.pk, "ann", "looked at")
    rounds(30, seconds=11)
    assert target.shares[str(lost.pk)] == 1.0
    assert phase_of(lost) == Phase.COMPLETED


def test_restore__person_takes_it_back_instead__reaches_zero_and_no_key_is_used_twice(
    lost, target, rounds
):
    rounds(3)
    services.abort(lost.pk, "ann", "not again")
    rounds(5, seconds=11)
    assert phase_of(lost) == Phase.ROLLED_BACK
    assert target.shares[str(lost.pk)] == 0.0
    keys = [key for key, _share in target.calls]
    assert len(keys) == len(set(keys))


def test_restore__while_it_was_rolling_back__reaches_zero(rollout, target, rounds, tmp_path):
    services.abort(rollout.pk, "sre", "wrong build")
    back_up(tmp_path / "dump")
    rounds(3)
    target.shares[str(rollout.pk)] = 0.25
    restore(tmp_path / "dump")
    rounds(5)
    assert target.shares[str(rollout.pk)] == 0.0
    assert phase_of(rollout) == Phase.ROLLED_BACK


def test_restore__growth_was_intended_and_not_seen__is_withdrawn_and_nothing_is_sent(
    rollout, target, stagehand, rounds, tmp_path
):
    rounds(1, seconds=11)
    Placement.objects.update(desired=1.0, generation=7)
    back_up(tmp_path / "dump")
    rounds(1)
    services.abort(rollout.pk, "sre", "wrong build")
    rounds(3)
    restore(tmp_path / "dump")
    calls = len(target.calls)
    rounds(20, seconds=11)
    assert target.calls[calls:] == []
    assert target.shares[str(rollout.pk)] == 0.0


def test_restore__change_that_waited_then__does_not_start(make_rollout, target, rounds, tmp_path):
    waiting = make_rollout(targets=(TargetSpec("edge", "dryrun", {"target": "edge"}),))
    water_mark.behind()
    back_up(tmp_path / "dump")
    rounds(3)
    services.abort(waiting.pk, "sre", "wrong build")
    rounds(3)
    restore(tmp_path / "dump")
    later = make_rollout("cart", targets=(TargetSpec("cart", "dryrun", {"target": "cart"}),))
    rounds(20, seconds=61)
    assert [phase_of(each) for each in (waiting, later)] == [Phase.PENDING] * 2
    assert set(target.shares.values()) == {0.0}


def test_restore__many_rollouts__is_one_alert_until_a_person_says_so(
    make_rollout, target, stagehand, rounds, tmp_path, monkeypatch
):
    monkeypatch.setattr(auditor, "database_now", stagehand.now)
    for name in ("edge", "cart", "stock"):
        make_rollout(name)
    rounds(2)
    back_up(tmp_path / "dump")
    rounds(3)
    restore(tmp_path / "dump")
    rounds(3)
    for _ in range(15):
        auditor.audit()
        rounds(1, seconds=5)
    paging = OutboxMessage.objects.exclude(type__in=("rollout.started", "rollout.held_together"))
    assert list(paging.values_list("type", flat=True)) == ["loop.restored"]
    assert (paging[0].payload["title"], paging[0].payload["team"]) == ("Graygate", "")
    restored.over("ann")
    auditor.audit()
    assert OutboxMessage.objects.filter(type="loop.moving").count() == 1


@pytest.mark.parametrize("held", ["restored", "cut by hand"])
def test_complete__of_what_is_held_for_drift__waits_for_a_person(rollout, target, rounds, held):
    rounds(2, seconds=11)
    assert phase_of(rollout) == Phase.WATCHING
    if held == "restored":
        restored.declare("the database is older than what was done with it")
        restored.over("ann")
    target.shares[str(rollout.pk)] = 0.0
    rounds(20, seconds=61)
    assert phase_of(rollout) == Phase.WATCHING
    assert open_holds() == ["drift"]
    services.resume(rollout.pk, "ann", "looked at")
    rounds(10, seconds=11)
    assert phase_of(rollout) == Phase.COMPLETED
    assert target.shares[str(rollout.pk)] == 1.0


def test_restore__in_the_middle_of_a_round__nothing_grows_in_the_rest_of_it(
    make_rollout, target, stagehand, rounds, tmp_path
):
    for name in ("edge", "cart", "stock"):
        make_rollout(name, targets=(TargetSpec(name, "dryrun", {"target": name}),))
    rounds(2)
    back_up(tmp_path / "dump")
    for each in Rollout.objects.all():
        services.pause(each.pk, "sre", "an incident")
    rounds(3)
    swaps = iter([lambda: restore(tmp_path / "dump")])
    stagehand.reach = lambda name: next(swaps, int)() if name == "after_claim" else None
    rounds(1, seconds=20)
    assert set(target.shares.values()) == {0.25}
    assert {stage.state for stage in Stage.objects.filter(index=0)} == {"baking"}
    rounds(10, seconds=20)
    assert set(target.shares.values()) == {0.25}
    assert Freeze.objects.get().name == "restored"


def test_declare__generations_have_leapt_so_often__holds_all_the_same(rollout, target, rounds):
    Placement.objects.update(generation=2**31 - 10, confirmed_generation=2**31 - 10)
    assert restored.declare("the database is older than what was done with it").held == 1
    rounds(3)
    assert open_holds() == ["drift", "frozen"]


# --- how it is noticed --------------------------------------------------------------------------


def test_notice__no_restore__holds_nothing_for_however_many_rounds(rollout, rounds):
    rounds(50, seconds=0.1)
    assert not Freeze.objects.exists()
    assert open_holds() == []


def test_notice__several_workers_at_once__do_not_take_each_other_for_the_past(rollout):
    assert [water_mark.behind() for _ in range(5)] == [0] * 5
    known = water_mark.copy().read_text()
    water_mark._write(known.split()[0], 1)
    assert water_mark.copy().read_text() == known


def test_notice__folder_of_another_database__says_nothing_about_this_one(rollout, rounds):
    water_mark.copy().write_text(f"{'0' * 8}-0000-4000-8000-{'0' * 12} 00000000000000999999\n")
    rounds(1)
    assert not Freeze.objects.exists()


@pytest.mark.parametrize("content", ["", "torn", "a b c", "x 1", "x 1 " * 100])
def test_notice__file_cannot_be_read__is_written_anew(rollout, rounds, content):
    water_mark.copy().write_text(content)
    assert not water_mark.is_older()
    rounds(2)
    assert not Freeze.objects.exists()
    assert len(water_mark.copy().read_text().split()) == 2


def test_notice__is_the_first_thing_that_the_bell_does(rollout):
    database, number = water_mark.copy().read_text().split()
    water_mark._write(database, int(number) + 100)
    Placement.objects.update(due_at=None)
    tasks.reconcile()
    assert Freeze.objects.get().name == "restored"
    assert "drift" in open_holds()
    tasks.reconcile()
    assert rollout.decisions.filter(decision="restored").count() == 1


def test_restored__command_without_a_file__holds_all_the_same(rollout, target, rounds, tmp_path):
    back_up(tmp_path / "dump")
    rounds(4, seconds=11)
    restore(tmp_path / "dump")
    water_mark.copy().unlink()
    call_command("restored", "--actor", "ann")
    rounds(20, seconds=61)
    assert target.shares[str(rollout.pk)] == 0.25
    assert open_holds() == ["drift", "frozen"]


def test_restored__over__who_said_so_is_logged(rollout, caplog):
    restored.declare("the database is older than what was done with it")
    call_command("restored", "--over", "--actor", "ann")
    assert not Freeze.objects.exists()
    assert "ann" in caplog.text


# --- a target that knows more -------------------------------------------------------------------


def test_target__knows_a_newer_call_than_the_database__is_held_and_told(
    rollout, target, rounds, tmp_path
):
    back_up(tmp_path / "dump")
    rounds(3, seconds=11)
    restore(tmp_path / "dump")
    water_mark.copy().unlink()
    rounds(20, seconds=61)
    assert target.shares[str(rollout.pk)] == 0.25
    assert open_holds() == ["drift"]
    assert not Freeze.objects.exists()
    assert rollout.decisions.filter(decision="behind").count() == 1
    told = OutboxMessage.objects.filter(type="rollout.hold")[0].payload
    assert "newer than any written" in told["reason"]
    assert "`resume`" in told["left_to_do"][0]


def test_target__was_zeroed_twice_from_elsewhere__is_held_and_can_be_resumed(
    rollout, target, rounds
):
    target.newest[str(rollout.pk)] += 2
    target.shares[str(rollout.pk)] = 0.0
    rounds(20, seconds=61)
    assert target.shares[str(rollout.pk)] == 0.0
    assert open_holds() == ["drift"]
    services.resume(rollout.pk, "ann", "looked at")
    rounds(4, seconds=11)
    assert target.shares[str(rollout.pk)] > 0.0


def test_target__counts_up_at_each_look__is_told_once_and_can_be_taken_back(
    rollout, target, rounds, monkeypatch
):
    def counting(self, config, key):
        self.newest[key.rollout] += 1
        return Outside.observe(self, config, key)

    class Counting(Outside):
        observe = counting

    monkeypatch.setattr(target, "__class__", Counting)
    rounds(20, seconds=11)
    assert rollout.decisions.filter(decision="behind").count() == 1
    assert OutboxMessage.objects.filter(type="rollout.hold").count() == 1
    assert target.shares[str(rollout.pk)] == 0.25
    # It was a defect of the target, and is mended: what was ordered meanwhile is carried out.
    services.abort(rollout.pk, "ann", "a broken target")
    rounds(3)
    monkeypatch.setattr(target, "__class__", Outside)
    rounds(5)
    assert target.shares[str(rollout.pk)] == 0.0


def test_target__says_a_number_beyond_belief__costs_no_generation(rollout, target, rounds):
    target.newest[str(rollout.pk)] = 2**31 - 1
    rounds(3)
    assert rollout.placements.get().generation < 100


def test_target__has_seen_the_largest_number_there_is__its_rollback_fails_and_pages(
    rollout, target, rounds
):
    Placement.objects.update(generation=2**31 - 100, confirmed_generation=2**31 - 100)
    target.newest[str(rollout.pk)] = 2**31 - 1
    services.abort(rollout.pk, "ann", "a broken target")
    rounds(8, seconds=61)
    assert phase_of(rollout) == Phase.ROLLBACK_FAILED
    assert OutboxMessage.objects.filter(type="rollout.rollback_failed").exists()


def test_target__cannot_fence_and_no_file__only_what_is_below_is_held(
    rollout, target, rounds, tmp_path
):
    """The limit that docs/reliability.md tells: nothing knows of the restore here."""
    target.fences = False
    back_up(tmp_path / "dump")
    services.abort(rollout.pk, "sre", "wrong build")
    rounds(3)
    restore(tmp_path / "dump")
    water_mark.copy().unlink()
    rounds(20, seconds=61)
    assert target.shares[str(rollout.pk)] == 0.0
    assert open_holds() == ["drift"]
