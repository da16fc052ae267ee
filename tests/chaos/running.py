"""A run: schedule after schedule on one production, and all of it looked at again at the end."""

import argparse
import subprocess
import sys

from demo.folder import ROOT
from tests.chaos.breaks import biting
from tests.chaos.checks import check, make_ready, there_once
from tests.chaos.findings import Findings
from tests.chaos.mail import Mail
from tests.chaos.plan import draw
from tests.chaos.production import SERVICES, Production
from tests.chaos.report import Report
from tests.chaos.schedule import Schedule

AGAIN = "again: make chaos SEED={seed} SCHEDULES=1"


def tell(text: str) -> None:
    print(text, flush=True)


def run(made: Production, given: argparse.Namespace) -> int:
    """0: nothing was violated."""
    report = Report(Findings())
    mail = Mail(made, report.findings)
    played = []
    for n in range(given.schedules):
        played.append(one_more(made, report, mail, given.seed + n))
        if given.seconds and report.seconds() > given.seconds:
            break
    the_end(played, mail)
    report.findings.counted["the ledger's disk was full"] += made.postgres.refusals()
    told = conclude(report, made)
    if given.breaks:
        return biting(played[-1], tell) or told
    return told


def conclude(report: Report, made: Production) -> int:
    if not made.postgres.mounted:
        tell("no right to mount: the fault disk_full was not drawn")
    for seed, text in report.findings.violations:
        tell(f"VIOLATION, seed {seed}: {text}\n  {AGAIN.format(seed=seed)}")
    tell(report.text())
    return 1 if report.findings.violations else 0


def one_more(made: Production, report: Report, mail: Mail, seed: int) -> Schedule:
    without = frozenset() if made.postgres.mounted else frozenset({"disk_full"})
    schedule = Schedule(draw(seed, SERVICES, without), made, report.findings)
    make_ready(schedule)
    schedule.play()
    mail.struck += schedule.struck
    check(schedule)
    waiting = mail.look(seed)
    report.add(schedule)
    tell(f"{len(report.schedules)}: {report.line(schedule, waiting)}")
    for text in report.findings.of(seed):
        tell(f"   VIOLATION {text}; {AGAIN.format(seed=seed)}")
    return schedule


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
