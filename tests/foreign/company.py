"""The company as a process: instances, HAProxy, Prometheus and its customers, until it is stopped.

    python -m tests.foreign.company FOLDER

writes FOLDER/company.env (where Prometheus and HAProxy are) when all of it answers, and leaves in
FOLDER what its people have: `deploy` and `weight`, the scripts that they release with.
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from tests.foreign.instance import serve

SERVICES = ("orders-api", "ledger-api", "mailer")
STABLE, NEXT = ("a", "b"), "next"
FIRST_RELEASE = "2026.11.1"
EACH_PER_S = 40
SCRAPE_S = 2
# A minute ago all its services had answered something.
PAST = "count(handled_requests_total%20offset%201m)"
DEPLOY = """#!/bin/sh
# deploy SERVICE RELEASE [JSON]: the release is on the spare machine; `weight` sends it customers.
printf '{"release": "%s"%s}' "$2" "${3:+, $3}" > "$(dirname "$0")/state/$1-next.new"
mv "$(dirname "$0")/state/$1-next.new" "$(dirname "$0")/state/$1-next"
"""
WEIGHT = """#!{python}
# weight SERVICE PERCENT: that part of the customers meets the spare machine.
import socket, sys
service, percent = sys.argv[1], float(sys.argv[2])
# Two machines share the rest; whole percents come out exactly.
stable, spare = round(100 - percent), round(2 * percent)
for server, weight in (("a", stable), ("b", stable), ("next", spare)):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect("{socket}")
        link.sendall(f"set weight {{service}}/{{server}} {{weight}}\\n".encode())
        said = link.recv(4096).decode().strip()
        if said:
            sys.exit(said)
"""
HAPROXY = """global
    stats socket {socket} mode 600 level admin
    maxconn 2000
    nbthread 1
defaults
    mode http
    retries 0
    timeout connect 1s
    timeout client 10s
    timeout server 5s
frontend door
    bind 127.0.0.1:{port}
    use_backend %[path,field(2,/)]
"""
PROMETHEUS = """global:
  scrape_interval: {every}s
  scrape_timeout: {every}s
scrape_configs:
  - job_name: machines
    static_configs:
      - targets: [{targets}]
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Company:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.socket = folder / "haproxy.sock"
        self.door, self.prometheus = free_port(), free_port()
        self.ports: dict[tuple[str, str], int] = {}
        self.programs: list[subprocess.Popen[bytes]] = []

    def open(self) -> None:
        self.state.mkdir(parents=True)
        for service in SERVICES:
            for slot in (*STABLE, NEXT):
                self._machine(service, slot)
        self._scripts()
        self._start("haproxy", ["-f", self._written("haproxy.cfg", self._haproxy())])
        self._start(
            "prometheus",
            [
                "--config.file=" + self._written("prometheus.yml", self._prometheus()),
                f"--storage.tsdb.path={self.folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.prometheus}",
                "--log.level=warn",
            ],
        )
        for service in SERVICES:
            for _ in range(4):
                threading.Thread(target=self._customer, args=(service,), daemon=True).start()
        self._wait(f"http://127.0.0.1:{self.prometheus}/-/ready")
        self._wait(f"http://127.0.0.1:{self.door}/mailer")
        # It has been there for a while when somebody comes with Graygate.
        self._wait(f"http://127.0.0.1:{self.prometheus}/api/v1/query?query={PAST}", says=b"value")
        env = f"PROMETHEUS=http://127.0.0.1:{self.prometheus}\nHAPROXY={self.socket}\n"
        self._written("company.env", env)

    def close(self) -> None:
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            program.wait(10)

    def _machine(self, service: str, slot: str) -> None:
        state = self.state / f"{service}-{slot}"
        state.write_text(json.dumps({"release": FIRST_RELEASE}))
        server = serve(service, state)
        self.ports[service, slot] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _scripts(self) -> None:
        weight = WEIGHT.format(python=sys.executable, socket=self.socket)
        for name, text in (("deploy", DEPLOY), ("weight", weight)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)

    def _haproxy(self) -> str:
        lines = [HAPROXY.format(socket=self.socket, port=self.door)]
        for service in SERVICES:
            lines += [f"backend {service}", "    balance random(1)"]
            for slot in (*STABLE, NEXT):
                weight = 0 if slot == NEXT else 100
                port = self.ports[service, slot]
                lines.append(f"    server {slot} 127.0.0.1:{port} weight {weight}")
        return "\n".join([*lines, ""])

    def _prometheus(self) -> str:
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in self.ports.values())
        return PROMETHEUS.format(every=SCRAPE_S, targets=targets)

    def _written(self, name: str, text: str) -> str:
        path = self.folder / name
        half = path.with_suffix(".half")
        half.write_text(text)
        half.rename(path)
        return str(path)

    def _start(self, program: str, arguments: list[str]) -> None:
        found = shutil.which(program)
        if found is None:
            sys.exit(f"{program} is not installed")
        with (self.folder / f"{program}.log").open("wb") as log:
            self.programs.append(subprocess.Popen([found, *arguments], stdout=log, stderr=log))

    def _customer(self, service: str) -> None:
        """One of four; a pause drawn anew each time, so that nobody turns in step."""
        draw = random.Random()  # noqa: S311 - no secret
        link = http.client.HTTPConnection("127.0.0.1", self.door, timeout=10)
        while True:
            try:
                link.request("GET", f"/{service}")
                link.getresponse().read()
            except (OSError, http.client.HTTPException):
                link.close()
            time.sleep(draw.expovariate(EACH_PER_S / 4))

    def _wait(self, url: str, says: bytes = b"") -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own
                    if says in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.2)
        sys.exit(f"{url} does not answer; see the logs in {self.folder}")


def main() -> None:
    company = Company(Path(sys.argv[1]).resolve())
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        company.open()
        # Also when whoever started it has gone.
        parent = os.getppid()
        while not stopped.wait(1) and os.getppid() == parent:
            pass
    finally:
        company.close()


if __name__ == "__main__":
    main()
