"""Real parts that tests start: programs of the distribution, on free ports, each in a folder."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def need(program: str, package: str) -> str:
    """The path of the program. Missing: a failure in CI, elsewhere a skip that says what to do."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        missing = f"{program}: apt-get install -y --no-install-recommends {package}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], patience_s: float, what: str) -> None:
    """Generous: the deadline ends a test that would never end, it decides none."""
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {patience_s:g} s"
        time.sleep(0.1)


class Process:
    """`with Process(argv, folder, ready=…) as one:` runs it until the block or its parent ends."""

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        ready: Callable[[], Any] = lambda: True,
        environment: Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        self.argv, self.folder, self.ready, self.environment = argv, folder, ready, environment
        self.log = folder / f"{name or Path(argv[0]).name}.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509 — one system call
            )
        try:
            wait_until(self._is_up, 240, f"{self.argv[0]} (see {self.log})")
        except BaseException:
            self.end()
            raise

    def end(self, how: int = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _is_up(self) -> Any:
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        # Not listening yet is not ready.
        with suppress(OSError):
            return self.ready()
        return False
