"""However the fleet ends, nothing of it stays behind."""

import os
import signal

import pytest

from tests.integration.demo.conftest import is_running, start_fleet


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_fleet__ended__leaves_no_process(tmp_path, how):
    fleet = start_fleet(tmp_path / "state.json")
    assert all(is_running(pid) for pid in fleet.state["pids"])
    fleet.process.send_signal(how)
    fleet.process.wait(timeout=10)
    assert fleet.wait_gone() == []


def test_fleet__told_to_end__exits_with_success(tmp_path):
    fleet = start_fleet(tmp_path / "state.json")
    fleet.process.terminate()
    assert fleet.process.wait(timeout=10) == 0


def test_fleet__instance_lost_by_itself__ends_loudly(tmp_path):
    fleet = start_fleet(tmp_path / "state.json")
    os.kill(fleet.state["pids"][-1], signal.SIGKILL)
    assert fleet.process.wait(timeout=10) == 1
    assert fleet.wait_gone() == []
