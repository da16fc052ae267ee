"""Web, worker and beat of one machine as the children of one process: all of them, or none.

For trying out and for small installations. A real one has a service manager: deploy/systemd.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

END_PATIENCE_S = 45.0  # gunicorn waits so long for the last long poll


@dataclass(frozen=True)
class Process:
    name: str
    command: Sequence[str]


def processes(base: Path) -> list[Process]:
    gunicorn = ["gunicorn", "-c", str(base / "deploy/gunicorn.conf.py"), "controlplane.wsgi"]
    celery = ["celery", "-A", "controlplane.celery"]
    worker = ["worker", "--pool", "threads", "--without-gossip", "--without-mingle"]
    quiet = ["--loglevel", "WARNING"]
    commands = {
        "web": [*gunicorn, "--log-level", "warning"],
        "worker": [*celery, *worker, "--without-heartbeat", *quiet],
        "beat": [*celery, "beat", "--pidfile=", *quiet],
    }
    return [Process(name, [sys.executable, "-m", *rest]) for name, rest in commands.items()]


def run(
    wanted: Sequence[Process],
    base: Path,
    logs: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], None],
) -> int:
    """Until a signal comes or one of them ends; then all end. The exit code."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    started = [(each.name, _start(each, base, logs, environment)) for each in wanted]
    try:
        while not asked.wait(0.5):
            for name, child in started:
                if (code := child.poll()) is not None:
                    tell(f"{name} ended with {code}: see {logs / name}.log; all are ended")
                    return 1
        return 0
    finally:
        _end([child for _, child in started])


def _start(
    process: Process, base: Path, logs: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{process.name}.log").open("ab") as log:
        # A session of its own: Ctrl-C reaches the parent alone, which ends them in order.
        return subprocess.Popen(  # noqa: S603 - our own commands
            process.command,
            cwd=base,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
