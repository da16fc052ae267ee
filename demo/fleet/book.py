"""What the generator writes down of its own requests, apart from anything Graygate measures."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

SLOW_S = 1.0
KEPT_WINDOWS = 3600
KEPT_LATENCIES = 20_000


@dataclass(frozen=True)
class Seen:
    """One answered (or lost) request."""

    at: float
    seconds: float
    code: int
    failed_at: str | None
    fault: bool

    @property
    def bad(self) -> bool:
        return self.code >= 500


@dataclass
class Span:
    count: int = 0
    first_at: float | None = None
    last_at: float | None = None

    def add(self, at: float) -> None:
        self.count += 1
        self.first_at = at if self.first_at is None else min(self.first_at, at)
        self.last_at = at if self.last_at is None else max(self.last_at, at)


@dataclass
class Section:
    """The counts of one round."""

    name: str
    started_at: float
    requests: int = 0
    slow: int = 0
    skipped: int = 0
    bad: Span = field(default_factory=Span)
    faults: Span = field(default_factory=Span)
    failed_at: dict[str, Span] = field(default_factory=dict)
    fault_at: dict[str, Span] = field(default_factory=dict)
    codes: Counter[int] = field(default_factory=Counter)
    # [second, requests, errors, slow]
    windows: deque[list[int]] = field(default_factory=lambda: deque(maxlen=KEPT_WINDOWS))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LATENCIES))

    def add(self, seen: Seen) -> None:
        self.requests += 1
        self.slow += seen.seconds > SLOW_S
        self.codes[seen.code] += 1
        self.latencies.append(seen.seconds)
        self._add_window(seen)
        if seen.bad:
            self.bad.add(seen.at)
            self.failed_at.setdefault(seen.failed_at or "unknown", Span()).add(seen.at)
        if seen.fault:
            self.faults.add(seen.at)
        if seen.fault and seen.bad:
            self.fault_at.setdefault(seen.failed_at or "unknown", Span()).add(seen.at)

    def _add_window(self, seen: Seen) -> None:
        if not self.windows or self.windows[-1][0] < int(seen.at):
            self.windows.append([int(seen.at), 0, 0, 0])
        self.windows[-1][1] += 1
        self.windows[-1][2] += seen.bad
        self.windows[-1][3] += seen.seconds > SLOW_S

    def _quantile(self, share: float) -> float | None:
        ordered = sorted(self.latencies)
        return ordered[int(share * (len(ordered) - 1))] if ordered else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "section": self.name,
            "started_at": self.started_at,
            "requests": self.requests,
            "errors": self.bad.count,
            "first_bad_at": self.bad.first_at,
            "last_bad_at": self.bad.last_at,
            "faults": self.faults.count,
            "first_fault_at": self.faults.first_at,
            "last_fault_at": self.faults.last_at,
            "slow": self.slow,
            "skipped": self.skipped,
            "codes": {str(code): number for code, number in sorted(self.codes.items())},
            "failed_at": {where: vars(span) for where, span in self.failed_at.items()},
            "fault_at": {where: vars(span) for where, span in self.fault_at.items()},
            "latency_s": {"p50": self._quantile(0.5), "p99": self._quantile(0.99)},
            "windows": list(self.windows),
        }
