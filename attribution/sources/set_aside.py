"""What a server would not or could not answer: not asked again with each read.

Kept by the process, not in rows: forgetting it costs a few requests.
"""

import threading
from dataclasses import dataclass

from attribution.sources.batching import Part

# After so long it is asked again, alone: the server may have been taught, or have grown.
AGAIN_S = 600.0
MOST = 10_000


@dataclass(frozen=True)
class _Entry:
    why: str
    until: float


class SetAside:
    """Of one server. Times are the caller's monotonic clock."""

    def __init__(self) -> None:
        self._refused: dict[Part, _Entry] = {}
        self._slow: set[Part] = set()
        self._lock = threading.Lock()

    def why(self, part: Part, now: float) -> str:
        """Why the part is not to be asked now; empty: it is."""
        entry = self._refused.get(part)
        return entry.why if entry and now < entry.until else ""

    def alone(self, part: Part) -> bool:
        """Whether it would spoil a batch: it was refused, or was in one that took too long."""
        return part in self._refused or part in self._slow

    def refuse(self, part: Part, why: str, now: float) -> None:
        with self._lock:
            if len(self._refused) >= MOST:
                self._refused.clear()
            self._refused[part] = _Entry(why, now + AGAIN_S)
            self._slow.discard(part)

    def suspect(self, part: Part) -> None:
        with self._lock:
            if len(self._slow) < MOST:
                self._slow.add(part)

    def clear(self, part: Part) -> None:
        if self.alone(part):
            with self._lock:
                self._refused.pop(part, None)
                self._slow.discard(part)


_BY_SERVER: dict[str, SetAside] = {}


def set_aside(server: str) -> SetAside:
    return _BY_SERVER.setdefault(server, SetAside())
