"""Several processes side by side, each with its own part of the seeds and its own database."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator

from tests.simulation.tally import Tally, tell


def side_by_side(given: argparse.Namespace) -> int:
    """0: nothing was violated, and no process ended otherwise."""
    if not given.seed.isdigit():
        raise SystemExit("with --jobs the seed is a number")
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands(given)]
    tally = Tally()
    try:
        for each in running:
            add_what_it_tells(each, tally)
    finally:
        for each in running:
            each.terminate()
            each.wait()
    tell(tally, as_json=given.json)
    broken = any(each.returncode not in {0, 1} for each in running)
    return 1 if tally.failed or broken else 0


def commands(given: argparse.Namespace) -> Iterator[list[str]]:
    first, left = int(given.seed), given.schedules
    for job in range(given.jobs):
        share = -(-left // (given.jobs - job))
        command = [sys.executable, "-m", "tests.simulation", "--json", "--seed", str(first)]
        command += ["--schedules", str(share), "--steps", str(given.steps)]
        if given.seconds:
            command += ["--seconds", str(given.seconds)]
        if share:
            yield command
        first, left = first + share, left - share


def add_what_it_tells(process: subprocess.Popen[str], tally: Tally) -> None:
    """Its last line is its tally; before that it shows what it found."""
    last = ""
    for line in process.stdout:
        if last:
            print(last, end="", flush=True)
        last = line
    process.wait()
    try:
        tally.merge(json.loads(last))
    except ValueError:
        tally.failed.append("a process that did not end as it should")
        print(last, end="", flush=True)
