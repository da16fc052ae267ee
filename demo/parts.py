"""The processes of one demo: started on a leash, watched, and ended in reverse order."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.folder import ROOT

POLL_S = 0.2
END_PATIENCE_S = 8.0
READY_PATIENCE_S = 180.0


class PartLostError(Exception):
    """A part that the story cannot do without has ended."""


@dataclass
class Part:
    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    # A worker may die at any moment; another takes its place.
    restarts: bool = False
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        leash = [sys.executable, "-m", "demo.leash", str(os.getpid())]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                [*leash, *self.command],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    def end(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            # A part that is a script has its program beside it: the whole group ends.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Parts:
    tell: Callable[[str], None]
    parts: list[Part] = field(default_factory=list)
    lost: str = ""
    restarted: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    watcher: threading.Thread | None = None

    def start(self, part: Part) -> None:
        part.start()
        self.parts.append(part)

    def bring_up(self, part: Part) -> None:
        """Start it and wait until it can be used; RuntimeError names the log of one that ends."""
        self.start(part)
        wait_for(lambda: part.ended() is not None or part.ready(), READY_PATIENCE_S, part.name)
        if part.ended() is not None:
            raise RuntimeError(f"{part.name} did not start: see {part.log}")

    def watch(self) -> None:
        """The leash is tied to the thread that starts a process: this one lives to the end."""
        self.watcher = threading.Thread(target=self._watch, name="parts", daemon=True)
        self.watcher.start()

    def _watch(self) -> None:
        while not self.stopping.wait(POLL_S):
            for part in self.parts:
                if (code := part.ended()) is not None:
                    self._replace(part, code)

    def _replace(self, part: Part, code: int) -> None:
        if not part.restarts:
            self.lost = f"{part.name} ended with {code}: see {part.log}"
            self.stopping.set()
            return
        self.restarted += 1
        self.tell(f"{part.name} ended with {code}; another one takes its place")
        part.start()

    def check(self) -> None:
        if self.lost:
            raise PartLostError(self.lost)

    def end(self) -> None:
        self.stopping.set()
        if self.watcher is not None:
            self.watcher.join()
        for part in reversed(self.parts):
            part.end()


def wait_for(condition: Callable[[], bool], patience_s: float, what: str) -> None:
    """Ask with growing pauses; TimeoutError names what did not come."""
    until, pause = time.monotonic() + patience_s, 0.05
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come within {patience_s:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
