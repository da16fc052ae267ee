"""The demo's story for many seeds: `python bench/story_seeds.py 1 20 [streams]`.

Prints a line a seed (exit code, seconds, what did not hold) and how many were told; about three
minutes a seed, streams side by side.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def play(seed: int) -> bool:
    began = time.monotonic()
    command = [sys.executable, "-m", "demo", "--once", "--seed", str(seed)]
    folder = ["--var", str(ROOT / "var" / f"seed-{seed}")]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, *folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    failed = [line.strip() for line in done.stdout.splitlines() if line.startswith("✖")]
    seconds = time.monotonic() - began
    print(f"seed {seed}: exit {done.returncode}, {seconds:.0f} s {'; '.join(failed)}", flush=True)
    return done.returncode == 0


def main() -> None:
    first, last = int(sys.argv[1]), int(sys.argv[2])
    streams = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with ThreadPoolExecutor(streams) as pool:
        told = list(pool.map(play, range(first, last + 1)))
    print(f"{sum(told)} of {len(told)} told")


if __name__ == "__main__":
    main()
