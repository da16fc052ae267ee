"""The processes of one production: each is started again when it has ended, as systemd would."""

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from demo.parts import Part, wait_for

RESTART_S = 0.5
POLL_S = 0.1


@dataclass
class Unit:
    part: Part
    # Not started again while a fault lasts.
    held: bool = False
    ended_at: float | None = None
    restarts: int = 0

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        """To all of its processes: a service manager ends them together."""
        if self.part.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.part.process.pid, number)

    def see_to(self) -> None:
        if self.part.ended() is None:
            self.ended_at = None
            return
        now = time.monotonic()
        self.ended_at = self.ended_at or now
        if not self.held and now - self.ended_at >= RESTART_S:
            self.restarts += 1
            self.part.start()


@dataclass
class Units:
    by_name: dict[str, Unit] = field(default_factory=dict)
    ending: threading.Event = field(default_factory=threading.Event)
    watcher: threading.Thread | None = None

    def __getitem__(self, name: str) -> Unit:
        return self.by_name[name]

    def bring_up(self, part: Part) -> None:
        self.by_name[part.name] = Unit(part)
        part.start()
        wait_for(lambda: part.ended() is not None or part.ready(), 120, part.name)
        if part.ended() is not None:
            raise RuntimeError(f"{part.name} did not start: see {part.log}")

    def watch(self) -> None:
        """A process ends with the thread that started it: this one lives to the end."""
        self.watcher = threading.Thread(target=self._watch, name="units", daemon=True)
        self.watcher.start()

    def _watch(self) -> None:
        while not self.ending.wait(POLL_S):
            for unit in self.by_name.values():
                unit.see_to()

    def end(self) -> None:
        self.ending.set()
        if self.watcher is not None:
            self.watcher.join()
        for unit in reversed(self.by_name.values()):
            unit.go_on()
            unit.part.end()
