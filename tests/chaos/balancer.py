"""HAProxy with a backend for each service, read and set by none of the code under test."""

import csv
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FRONT = """
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/eyes.sock mode 600 level admin
  nbthread 1
  maxconn 2000
defaults
  mode http
  balance random(1)
  retries 0
  timeout connect 1s
  timeout client 60s
  timeout server 5s
frontend door
  bind 127.0.0.1:{door}
  use_backend %[path,field(2,/)]
"""
BACK = """
backend {service}
  server s0 127.0.0.1:{stable} weight 100
  server c0 127.0.0.1:{canary} weight 0
"""
LOOK_EVERY_S = 0.2
SAME = 0.005


@dataclass(frozen=True)
class Seen:
    at: float
    service: str
    share: float


@dataclass
class Balancer:
    folder: Path
    door: int
    # By service: {"stable": port, "canary": port}.
    ports: dict[str, dict[str, int]]
    seen: list[Seen] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def socket(self) -> Path:
        """Graygate's; the other one is the watcher's, and no fault takes it away."""
        return self.folder / "admin.sock"

    def config(self) -> Path:
        backs = [BACK.format(service=name, **ports) for name, ports in self.ports.items()]
        path = self.folder / "haproxy.cfg"
        path.write_text(FRONT.format(folder=self.folder, door=self.door) + "".join(backs))
        return path

    def answers(self) -> bool:
        with suppress(OSError):
            return bool(self.shares())
        return False

    def shares(self) -> dict[str, float]:
        """What part of a service's requests meets the canary, by HAProxy's own statistics."""
        weights: dict[str, dict[str, int]] = {name: {} for name in self.ports}
        for row in csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines()):
            if row["pxname"] in weights and row["svname"] in {"s0", "c0"}:
                weights[row["pxname"]][row["svname"]] = int(row["weight"])
        return {name: w["c0"] / max(1, w["c0"] + w["s0"]) for name, w in weights.items()}

    def set_share(self, service: str, percent: int) -> None:
        """By hand: what an operator does who makes a completed version the stable one (0)."""
        for server, weight in (("s0", 100 - percent), ("c0", percent)):
            self._ask(f"set weight {service}/{server} {weight}")

    def hide(self) -> None:
        self.socket.rename(self.folder / "hidden.sock")

    def show(self) -> None:
        (self.folder / "hidden.sock").rename(self.socket)

    def watch(self) -> None:
        threading.Thread(target=self._watch, daemon=True, name="eyes").start()

    def _watch(self) -> None:
        last: dict[str, float] = {}
        while not self.ending.wait(LOOK_EVERY_S):
            with suppress(OSError):
                now, shares = time.time(), self.shares()
                moved = {s: x for s, x in shares.items() if abs(x - last.get(s, 0.0)) > SAME}
                self.seen += [Seen(now, service, share) for service, share in moved.items()]
                last = shares

    def _ask(self, line: str) -> str:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(str(self.folder / "eyes.sock"))
            link.sendall(line.encode() + b"\n")
            return b"".join(iter(lambda: link.recv(65_536), b"")).decode()
