import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.fleet.signing import signed_headers

ROOT = Path(__file__).resolve().parents[3]
SECRET = "whsec_" + base64.b64encode(b"a secret of the tests only").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret, a wrong one").decode()


@dataclass
class RunningFleet:
    process: subprocess.Popen[str]
    state: dict[str, Any]
    generations: dict[str, int] = field(default_factory=dict)

    def visit(self, service: str, unit: str) -> requests.Response:
        url = f"{self.state['edge']}/{service}/"
        return requests.get(url, headers={"x-unit": unit}, timeout=10)

    def page(self, unit: str) -> requests.Response:
        return self.visit("frontend", unit)

    def signed(self, method: str, url: str, body: bytes = b"", **changed: Any) -> requests.Response:
        now, secret = changed.get("now", time.time()), changed.get("secret", SECRET)
        headers = signed_headers(secret, "msg_1", now, body)
        return requests.request(method, url, data=body, headers=headers, timeout=10)

    def declare(self, service: str, rollout: str, units: list[str], **more: Any):
        self.generations[rollout] = self.generations.get(rollout, 0) + 1
        body = {
            "target": service,
            "rollout": rollout,
            "key": f"0/{rollout}/{service}/{self.generations[rollout]}",
            "generation": self.generations[rollout],
            "exposure": len(units) / 100,
            "units": units,
        } | more
        url = f"{self.state['router']}/targets/{service}"
        return self.signed("PUT", url, json.dumps(body).encode())

    def observe(self, service: str, rollout: str) -> dict[str, Any]:
        url = f"{self.state['router']}/targets/{service}?rollout={rollout}"
        return self.signed("GET", url).json()

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        url = self.state["control"] + path
        return requests.request(method, url, json=body, timeout=10)

    def metrics(self, service: str, track: str) -> str:
        urls = self.state["services"][service][track]
        return "\n".join(requests.get(url, timeout=10).text for url in urls)

    def wait_gone(self) -> list[int]:
        for _ in range(200):
            alive = [pid for pid in self.state["pids"] if is_running(pid)]
            if not alive:
                return []
            time.sleep(0.05)
        return alive


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def start_fleet(state: Path, *, rate: float = 5, haproxy: str | None = None) -> RunningFleet:
    command = [sys.executable, "-m", "demo.fleet", "--state", str(state), "--secret", SECRET]
    edge = ["--haproxy", haproxy] if haproxy else []
    process = subprocess.Popen(
        [*command, "--rate", str(rate), "--instances", "1", *edge],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("fleet up: 10 instances"), line
    return RunningFleet(process, json.loads(state.read_text()))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Without visitors: a test's own calls are the only ones."""
    running = start_fleet(tmp_path_factory.mktemp("fleet") / "state.json", rate=0)
    yield running
    running.process.terminate()
    running.process.wait(timeout=10)
