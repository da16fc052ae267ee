"""However the fleet ends, nothing of it stays behind."""

import os
import signal
from pathlib import Path

import pytest

from tests.integration.demo.conftest import is_running, start_fleet
from tests.parts import need


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_fleet__ended__leaves_no_process(tmp_path, how):
    fleet = start_fleet(tmp_path / "state.json")
    assert all(is_running(pid) for pid in fleet.state["pids"])
    fleet.process.send_signal(how)
    fleet.process.wait(timeout=10)
    assert fleet.wait_gone() == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_fleet__with_a_haproxy_ended__leaves_no_process(tmp_path, how):
    fleet = start_fleet(tmp_path / "state.json", haproxy=need("haproxy", "haproxy"))
    fleet.process.send_signal(how)
    fleet.process.wait(timeout=10)
    assert fleet.wait_gone() == []


def test_fleet__haproxy_lost__ends_loudly(tmp_path):
    fleet = start_fleet(tmp_path / "state.json", haproxy=need("haproxy", "haproxy"))
    haproxy = next(p for p in fleet.state["pids"] if name_of(p) == "haproxy")
    os.kill(haproxy, signal.SIGKILL)
    assert fleet.process.wait(timeout=10) == 1
    assert fleet.wait_gone() == []


def name_of(pid):
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_fleet__told_to_end__exits_with_success(tmp_path):
    fleet = start_fleet(tmp_path / "state.json")
    fleet.process.terminate()
    assert fleet.process.wait(timeout=10) == 0


def test_fleet__instance_lost_by_itself__ends_loudly(tmp_path):
    fleet = start_fleet(tmp_path / "state.json")
    os.kill(fleet.state["pids"][-1], signal.SIGKILL)
    assert fleet.process.wait(timeout=10) == 1
    assert fleet.wait_gone() == []
