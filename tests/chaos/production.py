"""Everything that a production has, each a process of its own; once for many schedules."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
import requests

from demo.api import Api
from demo.fleet.ports import held_port
from demo.folder import ROOT, new_secret
from demo.parts import Part, wait_for
from demo.programs import path_of
from tests.chaos.balancer import Balancer
from tests.chaos.limits import LEASE_S
from tests.chaos.plan import SERVICES
from tests.chaos.postgres import Postgres
from tests.chaos.receiver import Receiver
from tests.chaos.units import Units

ALL = tuple(service for services in SERVICES.values() for service in services)
WORKERS = ("worker1", "worker2")
INTERVAL_S, UNDO_S, HALT_PATIENCE_S = 1.0, 1.0, 4.0
# Of a service's visitors, a second.
RATE = 20.0
PROGRAMS = ("haproxy", "prometheus", "redis-server")
PROMETHEUS = """global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: town
    static_configs:
      - targets: [{targets}]
"""
ENDPOINT = "pager"


@dataclass
class Production:
    folder: Path
    units: Units = field(default_factory=Units)
    receiver: Receiver = field(default_factory=Receiver)
    ports: dict[str, int] = field(default_factory=dict)
    users: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    # Of each part: one fault at a time, whichever schedule drew it.
    turns: defaultdict[str, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def api(self) -> Api:
        return Api(self.url, {role: one["token"] for role, one in self.users.items()})

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis(port=self.ports["redis"], socket_timeout=10)

    def make_bad(self, service: str, share: float) -> None:
        url = f"http://127.0.0.1:{self.ports['desk']}/{service}/{share}"
        requests.get(url, timeout=30).raise_for_status()

    def up(self, stack: ExitStack) -> None:
        for name in ("web", "redis", "prometheus", "door", "desk"):
            self.ports[name] = held_port()
        self.receiver.open()
        self.postgres = Postgres(self.folder)
        stack.callback(self.postgres.end)
        tracks = {s: {t: held_port() for t in ("stable", "canary")} for s in ALL}
        self.balancer = Balancer(self.folder, self.ports["door"], tracks)
        # The last to come is the first to go.
        stack.callback(self.units.end)
        self._outside()
        self._operator_file()
        self.values = self._environment()
        os.environ.update(self.values)
        self.users = self._bootstrap()
        self.postgres.move_ledger()
        for part in self._graygate():
            self.units.bring_up(part)
        self.units.watch()
        self.balancer.watch()
        stack.callback(self.balancer.ending.set)
        wait_for(self.ready, 120, "a green /readyz")
        self._register()

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=10).ok
        except requests.RequestException:
            return False

    def _outside(self) -> None:
        """What was there before there was a Graygate."""
        town = self.folder / "town.json"
        facts = {"door": self.ports["door"], "desk": self.ports["desk"], "rate": RATE}
        town.write_text(json.dumps({**facts, "services": self.balancer.ports}))
        config = self.folder / "prometheus.yml"
        targets = [
            f'"127.0.0.1:{p}"' for each in self.balancer.ports.values() for p in each.values()
        ]
        config.write_text(PROMETHEUS.format(targets=", ".join(targets)))
        prometheus = ["--log.level=warn", f"--config.file={config}"]
        prometheus += [f"--storage.tsdb.path={self.folder / 'tsdb'}"]
        prometheus += [f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}"]
        self._start(
            "haproxy", "-db", "-f", str(self.balancer.config()), ready=self.balancer.answers
        )
        self._start("town", str(town))
        self._start("prometheus", *prometheus, ready=self._prometheus_ready)
        memory = ["--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self._start("redis-server", "--port", str(self.ports["redis"]), *memory)

    def _start(self, name: str, *arguments: str, ready: Callable[[], bool] = lambda: True) -> None:
        own = [sys.executable, "-m", "tests.chaos.town"] if name == "town" else [path_of(name)]
        part = Part(name, [*own, *arguments], self.folder / f"{name}.log", os.environ, ready=ready)
        self.units.bring_up(part)

    def _prometheus_ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.ports['prometheus']}/-/ready"
            return requests.get(url, timeout=5).ok
        except requests.RequestException:
            return False

    def _operator_file(self) -> None:
        address = str(self.balancer.socket)
        targets = {
            s: {"executor": "haproxy", "address": address, "backend": s, "canary": ["c0"]}
            for s in ALL
        }
        url = f"http://127.0.0.1:{self.receiver.port}/alerts"
        content = {
            "targets": targets,
            "sources": {"main": {"url": f"http://127.0.0.1:{self.ports['prometheus']}"}},
            "webhooks": [{"name": ENDPOINT, "url": url, "secret": new_secret(), "types": ["*"]}],
            "allowed_destinations": ["http://127.0.0.1:*"],
        }
        (self.folder / "operator.json").write_text(json.dumps(content))

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "DATABASE_URL": self.postgres.url,
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "GRAYGATE_VAR": str(self.folder),
            "GRAYGATE_OPERATOR_FILE": str(self.folder / "operator.json"),
            "GRAYGATE_SECRET_KEY": secrets.token_urlsafe(48),
            "GRAYGATE_TOKEN_PEPPERS": secrets.token_urlsafe(24),
            "GRAYGATE_URL": self.url,
            "GRAYGATE_BIND": f"127.0.0.1:{self.ports['web']}",
            "GRAYGATE_WEB_PROCESSES": "1",
            "GRAYGATE_LOG_LEVEL": "WARNING",
            "GRAYGATE_INTERVAL_S": str(INTERVAL_S),
            "GRAYGATE_LEASE_S": str(LEASE_S),
            "GRAYGATE_UNDO_S": str(UNDO_S),
            "GRAYGATE_HALT_PATIENCE_S": str(HALT_PATIENCE_S),
            "PYTHONUNBUFFERED": "1",
        }

    def _bootstrap(self) -> dict[str, dict[str, str]]:
        argv = [sys.executable, "-m", "demo.bootstrap"]
        done = subprocess.run(argv, cwd=ROOT, env=self.values, stdout=subprocess.PIPE, check=True)
        users: dict[str, dict[str, str]] = json.loads(done.stdout)
        return users

    def _graygate(self) -> Iterator[Part]:
        celery = ["celery", "-A", "controlplane.celery"]
        quiet = ["--loglevel", "WARNING"]
        own = ["--without-gossip", "--without-mingle", "--without-heartbeat", *quiet]
        commands = {
            "web": ["gunicorn", "-c", "deploy/gunicorn.conf.py", "controlplane.wsgi"],
            **{name: [*celery, "worker", "-n", f"{name}@%h", *own] for name in WORKERS},
            "beat": [*celery, "beat", "--pidfile=", *quiet],
        }
        for name, rest in commands.items():
            argv = [sys.executable, "-m", *rest]
            yield Part(name, argv, self.folder / f"{name}.log", self.values)

    def _register(self) -> None:
        for lane, services in SERVICES.items():
            for service in services:
                self.api.put(f"services/{service}", service_body(service, lane))
        for kind, approvals in (("deploy", 0), ("config", 2)):
            self.api.put(f"policies/chaos-{kind}", policy(kind, approvals))


def service_body(target: str, environment: str) -> dict:
    return {
        "team": "town",
        "environment": environment,
        "tier": 2,
        "control_level": "L4",
        "cohorts": {"canary": 'track="canary"', "control": 'track="stable"'},
        "source": {"name": "prometheus", "config": {"server": "main"}},
        "executor": {"name": "haproxy", "config": {"target": target}},
    }


def policy(kind: str, approvals: int) -> dict:
    """What needs approvals gets none here, and stays a row that is there once or is not."""
    return {
        "kind": kind,
        "level": "low",
        "control_level": "L3",
        "approvals": approvals,
        "on_inconclusive": "hold",
        "stages": [{"share": 1.0, "min_s": 1}],
    }


@contextmanager
def production() -> Iterator[Production]:
    # Not in a deep folder: the path of a UNIX socket is short.
    folder = Path(tempfile.mkdtemp(prefix="chaos"))
    folder.chmod(0o755)
    made = Production(folder)
    try:
        with ExitStack() as stack:
            made.up(stack)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
