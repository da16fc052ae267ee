"""PostgreSQL on a real file system without a byte of room."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SIZE = "160m"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own for the database's folder."""
    disk = tmp_path / "var" / "postgresql"
    disk.mkdir(parents=True)
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root may mount")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def story(small_disk, tmp_path):
    env = os.environ | {"GRAYGATE_VAR": str(tmp_path / "var")}
    env.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.rollout.on_full_disk", str(small_disk)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_disk_full__in_the_middle_of_a_rollout__nothing_acts_without_its_intent_and_zero_works(
    story,
):
    assert story["before"] == 0.25
    # PostgreSQL said so itself: no room for a page more.
    assert set(story["errors"]) == {"53100"}
    # Somebody outside gets to know by silence, though each round of the loop came to its end.
    assert any(one.startswith("a placement waits") for one in story["unwell"])
    assert story["silent_after_s"] <= 2 * 60
    assert story["well"] == []
    assert "observed at zero" in story["zero"]
    assert (story["zeroed"], story["while_full"]) == (0.0, 0.0)
    # There is room again: the loop goes on by itself, and grows when a person says so.
    assert story["afterwards"] == 0.0
    assert story["holds"] == ["drift"]
    assert story["resumed"] == 0.25
    # `zero` is one call ahead of what is written; the loop never was.
    assert {sent - written for sent, written in story["ahead"]} <= {1}
    assert story["chain"] == []
