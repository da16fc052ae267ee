import threading
import time


class Throttle:
    """Lets each name through once in `every_s` seconds; threads may share one."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def due(self, name: str) -> bool:
        with self._lock:
            now = time.monotonic()
            if now - self._last.get(name, float("-inf")) < self._every_s:
                return False
            self._last[name] = now
            return True
