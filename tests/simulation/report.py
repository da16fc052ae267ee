"""Runs schedules and says what they covered."""

import argparse
import time
from collections import Counter

from django.db import connection

from tests.simulation.running import run, stage
from tests.simulation.schedule import Schedule

SHOWN = 60


def simulate(given: argparse.Namespace) -> int:
    """0: nothing was violated."""
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    counted: Counter[str] = Counter()
    begun_used = time.process_time()
    begun, steps, done, failed = time.monotonic(), 0, 0, []
    try:
        with stage() as troupe:
            for n in range(given.schedules):
                schedule = run(seed_of(given.seed, n), given.steps, troupe)
                counted += schedule.counted
                steps, done = steps + schedule.steps, done + 1
                if given.trace:
                    print("\n".join(schedule.trace))
                if schedule.violation:
                    failed.append(schedule.seed)
                    say_why(schedule, given.steps)
                if given.seconds and time.monotonic() - begun > given.seconds:
                    break
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
    seconds, used = time.monotonic() - begun, time.process_time() - begun_used
    for what, count in sorted(counted.items()):
        print(f"{count:8} {what}")
    print(
        f"{done} schedules, {steps} steps, {seconds:.0f} s, {1000 * seconds / done:.0f} ms each, {1000 * used / done:.0f} ms of its own processor time; "
        f"{len(failed)} violated an invariant{': seeds ' + ', '.join(map(str, failed)) if failed else ''}"
    )
    return 1 if failed else 0


def seed_of(first: str, n: int) -> str:
    return str(int(first) + n) if first.isdigit() else f"{first}/{n}"


def say_why(schedule: Schedule, steps: int) -> None:
    print("\n".join(schedule.trace[-SHOWN:]))
    print(f"seed {schedule.seed}: {schedule.violation}")
    print(f"again: make simulate SEED={schedule.seed} STEPS={steps}\n")
