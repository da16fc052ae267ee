"""A run: schedules on one production, three side by side, and a last look at all of it."""

import argparse
import subprocess
import sys
import threading

from demo.folder import ROOT
from tests.chaos.breaks import biting
from tests.chaos.checks import check, make_ready, there_once
from tests.chaos.findings import Findings
from tests.chaos.mail import Mail
from tests.chaos.plan import LANES, draw
from tests.chaos.production import Production
from tests.chaos.report import Report
from tests.chaos.schedule import Schedule

AGAIN = "again: make chaos SEED={seed} SCHEDULES=1"


def tell(text: str) -> None:
    print(text, flush=True)


def run(made: Production, given: argparse.Namespace) -> int:
    """0: nothing was violated."""
    every = Run(made, given.seed + given.schedules, given.seconds)
    # As many seeds as lanes in a row are all lanes. Nobody waits for them who was told to stop.
    firsts = [given.seed + n for n in range(len(LANES))]
    lanes = [threading.Thread(target=every.lane, args=(n,), daemon=True) for n in firsts]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    the_end(every.played, every.mail)
    every.report.findings.counted["the ledger's disk was full"] += made.postgres.refusals()
    told = conclude(every.report, made)
    if given.breaks:
        return biting(every.played[-1], tell) or told
    return told


class Run:
    def __init__(self, made: Production, end: int, seconds: float | None) -> None:
        self.made, self.end, self.seconds = made, end, seconds
        self.report = Report(Findings())
        self.mail = Mail(made, self.report.findings)
        self.played: list[Schedule] = []
        self.one_at_a_time = threading.Lock()

    def lane(self, seed: int) -> None:
        """One schedule after the other, of every third seed from this one on."""
        while seed < self.end and not (self.seconds and self.report.seconds() > self.seconds):
            try:
                self.one_more(seed)
            except Exception as error:  # noqa: BLE001 - the lane goes on, and the run has failed
                problem = f"{type(error).__name__}: {error}"
                self.report.findings.look("played", seed, problem)
            seed += len(LANES)

    def one_more(self, seed: int) -> None:
        without = frozenset() if self.made.postgres.mounted else frozenset({"disk_full"})
        schedule = Schedule(draw(seed, without), self.made, self.report.findings)
        make_ready(schedule)
        schedule.play()
        check(schedule)
        with self.one_at_a_time:
            self.mail.struck += schedule.struck
            self.played.append(schedule)
            self.report.add(schedule)
            waiting = self.mail.look(seed)
            tell(f"{len(self.played)}: {self.report.line(schedule, waiting)}")
            for text in self.report.findings.of(seed):
                tell(f"   VIOLATION {text}; {AGAIN.format(seed=seed)}")


def conclude(report: Report, made: Production) -> int:
    if not made.postgres.mounted:
        tell("no right to mount: the fault disk_full was not drawn")
    for seed, text in report.findings.violations:
        tell(f"VIOLATION, seed {seed}: {text}\n  {AGAIN.format(seed=seed)}")
    tell(report.text())
    return 1 if report.findings.violations else 0


def the_end(played: list[Schedule], mail: Mail) -> None:
    """Every wish is answered, every message has arrived, and the ledger is whole."""
    findings, seed = mail.findings, played[-1].plan.seed
    for schedule in played:
        for thread in schedule.threads:
            thread.join()
        for title in schedule.wishes:
            findings.look("once", schedule.plan.seed, there_once(title))
    mail.end(seed)
    argv = [sys.executable, "manage.py", "verify_ledger"]
    done = subprocess.run(
        argv, cwd=ROOT, env=mail.production.values, capture_output=True, text=True, check=False
    )
    told = (done.stdout + done.stderr).strip()
    findings.look("verify_ledger", seed, told if done.returncode else "")
    tell(told.splitlines()[-1] if told else "verify_ledger says nothing")
