"""Runs schedules one after the other and says what they covered."""

import argparse
import gc
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from django.db import connection

from tests.simulation.coverage import not_covered, noted, wanted
from tests.simulation.running import run, stage
from tests.simulation.schedule import Schedule

SHOWN = 60


@dataclass
class Tally:
    begun: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.process_time)
    schedules: int = 0
    steps: int = 0
    failed: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def add(self, schedule: Schedule) -> None:
        self.schedules += 1
        self.steps += schedule.steps
        self.counted.update(schedule.counted)
        if schedule.violation:
            self.failed.append(str(schedule.seed))

    def as_json(self) -> dict[str, object]:
        seconds = time.monotonic() - self.begun
        return {
            "schedules": self.schedules,
            "steps": self.steps,
            "seconds": round(seconds, 1),
            "ms_per_schedule": round(1000 * seconds / max(1, self.schedules)),
            "own_processor_ms_per_schedule": round(
                1000 * (time.process_time() - self.used) / max(1, self.schedules)
            ),
            "violated": self.failed,
            "not_covered": not_covered(self.counted),
        }


def simulate(given: argparse.Namespace) -> int:
    """0: nothing was violated."""
    tally = Tally()
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    gc.freeze()
    try:
        with stage() as troupe, noted(tally.counted):
            for n in range(given.schedules):
                schedule = run(seed_of(given.seed, n), given.steps, troupe)
                tally.add(schedule)
                show(schedule, given)
                if given.seconds and time.monotonic() - tally.begun > given.seconds:
                    break
    finally:
        connection.close()
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
    tell(tally, given)
    return 1 if tally.failed else 0


def seed_of(first: str, n: int) -> str:
    """A seed is a number, so that the next one is known; any other text is a beginning."""
    return str(int(first) + n) if first.isdigit() else (f"{first}/{n}" if n else first)


def show(schedule: Schedule, given: argparse.Namespace) -> None:
    if given.trace:
        print("\n".join(schedule.trace))
    if not schedule.violation:
        return
    if not given.trace:
        print("\n".join(schedule.trace[-SHOWN:]))
    print(f"seed {schedule.seed}: {schedule.violation}")
    print(f"again: make simulate SEED={schedule.seed} STEPS={given.steps} TRACE=1\n", flush=True)


def tell(tally: Tally, given: argparse.Namespace) -> None:
    told = tally.as_json()
    if given.json:
        print(json.dumps(told))
        return
    for what, count in sorted(tally.counted.items()):
        print(f"{count:8} {what}")
    met = len(wanted()) - len(not_covered(tally.counted))
    print(f"covered {met} of {len(wanted())}; not:")
    print("".join(f"  {what}\n" for what in not_covered(tally.counted)) or "  nothing\n", end="")
    print(
        f"{told['schedules']} schedules, {told['steps']} steps, {told['seconds']} s: "
        f"{told['ms_per_schedule']} ms each, "
        f"{told['own_processor_ms_per_schedule']} of them this process's processor time; "
        f"{len(tally.failed)} violated an invariant"
    )
