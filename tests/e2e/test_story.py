"""The whole demo as a user runs it: told as promised, told through kills, and able to fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.cast import cast

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
FAILPOINTS = ("after_claim", "after_observe", "after_intend", "after_apply")
STORY_S, ROUND_S = 300, 200


def play(var, *, rounds="1,2,3", seed=1, timeout=ROUND_S, **environment):
    story = ["--seed", str(seed), "--rounds", rounds, "--var", str(var), "--real", "no"]
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--once", *story],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    print(done.stdout)  # noqa: T201 - shown when the test fails
    return done


def still_running(var):
    pids = json.loads((var / "fleet.json").read_text())["pids"]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_story__played_once__ends_as_told_and_leaves_nothing_behind(tmp_path):
    done = play(tmp_path / "var", timeout=STORY_S)
    assert done.returncode == 0
    assert still_running(tmp_path / "var") == []
    assert not (tmp_path / "var" / "postgresql" / "postmaster.pid").exists()


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_story__worker_killed__ends_as_told(tmp_path, failpoint):
    done = play(tmp_path / "var", rounds="1", GRAYGATE_FAILPOINT=failpoint)
    assert (tmp_path / "var" / "failpoint-reached").exists()
    assert "worker ended with -9" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("sabotage", ["always-pass", "always-fail"])
def test_story__judge_replaced__fails(tmp_path, sabotage):
    done = play(tmp_path / "var", rounds="1", **sabotaged(sabotage))
    assert "expectations held" in done.stdout
    assert done.returncode == 1


def test_story__newest_change_blamed__fails(tmp_path):
    """With a seed whose culprit of round two is not the newest: a stopped clock is right too."""
    seed = next(s for s in range(100) if cast(s)[1].actors[0].role == "culprit")
    done = play(tmp_path / "var", rounds="2", seed=seed, **sabotaged("newest"))
    assert "expectations held" in done.stdout
    assert done.returncode == 1


def sabotaged(how):
    return {"GRAYGATE_DEMO_WORKER": "demo.sabotage", "GRAYGATE_SABOTAGE": how}
