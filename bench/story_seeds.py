"""The demo's story for many seeds:
`python bench/story_seeds.py 1 20 [--streams 2] [--cases FOLDER] [-- OPTIONS]`.

OPTIONS go to `python -m demo`, such as `--rounds 4`, or `--real yes --broker rabbitmq`. Prints what
came of each seed (exit code, seconds, what did not hold, how long a bad version was out), and at
the end how many were told, and of the changes who was rolled back. Two to five minutes a seed,
streams side by side. With `--cases` the folder gets `seed-N.jsonl` for each: every finding with its
case and the answer, for `manage.py backtest`.
"""

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# As the story's table has it: mark, what was expected, what was read back.
ROW = re.compile(r"^(?P<mark>[✔✖])\s+(?P<what>\S.*?)(?:\s{2,}(?P<seen>\S.*))?$")
CULPRIT = "API says rolled back"
NEVER = ("never rolled back", "never halted")
RECOVERED = ("recovery is on record", "was paged, and it resolved")


@dataclass(frozen=True)
class Row:
    """One line of a table; what was read back may go on below, and is told here up to there."""

    what: str
    holds: bool
    seen: str


@dataclass(frozen=True)
class Told:
    """What one seed came to."""

    exit: int
    counts: Counter[str]


def play(seed: int, options: Sequence[str], cases: Path | None) -> Told:
    began = time.monotonic()
    command = [sys.executable, "-m", "demo", "--once", "--seed", str(seed), *options]
    command += ["--cases", str(cases.resolve() / f"seed-{seed}.jsonl")] if cases else []
    folder = ["--var", str(ROOT / "var" / f"seed-{seed}")]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, *folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    failed = [line for line in lines if line.startswith("✖")]
    took = [line for line in lines if "to zero exposure" in line]
    seconds = time.monotonic() - began
    print(f"seed {seed}: exit {done.returncode}, {seconds:.0f} s {'; '.join(failed)}", flush=True)
    print("".join(f"    {line}\n" for line in took), end="", flush=True)
    (ROOT / "var" / f"seed-{seed}" / "story.log").write_text(done.stdout + done.stderr)
    return Told(done.returncode, counted(lines))


def counted(lines: Iterable[str]) -> Counter[str]:
    """Rounds with a culprit, those in which it alone was rolled back, and so on."""
    counts: Counter[str] = Counter()
    for rows in rounds_of(lines):
        culprits = [row.holds for row in rows if CULPRIT in row.what]
        # Where the story forgives no halt, one counts as well.
        harmed = [not row.holds for row in rows if row.what.endswith(NEVER)]
        recovered = [row.holds for row in rows if any(each in row.what for each in RECOVERED)]
        halted = [row for row in rows if row.what.endswith(NEVER) and "halt" in row.seen]
        counts["culprits"] += len(culprits)
        counts["alone"] += bool(culprits) and all(culprits) and not any(harmed)
        counts["harmless"] += len(harmed)
        counts["harmed"] += sum(harmed)
        counts["halted"] += len(halted)
        counts["recovered"] += bool(culprits) and bool(recovered) and all(recovered)
    return counts


def rounds_of(lines: Iterable[str]) -> Iterable[list[Row]]:
    """Of each round its table."""
    rows: list[Row] = []
    for line in lines:
        if line.startswith("Round ") and rows:
            yield rows
            rows = []
        if found := ROW.match(line):
            rows.append(Row(found["what"], found["mark"] == "✔", found["seen"] or ""))
    if rows:
        yield rows


def summary(told: Sequence[Told]) -> str:
    counts: Counter[str] = sum((each.counts for each in told), Counter())
    harmed = f"harmless changes rolled back: {counts['harmed']} of {counts['harmless']}"
    harmed += f", halted for a while: {counts['halted']}"
    return (
        f"{sum(not each.exit for each in told)} of {len(told)} told; "
        f"culprit alone rolled back: {counts['alone']} of {counts['culprits']}; {harmed}; "
        f"recovery confirmed: {counts['recovered']} of {counts['culprits']}"
    )


def parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own, and those behind `--`."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--cases", type=Path, help="folder for what attribution saw")
    own, options = parted(sys.argv[1:])
    given = parser.parse_args(own)
    with ThreadPoolExecutor(given.streams) as pool:
        seeds = range(given.first, given.last + 1)
        told = list(pool.map(lambda seed: play(seed, options, given.cases), seeds))
    print(summary(told))


if __name__ == "__main__":
    main()
