"""`python -m demo.fleet`: the whole fleet in the foreground."""

import argparse
import os
import signal
import sys
from pathlib import Path

import uvloop

from demo.fleet.control import NotHealthyError
from demo.fleet.processes import die_with_parent
from demo.fleet.signing import key_of
from demo.fleet.supervisor import Options, run

SECRET_VARIABLE = "GRAYGATE_FLEET_SECRET"  # noqa: S105 - a variable's name, no secret
SHORTEST_KEY = 16


def options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m demo.fleet", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="file to write the addresses to")
    parser.add_argument("--rate", type=float, default=80.0, help="visitors a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instances", type=int, default=3, help="of each track of each service")
    parser.add_argument("--haproxy", help="path of a HAProxy that is to carry the traffic")
    parser.add_argument(
        "--secret",
        default=os.environ.get(SECRET_VARIABLE),
        help=f"whsec_… of router and pager (default: ${SECRET_VARIABLE})",
    )
    given = parser.parse_args()
    if not given.secret:
        parser.error(f"--secret or ${SECRET_VARIABLE} is required")
    try:
        long_enough = len(key_of(given.secret)) >= SHORTEST_KEY
    except ValueError as error:
        parser.error(str(error))
    if not long_enough:
        parser.error(f"the secret needs {SHORTEST_KEY} bytes or more")
    if given.instances < 1 or given.rate < 0:
        parser.error("--instances is 1 or more, --rate 0 or more")
    return Options(
        state=given.state.resolve(),
        secret=given.secret,
        rate=given.rate,
        seed=given.seed,
        instances=given.instances,
        haproxy=given.haproxy,
    )


def main() -> int:
    chosen = options()
    die_with_parent(signal.SIGTERM)
    try:
        ended = uvloop.run(run(chosen))
    except NotHealthyError as error:
        ended = str(error)
    if ended:
        print(f"fleet: {ended}", file=sys.stderr)
    return 1 if ended else 0


if __name__ == "__main__":
    sys.exit(main())
