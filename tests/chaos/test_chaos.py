"""That `make chaos` goes on working, in a process of its own, as it is run: some schedules, and
then each thing that it looks for broken on purpose.
"""

import re
import subprocess
import sys

import pytest

from demo.folder import ROOT
from tests.chaos.plan import KINDS, draw
from tests.chaos.production import PROGRAMS
from tests.parts import need

HOURS_S = 3600
# Of the seeds from here on, a worker killed, one stopped, PostgreSQL crashed, HAProxy stopped.
SEED, SCHEDULES = 1, 3


def test_draw__same_seed__is_the_same_plan():
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_draw__sixteen_seeds__every_kind_of_fault_and_two_rollouts_each():
    plans = [draw(seed) for seed in range(len(KINDS))]
    assert {kind for plan in plans for kind in plan.kinds} == set(KINDS)
    assert all(2 <= len(plan.strikes) <= 4 and len(plan.actors) >= 2 for plan in plans)


def test_draw__a_kind_that_this_machine_cannot_do__is_never_drawn():
    plans = [draw(seed, frozenset({"disk_full"})) for seed in range(50)]
    assert not any("disk_full" in plan.kinds for plan in plans)


@pytest.mark.e2e
def test_chaos__some_schedules__nothing_lost_and_every_break_noticed():
    for program in PROGRAMS:
        need(program, program)
    argv = [sys.executable, "-m", "tests.chaos", "--seed", str(SEED), "--breaks"]
    done = subprocess.run(
        [*argv, "--schedules", str(SCHEDULES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=HOURS_S,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-6000:]
    assert f"{SCHEDULES} schedules" in told
    assert "VIOLATION" not in told
    assert "NOT NOTICED" not in told
    assert len(re.findall(r"^noticed ", told, re.MULTILINE)) >= 10
