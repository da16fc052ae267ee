"""Real parts for the tests: programs of the distribution, on free ports, ended with the test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

READY_S = 60.0
END_S = 10.0


def need(program: str, package: str) -> str:
    """The program's path. With CI=true a missing part is a failure, else the test is skipped."""
    found = shutil.which(program)
    if found:
        return found
    missing = f"{program} is missing: apt-get install -y --no-install-recommends {package}"
    return pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """Runs in the folder until the `with` ends, or the tests do. `ready()`: can it be used? An
    OSError is no. What it says goes to NAME.log.
    """

    def __init__(
        self, argv: Sequence[str], folder: Path, ready: Callable[[], bool], name: str = ""
    ) -> None:
        # setpriv becomes the program: the kernel tells it when its parent is gone.
        self.argv = ["setpriv", "--pdeathsig", "KILL", *argv]
        self.folder, self.ready = folder, ready
        self.log = folder / f"{name or Path(argv[0]).name}.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.end()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._until_ready()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        self.process.kill()
        self.process.wait()

    def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.argv[3]} is not ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.ready()
        return False
