"""What the schedules of a run covered, and which of them failed."""

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.coverage import not_covered, wanted

# How often somebody who waits is told how far it is.
TOLD_EVERY_S = 10.0


@dataclass
class Tally:
    begun: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.process_time)
    told: float = field(default_factory=time.monotonic)
    schedules: int = 0
    steps: int = 0
    processor_s: float = 0.0
    failed: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def add(self, seed: str, steps: int, counted: Counter[str], *, failed: bool) -> None:
        self.schedules += 1
        self.steps += steps
        self.counted.update(counted)
        self.processor_s = time.process_time() - self.used
        if failed:
            self.failed.append(seed)

    def merge(self, other: dict[str, Any]) -> None:
        self.schedules += other["schedules"]
        self.steps += other["steps"]
        self.processor_s += other["processor_s"]
        self.failed += other["violated"]
        self.counted.update(other["counted"])

    def show_progress(self, of: int) -> None:
        now = time.monotonic()
        if now - self.told < TOLD_EVERY_S:
            return
        self.told = now
        text = f"{self.schedules} of {of} schedules, {len(self.failed)} violated, "
        print(f"{text}{self.seconds:.0f} s", file=sys.stderr, flush=True)

    def as_json(self) -> dict[str, Any]:
        return {
            "schedules": self.schedules,
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "processor_s": round(self.processor_s, 1),
            "violated": self.failed,
            "counted": dict(self.counted),
        }


def tell(tally: Tally, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(tally.as_json()))
        return
    for what, count in sorted(tally.counted.items()):
        print(f"{count:8} {what}")
    missed = not_covered(tally.counted)
    print(f"covered {len(wanted()) - len(missed)} of {len(wanted())}; not:")
    print("".join(f"  {what}\n" for what in missed) or "  nothing\n", end="")
    each = 1000 / max(1, tally.schedules)
    print(
        f"{tally.schedules} schedules, {tally.steps} steps, {tally.seconds:.1f} s: "
        f"{tally.seconds * each:.0f} ms each, {tally.processor_s * each:.0f} ms of Python's "
        f"processor time; {len(tally.failed)} violated an invariant"
    )
