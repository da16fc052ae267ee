"""The commands for 3 a.m., against a real receiver."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from rollout.models import Decision, Freeze
from tests.integration.rollout.balancers import balancer, operator
from tests.integration.rollout.test_http_executor import receiver

__all__ = ["receiver"]

ROOT = Path(__file__).resolve().parents[3]


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
    assert "was 25%, is 0%" in run("zero_exposure")
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
        assert "lb1: was 0%, is 0%" in run("zero_exposure", "--target", "lb1")


def test_zero_exposure__target_that_nobody_named__is_an_error(receiver):
    with pytest.raises(CommandError, match="NOT at zero: elsewhere"):
        run("zero_exposure", "--target", "elsewhere")


def test_zero_exposure__operator_names_no_target__says_so(settings):
    settings.OPERATOR = type(settings.OPERATOR)()
    with pytest.raises(CommandError, match="names no targets"):
        run("zero_exposure")


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
