"""A/A on real series: two halves of one series as control and canary.

    python bench/judge_real.py PATH

PATH: folder with detect/nab.jsonl.gz and detect/microsoft.jsonl.gz, or these two files themselves.

The split. Points 2i and 2i + 1 of a series are one interval: one is the control's and one the
canary's, one unit each; both ways round, since harm has a direction. So the two cohorts share
trend, season, incidents and most of the slow noise, as cohorts of one service do, and the canary
is always half an interval late (or early), which no real canary is. 240 intervals before the
rollout, 60 looks, windows one after the other without common looks. There is one metric a case.

Left out: points that are zero, negative or unknown count as not reported, and a window with more
than a tenth of them, or with fewer than 20 different values (a constant or a count that hardly
moves), is no `value` metric. Series of fewer than 600 points have no window.

There are few series and the windows of one depend on each other: no interval is given.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from judge_ours import verdicts
from judge_print import header, line
from judge_rivals import RIVALS, ever_failed
from judge_scenarios import ALPHA, LOOKS
from judge_worlds import Drawn, Floats

HISTORY = 240
SOURCES = ("nab", "microsoft")
MOST_MISSING = 0.1
FEWEST_VALUES = 20
COLUMNS = ("series", "used", "windows, both ways", "ever failed", "passed", *RIVALS)


def folder(given: str) -> Path:
    path = Path(given)
    return path / "detect" if (path / "detect").is_dir() else path


def series(path: Path) -> Iterator[Floats]:
    """Values in time order, NaN where nothing positive is known."""
    with gzip.open(path, "rt") as lines:
        for each in lines:
            values = np.array(json.loads(each)["v"], dtype=np.float64)
            yield np.where(values > 0, values, np.nan)


def windows(values: Floats) -> Floats:
    """(W, HISTORY + LOOKS, 2): pairs of neighbours; the looks of two windows never overlap."""
    pairs = values[: values.size // 2 * 2].reshape(-1, 2)
    length = HISTORY + LOOKS
    begins = range(0, len(pairs) - length + 1, LOOKS)
    found = [pairs[begin : begin + length] for begin in begins]
    kept = [window for window in found if usable(window)]
    return np.array(kept).reshape(-1, length, 2)


def usable(window: Floats) -> bool:
    missing = np.isnan(window)
    return missing.mean() <= MOST_MISSING and np.unique(window[~missing]).size >= FEWEST_VALUES


def cohorts(pairs: Floats) -> Drawn:
    """W windows as 2W metrics: first the even points as control, then the odd ones."""
    both = np.concatenate((pairs, pairs[..., ::-1]))
    control, canary = both[:, None, :, 0], both[:, None, :, 1]
    return Drawn(
        kind="value",
        control=control[..., HISTORY:],
        canary=canary[..., HISTORY:],
        past_control=control[..., :HISTORY],
        past_canary=canary[..., :HISTORY],
        bounds=None,
        same_units=True,
    )


def row(name: str, all_pairs: list[Floats]) -> list[str]:
    used = [pairs for pairs in all_pairs if len(pairs)]
    drawn = cohorts(np.concatenate(used))
    ours, theirs = verdicts(drawn, 1), ever_failed(drawn, 1)
    return [
        name,
        f"{len(used)} of {len(all_pairs)}",
        f"{ours.failed.size}",
        f"{ours.failed.mean():.4f}",
        f"{ours.passing.mean():.3f}",
        *(f"{theirs[rival].mean():.4f}" for rival in RIVALS),
    ]


def table(path: Path) -> None:
    header(COLUMNS)
    for name in SOURCES:
        found = [windows(values) for values in series(path / f"{name}.jsonl.gz")]
        print(line(row(name, found)), flush=True)
    print(f"\n1 metric, {LOOKS} looks, alpha {ALPHA}")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    table(folder(sys.argv[1]))


if __name__ == "__main__":
    main()
