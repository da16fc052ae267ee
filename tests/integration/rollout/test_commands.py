"""The commands for 3 a.m., against a real receiver."""

import json
import os
import re
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from rollout import effects, emergency, services
from rollout.models import Decision, DryRunTarget, Freeze, OutboxMessage, Stage
from rollout.recompute import problems
from tests.integration.rollout.balancers import balancer, operator
from tests.integration.rollout.test_http_executor import receiver

__all__ = ["receiver"]

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def run(*words):
    said = StringIO()
    call_command(*words, stderr=said)
    return said.getvalue()


@pytest.mark.django_db
def test_kill_switch__on_and_off__freezes_everything_and_lets_go():
    assert "frozen" in run("kill_switch", "on", "--actor", "sre", "--reason", "incident 7")
    assert Freeze.objects.get(name="kill-switch").scope == {}
    assert "may grow again" in run("kill_switch", "off", "--actor", "sre")
    assert "was not on" in run("kill_switch", "off", "--actor", "sre")


@pytest.mark.django_db
def test_kill_switch__without_a_reason__asks_for_one():
    with pytest.raises(CommandError, match="--reason"):
        run("kill_switch", "on", "--actor", "sre")
    assert not Freeze.objects.exists()


# No `django_db` mark: a query would fail the test.
def test_zero_exposure__without_a_database__takes_the_target_to_zero(receiver):
    receiver.state.update(exposure=0.25, units=["1", "2"], generation=7)
    assert re.search(r"edge +http +25% +0%", run("zero"))
    assert receiver.state == {"exposure": 0.0, "units": [], "generation": 8}


def test_zero_exposure__target_does_not_answer__fails_and_names_it(receiver):
    receiver.state.update(exposure=0.25, generation=7)
    receiver.mood = "error"
    with pytest.raises(CommandError, match=r"NOT at zero: edge\. Cut them by hand"):
        run("zero_exposure")


def test_zero_exposure__haproxy_without_a_database__is_at_zero_and_one_that_is_gone_is_named(
    settings,
):
    with balancer() as lb:
        gone = lb.target(address=str(lb.folder / "none.sock"))
        settings.OPERATOR = operator({"lb0": gone, "lb1": lb.target()})
        lb.ask("set weight stock/c0 200")
        with pytest.raises(CommandError, match=r"NOT at zero: lb0\."):
            run("zero_exposure")
        assert lb.weights() == {"s0": 100, "s1": 100, "c0": 0}
        assert re.search(r"lb1 +haproxy +0% +0%", run("zero_exposure", "--target", "lb1"))


def test_zero_exposure__target_that_nobody_named__is_an_error(receiver):
    with pytest.raises(CommandError, match="NOT at zero: elsewhere"):
        run("zero_exposure", "--target", "elsewhere")


def test_zero_exposure__operator_names_no_target__says_so(settings):
    settings.OPERATOR = type(settings.OPERATOR)()
    with pytest.raises(CommandError, match="names no targets"):
        run("zero_exposure")


def test_zero__postgresql_is_not_there__takes_the_targets_to_zero_all_the_same(tmp_path):
    with socket.socket() as closed, balancer() as one, balancer() as other:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        file = tmp_path / "operator.json"
        file.write_text(json.dumps({"targets": {"lb0": one.target(), "lb1": other.target()}}))
        for lb in (one, other):
            lb.ask("set weight stock/c0 200")
        env = os.environ | {
            "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{port}/none",
            "GRAYGATE_OPERATOR_FILE": str(file),
            "GRAYGATE_VAR": str(tmp_path / "var"),
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "zero", "--actor", "sre"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert [lb.weights()["c0"] for lb in (one, other)] == [0, 0]
    assert (tmp_path / "var" / "zeroed.jsonl").read_text().count("\n") == 2


def test_zero__folder_cannot_be_written__zeroes_and_says_that_the_loop_will_not_know(
    receiver, settings, tmp_path
):
    receiver.state.update(exposure=0.25, generation=7)
    (tmp_path / "file").write_text("")
    settings.VAR_DIR = tmp_path / "file"
    with pytest.raises(CommandError, match="the loop will not know"):
        run("zero")
    assert receiver.state["exposure"] == 0.0


@pytest.fixture
def growing(make_rollout, stagehand):
    """One rollout whose growth to 100% was intended, and not yet seen, when the database went."""
    rollout, other = make_rollout(), make_rollout("cart")
    stagehand.tick()
    placement = rollout.placements.get()
    stage = rollout.stages.get(index=0)
    Stage.objects.filter(pk=stage.pk).update(state="passed")
    following = rollout.stages.get(index=1)
    for state in ("pre_check", "applying"):
        Stage.objects.filter(pk=following.pk).update(state=state)
    effects.desire(placement, 1.0, [], stagehand.now())
    return rollout, other


def zeroed(*names):
    """As `zero` leaves it: the targets at zero, the marker written before."""
    emergency.mark(names, "sre")
    DryRunTarget.objects.filter(target__in=names).update(share=0.0, units=[])


@pytest.mark.django_db
def test_zero__database_is_back__what_was_intended_before_does_not_grow_and_a_person_is_told(
    growing, stagehand
):
    rollout, other = growing
    zeroed("edge")
    epoch = rollout.epoch
    stagehand.tick(seconds=1, times=3)
    stagehand.tick(seconds=300, times=2)
    rollout.refresh_from_db()
    assert DryRunTarget.objects.get(rollout_id=rollout.pk).share == 0.0
    assert [h.kind for h in rollout.holds.filter(released_at=None)] == ["drift"]
    assert rollout.epoch > epoch
    assert OutboxMessage.objects.filter(type="rollout.hold", change_id=rollout.change_id).exists()
    assert DryRunTarget.objects.get(rollout_id=other.pk).share == 1.0
    assert not emergency.marker().exists()
    assert problems(rollout) == []


@pytest.mark.django_db
def test_zero__a_person_resumes_afterwards__the_stage_opens_again(growing, stagehand):
    rollout, _ = growing
    zeroed("edge")
    stagehand.tick(seconds=1, times=2)
    services.resume(rollout.pk, "sre", "the database is back")
    stagehand.tick(seconds=1, times=2)
    assert DryRunTarget.objects.get(rollout_id=rollout.pk).share == 1.0


@pytest.mark.django_db
def test_zero__marker_was_cut_off_by_a_full_disk__what_can_be_read_counts(growing, stagehand):
    rollout, _ = growing
    zeroed("edge")
    with emergency.marker().open("ab") as file:
        file.write(b'{"target": "car')
    stagehand.tick(seconds=1)
    assert rollout.holds.filter(kind="drift", released_at=None).exists()


@pytest.mark.django_db
def test_recompute__whole_chain__says_so_and_a_missing_rollout_is_an_error(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    assert "chain is whole" in run("recompute", str(rollout.pk))
    assert Decision.objects.filter(rollout=rollout).count() > 1
    with pytest.raises(CommandError, match="no such rollout"):
        run("recompute", "00000000-0000-0000-0000-000000000000")


def test_docs__generated_pages__are_up_to_date():
    done = subprocess.run(
        [sys.executable, "manage.py", "docs", "--check"], cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == 0
