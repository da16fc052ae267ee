"""Runs schedules one after the other and shows those that violate something."""

import argparse
import gc

from django.db import connection

from tests.simulation.coverage import noted
from tests.simulation.running import run, stage
from tests.simulation.schedule import Schedule
from tests.simulation.tally import Tally, tell

SHOWN = 60


def simulate(given: argparse.Namespace) -> int:
    """0: nothing was violated."""
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    gc.freeze()
    tally = Tally()
    try:
        with stage() as troupe, noted(tally.counted):
            for n in range(given.schedules):
                schedule = run(seed_of(given.seed, n), given.steps, troupe)
                failed = schedule.violation is not None
                tally.add(str(schedule.seed), schedule.steps, schedule.counted, failed=failed)
                show(schedule, given)
                tally.show_progress(given.schedules)
                if given.seconds and tally.seconds > given.seconds:
                    break
    finally:
        connection.close()
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
    tell(tally, as_json=given.json)
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
