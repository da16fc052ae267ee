"""A real Alertmanager on a free port."""

import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.notify.deliver import deliver_due
from controlplane.notify.dispatch import dispatch
from controlplane.notify.showing import show_due
from tests.parts import Process, free_port, need

PACKAGE = "prometheus-alertmanager"
DEADLINE_S = 60.0
# Silent: nobody listens to it, what it holds is asked for.
QUIET = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
FACTS = {
    "change": "c",
    "rollout": "r",
    "title": "Cart 1.4.1",
    "service": "cart",
    "environment": "production",
    "team": "shop",
    "reason": "errors 5% against 0.1%",
    "left_to_do": ["Find the defect."],
}
# wonder, as bcrypt writes it
HASH_OF_WONDER = "$2b$04$abcdefghijklmnopqrstuuetGRvO6QNMBbbIoo5tpQkbPXg26U9Qu"


def ring() -> None:
    dispatch()
    deliver_due(patience_s=20)
    show_due(patience_s=20)


def until(found: Any, *, ringing: bool = False) -> Any:
    """What `found()` gives as soon as it is true; fails when it never is."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := found()):
        if time.monotonic() > deadline:
            pytest.fail("it never came to be")
        if ringing:
            ring()
        time.sleep(0.05)
    return answer


@dataclass
class Alertmanager:
    folder: Path
    config: dict[str, Any] = field(default_factory=lambda: QUIET)
    web: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        (self.folder / "am.yml").write_text(yaml.safe_dump(self.config))
        (self.folder / "web.yml").write_text(yaml.safe_dump(self.web))
        argv = [
            need("prometheus-alertmanager", PACKAGE),
            "--config.file=am.yml",
            "--storage.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            *(["--web.config.file=web.yml"] if self.web else []),
        ]
        self.process = Process(argv, self.folder, self._listens)

    def _listens(self) -> bool:
        try:
            self._ask("/-/ready")
        except urllib.error.HTTPError as error:
            return error.code == 401
        return True

    def listens_at_all(self) -> bool:
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        return True

    def start_afresh(self) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.process.start()

    def alerts(self) -> list[dict[str, Any]]:
        """The active ones."""
        return json.loads(self._ask("/api/v2/alerts"))

    def names(self) -> list[str]:
        return sorted(each["labels"]["alertname"] for each in self.alerts())

    def post(self, *alerts: dict[str, Any]) -> None:
        """As Prometheus does."""
        self._ask("/api/v2/alerts", json.dumps(alerts).encode())

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data=body)  # noqa: S310 - our own
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
            return answer.read()
