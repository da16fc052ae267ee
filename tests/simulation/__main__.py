"""python -m tests.simulation --seed 1 --steps 150 --schedules 100"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path


def main() -> int:
    given = arguments()
    # In memory, where there is some: what is simulated need not outlive the process.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where, prefix="graygate-simulation-") as folder:
        if "DATABASE_URL" not in os.environ:
            os.environ["GRAYGATE_VAR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "controlplane.settings"
        import django  # noqa: PLC0415 - after the environment says where the rows lie

        django.setup()
        from tests.simulation.report import simulate  # noqa: PLC0415

        return simulate(given)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seed", default="1", help="of the first schedule; each next adds 1")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--schedules", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="end after about so long")
    parser.add_argument("--trace", action="store_true", help="print the trace of each schedule")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
