"""The demo as a user runs it: told as promised though its worker is killed, and able to fail.

The whole story after each kill, and without one:
    GRAYGATE_FAILPOINT=after_claim python bench/story_seeds.py 1 1 -- --real no
"""

import json

import pytest

from attribution.backtest import backtest
from demo.cast import cast
from tests.e2e import playing

pytestmark = pytest.mark.e2e

# Where the worker dies, and what is played after that: once the whole story.
FAILPOINTS = {
    "after_claim": "1",
    "after_observe": "1",
    "after_intend": "1",
    "after_apply": "1,2,3",
}
# A slow machine tells it up to four times as slowly: these only end what hangs.
STORY_S, ROUND_S = 1200, 600


def play(var, *, rounds="1,2,3", seed=1, timeout=ROUND_S, **environment):
    options = ["--rounds", rounds, "--real", "no"]
    return playing.play(var, *options, seed=seed, timeout=timeout, **environment)


@pytest.mark.parametrize(("failpoint", "rounds"), FAILPOINTS.items())
def test_story__worker_killed__ends_as_told_and_leaves_nothing_behind(tmp_path, failpoint, rounds):
    done = play(tmp_path / "var", rounds=rounds, timeout=STORY_S, GRAYGATE_FAILPOINT=failpoint)
    assert (tmp_path / "var" / "failpoint-reached").exists()
    assert "worker ended with -9" in done.stdout
    assert done.returncode == 0
    assert playing.left_behind(tmp_path / "var") == []


def test_story__five_at_once__takes_the_culprit_back_alone_and_keeps_what_was_seen(tmp_path):
    cases = tmp_path / "cases.jsonl"
    options = ["--rounds", "4", "--real", "no", "--cases", str(cases)]
    done = playing.play(tmp_path / "var", *options, seed=1, timeout=STORY_S)
    assert done.returncode == 0
    report = backtest([json.loads(line) for line in cases.read_text().splitlines()])
    assert report["errors"] == []
    assert report["attribute"]["with_culprit"] > 0
    assert report["hr_at_3"] == 1.0


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
