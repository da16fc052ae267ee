"""The command executor against real programs: the examples as shipped, and ill-behaved ones."""

import json
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.command import CommandExecutor
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.programs import alive, wrapped
from tests.parts import wait_until

__all__ = ["wrapped"]

EDGE = {"target": "edge"}
ROOT = Path(__file__).parents[3]


def key(generation=1, rollout="r1"):
    return Key(2, rollout, "edge", generation)


@pytest.fixture
def program(settings, tmp_path):
    """Makes the target `edge` a shell script of these lines."""

    def made(lines: str, **given: object) -> CommandExecutor:
        path = tmp_path / "program.sh"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        entry = {"executor": "command", "argv": [str(path)], "cwd": str(tmp_path)}
        settings.OPERATOR = operator({"edge": entry | given})
        return CommandExecutor().on(EDGE)

    return made


# --- what goes in ------------------------------------------------------------------------------


def test_apply__question__is_one_json_object_on_stdin(program, tmp_path):
    executor = program("cat > asked; echo '{\"exposure\": 0.05}'")
    executor.apply(EDGE, Desired(0.05, ("u1",), "1.4.1"), key(7))
    assert json.loads((tmp_path / "asked").read_text()) == {
        "action": "apply",
        "target": "edge",
        "exposure": 0.05,
        "units": ["u1"],
        "version": "1.4.1",
        "key": {"epoch": 2, "rollout": "r1", "target": "edge", "generation": 7},
    }


def test_observe__question__holds_no_exposure_that_could_be_echoed(program, tmp_path):
    program("cat > asked; echo '{\"exposure\": 0}'").observe(EDGE, key())
    assert set(json.loads((tmp_path / "asked").read_text())) == {"action", "target", "key"}


def test_environment__of_the_program__is_what_was_named_and_nothing_of_graygates(
    program, tmp_path, monkeypatch
):
    monkeypatch.setenv("KUBECONFIG", "/etc/kube")
    monkeypatch.setenv("GRAYGATE_SECRET_KEY", "hunter2hunter2")
    executor = program("env > seen; echo '{\"exposure\": 0}'", env=["KUBECONFIG"])
    executor.apply(EDGE, Desired(0.00001, (), "v; rm -rf /"), key())
    lines = (tmp_path / "seen").read_text().splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    assert set(seen) - {"PWD", "_", "SHLVL", "OLDPWD"} == {
        *("PATH", "LANG", "KUBECONFIG", "GRAYGATE_ACTION", "GRAYGATE_TARGET"),
        *("GRAYGATE_ROLLOUT", "GRAYGATE_GENERATION", "GRAYGATE_EXPOSURE", "GRAYGATE_VERSION"),
    }
    assert (seen["GRAYGATE_EXPOSURE"], seen["GRAYGATE_VERSION"]) == ("0.00001", "v; rm -rf /")


@pytest.mark.parametrize("share", [math.nan, math.inf, -0.1, 1.1, True])
def test_apply__no_share__is_refused_and_nothing_runs(program, tmp_path, share):
    executor = program("touch ran")
    with pytest.raises(ExecutorError, match="is no share"):
        executor.apply(EDGE, Desired(share), key())
    assert not (tmp_path / "ran").exists()


# --- what comes out ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "fine, thanks",
        "[0.5]",
        "{}",
        '{"exposure": true}',
        '{"exposure": "0.5"}',
        '{"exposure": NaN}',
        '{"exposure": 1.01}',
        '{"exposure": -0.1}',
        '{"exposure": null}',
        '{"exposure": 0.5} {"exposure": 0.5}',
        '{"exposure": 0.5, "exposure": 0}',
        '{"exposure": 1e400}',
        '{"exposure": ' + "9" * 5000 + "}",
        '{"exposure": 0.5, "units": "all"}',
        '{"exposure": 0.5, "units": [1]}',
        "[" * 5000,
    ],
)
def test_answer__is_nonsense__is_an_error_for_apply_and_observe_and_never_zero(program, printed):
    executor = program(f"cat <<'END'\n{printed}\nEND")
    for call in (
        lambda: executor.apply(EDGE, Desired(0.5), key()),
        lambda: executor.observe(EDGE, key()),
    ):
        with pytest.raises(ExecutorError, match="edge"):
            call()


@pytest.mark.parametrize("generation", ["null", "true", "-1", "1.5", "99999999999"])
def test_answer__generation_of_a_fencing_target_is_nonsense__is_an_error(program, generation):
    printed = f'{{"exposure": 0, "generation": {generation}}}'
    executor = program(f"echo '{printed}'", fencing="target")
    with pytest.raises(ExecutorError, match="generation"):
        executor.observe(EDGE, key())


def test_answer__units_are_told__are_observed(program):
    executor = program("""echo '{"exposure": 0.5, "units": ["a", "b"], "detail": "fine"}'""")
    assert executor.observe(EDGE, key()).units == ("a", "b")


def test_status__is_not_zero__is_a_failure_with_the_end_of_stderr(program):
    executor = program("echo '{\"exposure\": 0.5}'; echo 'no such pool: stock' >&2; exit 7")
    with pytest.raises(ExecutorError, match="status 7: no such pool: stock") as error:
        executor.apply(EDGE, Desired(0.5), key())
    assert not error.value.permanent


def test_status__is_three__is_a_refusal_for_good(program):
    with pytest.raises(ExecutorError, match="a newer call was seen") as error:
        program("exit 3").apply(EDGE, Desired(0.5), key())
    assert error.value.permanent


def test_stderr__holds_secrets__they_are_hidden_and_it_is_cut(program, monkeypatch):
    monkeypatch.setenv("DEPLOY_KEY", "hunter2hunter2")
    executor = program(
        'printf "%01000d\\n" 0 >&2; echo "pushing with $DEPLOY_KEY\033[31m" >&2\n'
        'echo "Authorization: Bearer abc.def password=swordfish https://me:pw1234@host/" >&2\n'
        "exit 1",
        env=["DEPLOY_KEY"],
    )
    with pytest.raises(ExecutorError) as error:
        executor.observe(EDGE, key())
    said = str(error.value)
    assert "pushing with ***" in said
    assert not any(s in said for s in ("hunter2", "abc.def", "swordfish", "pw1234", "\033"))
    assert len(said) < 500


def test_detail__of_a_rehearsal__hides_secrets_too(program, monkeypatch):
    monkeypatch.setenv("DEPLOY_KEY", "hunter2hunter2")
    printed = r"{\"detail\": \"would push with $DEPLOY_KEY\"}"
    executor = program(f'echo "{printed}"', env=["DEPLOY_KEY"])
    assert executor.rehearse(EDGE, Desired(0.5), key()) == "would push with ***"


def test_output__without_end__is_cut_off_in_size_and_the_program_ended(program, tmp_path):
    executor = program("echo $$ > pid; exec yes", timeout_s=10)
    with pytest.raises(ExecutorError, match="more than 1000000 bytes"):
        executor.observe(EDGE, key())
    wait_until(lambda: not alive(tmp_path / "pid"), 60, "the program ends")


def test_stderr__without_end__is_cut_off_in_time(program, tmp_path):
    executor = program("echo $$ > pid; exec yes >&2", timeout_s=1)
    with pytest.raises(ExecutorError, match="not done within 1 s"):
        executor.observe(EDGE, key())
    assert not alive(tmp_path / "pid")


# --- time, children ----------------------------------------------------------------------------


def test_time_out__program_may_tidy_up__is_asked_before_it_is_killed(program, tmp_path):
    executor = program("trap 'echo tidy > ended; exit 0' TERM; sleep 60 & wait", timeout_s=2)
    with pytest.raises(ExecutorError, match="not done within 2 s"):
        executor.apply(EDGE, Desired(0.5), key())
    assert (tmp_path / "ended").read_text() == "tidy\n"


def test_time_out__program_and_children_ignore_the_asking__are_killed(program, tmp_path):
    executor = program(
        "trap '' TERM\n"
        "(trap '' TERM; sh -c 'echo $$ > grandchild; while :; do sleep 1; done') &\n"
        "echo $$ > pid; while :; do sleep 1; done",
        timeout_s=1,
    )
    with pytest.raises(ExecutorError, match="not done within 1 s"):
        executor.apply(EDGE, Desired(0.5), key())
    for name in ("pid", "grandchild"):
        assert (tmp_path / name).exists()
        wait_until(lambda name=name: not alive(tmp_path / name), 60, f"{name} ends")


def test_end__a_child_stays_behind_with_the_pipe_open__is_not_waited_for_and_ended(
    program, tmp_path
):
    executor = program(
        "sh -c 'echo $$ > child; exec sleep 600' &\n"
        "while [ ! -s child ]; do sleep 0.01; done; echo '{\"exposure\": 0}'",
        timeout_s=10,
    )
    assert executor.observe(EDGE, key()).share == 0.0
    wait_until(lambda: not alive(tmp_path / "child"), 60, "the child ends")


@pytest.mark.skipif(shutil.which("timeout") is None, reason="coreutils' timeout is not here")
def test_worker__is_killed__the_program_ends_in_its_time_all_the_same(tmp_path):
    code = (
        "from rollout.executors.program import *\n"
        f"run(['/bin/sh', '-c', 'echo $$ > pid; exec sleep 600'], b'', env={{}},"
        f" cwd={str(tmp_path)!r}, bounds=Bounds(3.0))"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as worker:
        wait_until(lambda: alive(tmp_path / "pid"), 60, "the program runs")
        worker.send_signal(signal.SIGKILL)
    wait_until(lambda: not alive(tmp_path / "pid"), 60, "the program ends")


def test_stdin__is_not_read__nothing_blocks(program):
    executor = program("echo '{\"exposure\": 0}'")
    executor.apply(EDGE, Desired(0.0, tuple("u" * 90 for _ in range(5000))), key())


def test_status__was_taken_by_another__is_an_error_and_never_a_success(program):
    """Where the process was told to ignore its children, the system answers for none of them."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ExecutorError, match="how it ended is not known"):
            program("echo '{\"exposure\": 0}'").observe(EDGE, key())
    finally:
        signal.signal(signal.SIGCHLD, before)


# --- what the operator says --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"argv": []}, "`argv`"),
        ({"argv": "rm -rf /"}, "`argv`"),
        ({"argv": ["sh", "-c", "true"]}, "whole path"),
        ({"argv": ["/nowhere/at/all"]}, "no program"),
        ({"argv": ["/etc/passwd"]}, "no program"),
        ({"argv": ["/bin/sh", 5]}, "no text"),
        ({"cwd": "here"}, "`cwd`"),
        ({"cwd": "/nowhere"}, "`cwd`"),
        ({"env": {"A": "secret"}}, "`env`"),
        ({"env": ["A=secret"]}, "`env`"),
        ({"env": ["NOT_THERE_AT_ALL"]}, "NOT_THERE_AT_ALL"),
        ({"env": ["GRAYGATE_SECRET_KEY"]}, "stay with Graygate"),
        ({"timeout_s": 11}, "at most 10"),
        ({"timeout_s": 0}, "`timeout_s`"),
        ({"timeout_s": True}, "`timeout_s`"),
        ({"timeout_s": math.nan}, "`timeout_s`"),
        ({"fencing": "yes"}, "`fencing`"),
        ({"grain": 0.5}, "`grain`"),
        ({"shell": True}, "no `shell`"),
    ],
)
def test_validate__bad_target_in_the_operators_file__is_said(program, given, says):
    assert says in program("exit 0", **given).validate(EDGE)[0]


def test_validate__submitter_gives_more_than_a_target__is_refused_and_nothing_runs(
    program, tmp_path
):
    executor = program("touch ran")
    assert executor.validate(EDGE | {"argv": ["/bin/true"]}) == [
        "command takes only `target`, not `argv`"
    ]
    assert executor.validate(EDGE) == []
    assert not (tmp_path / "ran").exists()


def test_on__declared_by_the_operator__is_what_the_loop_sees(program):
    executor = program("exit 0", fencing="target", grain=0.01, timeout_s=8)
    assert (executor.fencing, executor.grain, executor.timeout_s) == ("target", 0.01, 8.0)
    plain = CommandExecutor()
    assert (plain.fencing, plain.grain, plain.timeout_s) == ("none", 0.0, 5.0)
    assert plain.on({"target": "elsewhere"}) is plain


@pytest.mark.parametrize("bytes_before", [3_985, 3_990, 3_995])
def test_stderr__secret_is_cut_at_the_last_byte_kept__its_beginning_is_hidden_too(
    program, monkeypatch, bytes_before
):
    monkeypatch.setenv("DEPLOY_KEY", "hunter2hunter2hunter2")
    lines = f'printf "%0{bytes_before}d%s\\n" 0 "$DEPLOY_KEY" >&2; exit 1'
    with pytest.raises(ExecutorError) as error:
        program(lines, env=["DEPLOY_KEY"]).observe(EDGE, key())
    assert "hunt" not in str(error.value)
