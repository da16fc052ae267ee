"""The demo as a user runs it: a command, its exit code, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def play(var, *options, seed, timeout, **environment):
    command = [sys.executable, "-m", "demo", "--once", "--seed", str(seed), "--var", str(var)]
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    print(done.stdout)  # noqa: T201 - shown when the test fails
    return done


def left_behind(var):
    """Processes that have the demo's folder in their command, or in their environment."""
    pids = (entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in pids if mentions(int(pid), str(var))]


def mentions(pid, text):
    try:
        told = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    except OSError:
        return False
    return pid != os.getpid() and any(text.encode() in each for each in told)
