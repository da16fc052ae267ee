"""What a server would not or could not answer: not asked again with each read, and not with others.

Kept by the process, not in rows: forgetting it costs a few requests.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from attribution.sources.batching import Part

# After so long it is asked again, alone: the server may have been taught, or have grown.
AGAIN_S = 600.0
MOST = 10_000
# Into so many lots what was asked together and took too long is divided.
LOTS = 8


@dataclass(frozen=True)
class _Entry:
    why: str
    until: float


class SetAside:
    """Of one server. Times are the caller's monotonic clock."""

    def __init__(self) -> None:
        self._refused: dict[Part, _Entry] = {}
        self._lots: dict[Part, int] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    def why(self, part: Part, now: float) -> str:
        """Why the part is not to be asked now; empty: it is."""
        entry = self._refused.get(part)
        return entry.why if entry and now < entry.until else ""

    def lot(self, part: Part) -> int | None:
        """Parts of one lot are asked together, and apart from all others; None: it has none."""
        return self._lots.get(part)

    def refuse(self, part: Part, why: str, now: float) -> None:
        with self._lock:
            if len(self._refused) >= MOST:
                self._refused.clear()
            self._refused[part] = _Entry(why, now + AGAIN_S)
            self._lots[part] = next(self._numbers)

    def divide(self, parts: Sequence[Part]) -> None:
        """They took too long: one of them may be to blame."""
        size = -(-len(parts) // LOTS)
        with self._lock:
            if len(self._lots) >= MOST:
                self._lots.clear()
            for start in range(0, len(parts), size or 1):
                self._lots.update(dict.fromkeys(parts[start : start + size], next(self._numbers)))

    def clear(self, part: Part) -> None:
        if part in self._lots:
            with self._lock:
                self._refused.pop(part, None)
                self._lots.pop(part, None)


_BY_SERVER: dict[str, SetAside] = {}


def set_aside(server: str) -> SetAside:
    return _BY_SERVER.setdefault(server, SetAside())
