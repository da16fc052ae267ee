"""python -m tests.chaos --seed 1 --schedules 200"""

import argparse
import signal
import sys

import django

from tests.chaos.production import production


def main() -> int:
    given = arguments()
    # Told to stop it ends as by Ctrl-C: with its processes and its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with production() as made:
        # The environment of the production decides the settings.
        django.setup()
        from tests.chaos.running import run  # noqa: PLC0415

        return run(made, given)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule; then 1 more")
    parser.add_argument("--schedules", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="begin no other schedule after so long")
    parser.add_argument("--breaks", action="store_true", help="then break each thing on purpose")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
