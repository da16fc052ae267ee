"""A real HAProxy on a free port, and the operator's targets that point at it."""

import contextlib
import csv
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from controlplane.environment import OperatorFile
from tests.parts import Process, free_port, need

CONFIG = """
global
  stats socket {folder}/admin.sock level admin
  stats socket 127.0.0.1:{port} level admin
  stats socket {folder}/watcher.sock level operator
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  timeout check 1s
frontend entry
  bind 127.0.0.1:{entry}
  default_backend {first}
"""
STOCK = """
backend stock
  balance roundrobin
  server s0 127.0.0.1:9 weight 100
  server s1 127.0.0.1:9 weight 100
  server c0 127.0.0.1:9 weight 0
"""


class Balancer:
    """One HAProxy. `ask` and `weights` speak to it with none of the code under test."""

    def __init__(self, folder: Path, backends: str = STOCK) -> None:
        self.folder, self.backends = folder, backends
        self.port, self.entry = free_port(), free_port()
        self.running: Process | None = None

    @property
    def socket(self) -> str:
        return str(self.folder / "admin.sock")

    def start(self) -> None:
        first = self.backends.split("backend ")[1].split()[0]
        facts = {"folder": self.folder, "port": self.port, "entry": self.entry, "first": first}
        config = self.folder / "haproxy.cfg"
        config.write_text((CONFIG + self.backends).format(**facts))
        argv = [need("haproxy", "haproxy"), "-db", "-f", str(config)]
        self.running = Process(argv, self.folder, self.answers)
        self.running.__enter__()

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return "Version" in self.ask("show info")
        return False

    def stop(self) -> None:
        if self.running is not None:
            self.thaw()
            self.running.end(signal.SIGKILL)
            self.running = None

    def restart(self) -> None:
        """Its weights are those of its configuration again."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        self.running.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.running.process.send_signal(signal.SIGCONT)

    def ask(self, *commands: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(self.socket)
            connection.sendall(";".join(commands).encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()

    def weights(self, backend: str = "stock") -> dict[str, int]:
        text = self.ask(f"show stat {backend} 4 -1").removeprefix("# ").splitlines()
        return {row["svname"]: int(row["uweight"]) for row in csv.DictReader(text) if row}

    def canary_share(self, backend: str = "stock") -> float:
        weights = self.weights(backend)
        canary = sum(weight for name, weight in weights.items() if name.startswith("c"))
        return canary / sum(weights.values())

    def target(self, **given: object) -> dict[str, object]:
        facts = {"address": self.socket, "backend": "stock", "canary": ["c0"]}
        return {"executor": "haproxy", **facts, **given}


@contextlib.contextmanager
def balancer(backends: str = STOCK) -> Iterator[Balancer]:
    # Not pytest's folder: the path of a UNIX socket is short.
    folder = Path(tempfile.mkdtemp(prefix="lb"))
    made = Balancer(folder, backends)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


def operator(targets: Mapping[str, dict[str, object]]) -> OperatorFile:
    return OperatorFile(targets=dict(targets))
