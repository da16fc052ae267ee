"""python -m tests.simulation --seed 1 --steps 80 --schedules 100 --jobs 2"""

import argparse
import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path


def main() -> int:
    given = arguments()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Else the order of a set of names, and with it a seed's story, were each process's own.
        argv = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, argv, {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606
    # Told to stop it ends as by Ctrl-C: with its server and its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if "DATABASE_URL" not in os.environ:
        os.environ["GRAYGATE_VAR"] = folder()
    elif given.jobs > 1:
        sys.exit("--jobs: each process makes a database of its own; unset DATABASE_URL")
    os.environ["DJANGO_SETTINGS_MODULE"] = "controlplane.settings"
    import django  # noqa: PLC0415 - after the environment says where the rows lie

    django.setup()
    from tests.simulation.jobs import side_by_side  # noqa: PLC0415
    from tests.simulation.report import simulate  # noqa: PLC0415

    return side_by_side(given) if given.jobs > 1 else simulate(given)


def folder() -> str:
    """In memory, where there is some: what is simulated need not outlive the process."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    where = memory if os.access(memory, os.W_OK) else None
    made = tempfile.mkdtemp(dir=where, prefix=f"graygate-simulation-{os.getpid()}-")
    # Registered before the server's own end is, so done after it.
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument(
        "--seed", default="1", help="of the first schedule; the next one's is 1 more"
    )
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--schedules", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="end after about so long")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--trace", action="store_true", help="print the trace of each schedule")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
