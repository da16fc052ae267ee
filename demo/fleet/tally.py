"""What the router counts: answers by service, track and code, and the recent canary share."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from demo.fleet.layout import CANARY, SERVICES

RECENT_S = 10


def _no_window() -> defaultdict[str, deque[tuple[int, Counter[str]]]]:
    return defaultdict(lambda: deque(maxlen=RECENT_S + 1))


@dataclass
class Tally:
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    recent: defaultdict[str, deque[tuple[int, Counter[str]]]] = field(default_factory=_no_window)

    def count(self, service: str, track: str, code: int, now: float) -> None:
        self.answers[service, track, code] += 1
        window = self.recent[service]
        if not window or window[-1][0] != int(now):
            window.append((int(now), Counter()))
        window[-1][1][track] += 1

    def canary_share(self, service: str, now: float) -> float | None:
        """Of the calls of the last ten seconds; none without a call: that is not zero."""
        seen: Counter[str] = Counter()
        for second, tracks in self.recent[service]:
            if second > now - RECENT_S:
                seen.update(tracks)
        return seen[CANARY] / seen.total() if seen else None

    def as_dict(self, now: float) -> dict[str, Any]:
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for (service, track, code), number in sorted(self.answers.items()):
            counts.setdefault(service, {}).setdefault(track, {})[str(code)] = number
        shares = {service: self.canary_share(service, now) for service in SERVICES}
        return {"counts": counts, "canary_share": shares}
