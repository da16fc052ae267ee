"""The demo's story for many seeds: `python bench/story_seeds.py 1 20 [--streams 2] [-- OPTIONS]`.

OPTIONS go to `python -m demo`, such as `--real yes --broker rabbitmq --processes 2`. Prints what
came of each seed (exit code, seconds, what did not hold, how long a bad version was out) and how
many were told; three to five minutes a seed, streams side by side.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def play(seed: int, options: Sequence[str]) -> bool:
    began = time.monotonic()
    command = [sys.executable, "-m", "demo", "--once", "--seed", str(seed), *options]
    folder = ["--var", str(ROOT / "var" / f"seed-{seed}")]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, *folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    failed = [line.strip() for line in done.stdout.splitlines() if line.startswith("✖")]
    took = [line.strip() for line in done.stdout.splitlines() if "to zero exposure" in line]
    seconds = time.monotonic() - began
    print(f"seed {seed}: exit {done.returncode}, {seconds:.0f} s {'; '.join(failed)}", flush=True)
    print("".join(f"    {line}\n" for line in took), end="", flush=True)
    return done.returncode == 0


def parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own, and those behind `--`."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--streams", type=int, default=1)
    own, options = parted(sys.argv[1:])
    given = parser.parse_args(own)
    with ThreadPoolExecutor(given.streams) as pool:
        seeds = range(given.first, given.last + 1)
        told = list(pool.map(lambda seed: play(seed, options), seeds))
    print(f"{sum(told)} of {len(told)} told")


if __name__ == "__main__":
    main()
