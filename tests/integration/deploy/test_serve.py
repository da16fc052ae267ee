"""`manage.py serve`: the three processes of one machine live and end together."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from demo.fleet.ports import held_port

ROOT = Path(__file__).parents[3]
PATIENCE_S = 180


@pytest.fixture
def served(tmp_path):
    port = held_port()
    values = {k: v for k, v in os.environ.items() if not k.startswith("GRAYGATE_")}
    values |= {"GRAYGATE_VAR": str(tmp_path / "var")}
    values.pop("DATABASE_URL", None)
    values.pop("CELERY_BROKER_URL", None)
    command = [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}"]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=values, stdout=out, stderr=out)
    try:
        _until(lambda: _ready(port) or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "out").read_text()
        yield process, tmp_path
    finally:
        process.kill() if process.poll() is None else None
        process.wait()


def _until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def children_of(pid):
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in told.split()]


def test_serve__asked_to_end__ends_all_and_exits_0(served):
    process, folder = served
    children = children_of(process.pid)
    assert len(children) == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert (folder / "var/secret-key").stat().st_mode & 0o777 == 0o600


def test_serve__one_of_them_dies__says_which_and_exits_1(served):
    process, folder = served
    worker = next(
        pid
        for pid in children_of(process.pid)
        if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(worker, signal.SIGKILL)
    assert process.wait(PATIENCE_S) == 1
    assert "worker ended with -9" in (folder / "out").read_text()
