"""`detect` on labelled real series: segment F1 beside 3σ, NAB's rule beside published results.

    python bench/detect_series.py PATH

PATH: a .jsonl.gz file, or a folder of them; one `detect` case a line, with
`"expect": {"segments": [[start, end], …]}` (segment_rule.py) or `{"windows": …}` (nab_rule.py).

Constants of `detect` were chosen on the even lines (0, 2, …) of each file, "developed on"; the odd
lines, "kept aside", were scored when the constants stood. NAB's rule chooses one threshold on the
series it scores; "elsewhere" is the score of one half with the threshold of the other.
"""

import gzip
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nab_rule
import numpy as np
import segment_rule

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.detect import detect

Case = dict[str, Any]
Floats = nab_rule.Floats
GAUSSIAN_WINDOW = 1000

# https://github.com/numenta/NAB#scoreboard (NAB 1.0): all 58 files, standard / low FP / low FN.
# Last column: the standard score on the 33 files of nab.jsonl.gz, added up from the detector's
# results/*/*_standard_scores.csv there; its threshold was optimised on all 58.
PUBLISHED = (
    ("Numenta HTM (0.5.6)", 70.1, 63.1, 74.3, math.nan),
    ("CAD OSE", 69.9, 67.0, 73.2, 66.3),
    ("NumentaTM HTM", 64.6, 56.7, 69.2, 62.1),
    ("KNN CAD", 58.0, 43.4, 64.8, 60.9),
    ("Relative Entropy", 54.6, 47.6, 58.8, 51.2),
    ("Random Cut Forest", 51.7, 38.4, 59.7, 56.7),
    ("Twitter ADVec 1.0.0", 47.1, 33.6, 53.5, 46.9),
    ("Windowed Gaussian", 39.6, 20.9, 47.4, 38.9),
    ("Etsy Skyline", 35.7, 27.1, 44.5, math.nan),
    ("Bayesian Changepoint", 17.7, 3.2, 32.2, math.nan),
    ("EXPoSE", 16.4, 3.2, 26.9, math.nan),
    ("Random", 11.0, 1.2, 19.5, math.nan),
)


def read(path: Path) -> list[Case]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def values(case: Case) -> Floats:
    return np.array(case["v"], dtype=np.float64)


def three_sigma_hindsight(case: Case) -> Floats:
    """|v − mean|/σ of the whole series: it sees the future."""
    v = values(case)
    return np.nan_to_num(np.abs(v - np.nanmean(v)) / max(float(np.nanstd(v)), 1e-12))


def trailing_z(case: Case) -> Floats:
    """|v − mean|/σ of the GAUSSIAN_WINDOW points before."""
    v = values(case)
    known = np.isfinite(v)
    sums = [
        np.concatenate(([0.0], np.cumsum(np.where(known, power, 0.0))))
        for power in (np.ones_like(v), v, v * v)
    ]
    start = np.maximum(np.arange(v.size) - GAUSSIAN_WINDOW, 0)
    count, total, square = (each[:-1] - each[start] for each in sums)
    mean = total / np.maximum(count, 1)
    spread = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 1e-12))
    return np.nan_to_num(np.where(count >= 10, np.abs(v - mean) / spread, 0.0))


def windowed_gaussian(case: Case) -> Floats:
    """NAB's baseline: 1 − upper tail probability of the trailing z."""
    return np.array([1.0 - 0.5 * math.erfc(z / math.sqrt(2.0)) for z in trailing_z(case)])


def found_by_detect(case: Case) -> list[segment_rule.Interval]:
    return [(each["start"], each["end"]) for each in detect(case)["anomalies"]]


def above_three(score: Callable[[Case], Floats]) -> Callable[[Case], list[segment_rule.Interval]]:
    return lambda case: segment_rule.joined(score(case) >= 3.0, case["t"])


SEGMENT_FINDERS = (
    ("detect", found_by_detect),
    ("3 sigma, in hindsight", above_three(three_sigma_hindsight)),
    (f"3 sigma, last {GAUSSIAN_WINDOW} points", above_three(trailing_z)),
)
NAB_SCORERS: tuple[tuple[str, Callable[[Case], Any]], ...] = (
    ("detect", lambda case: detect(case)["scores"]),
    ("windowed Gaussian", windowed_gaussian),
    ("3 sigma, in hindsight", three_sigma_hindsight),
)


def parts(cases: Sequence[Case]) -> list[tuple[str, Sequence[Case]]]:
    return [("developed on", cases[::2]), ("kept aside", cases[1::2]), ("all", cases)]


def segments(cases: Sequence[Case]) -> None:
    print("segment F1 (precision, recall; hits, missed, false)")
    for name, find in SEGMENT_FINDERS:
        for part, chosen in parts(cases):
            counts = segment_rule.Counts()
            for case in chosen:
                counts += segment_rule.count(find(case), case["expect"]["segments"])
            print(
                f"  {name:24} {part:13} {counts.f1:.3f} ({counts.precision:.2f}, "
                f"{counts.recall:.2f}; {counts.hits}, {counts.missed}, {counts.false})"
            )


def prepared(cases: Sequence[Case], score: Callable[[Case], Any]) -> list[nab_rule.Series]:
    return [nab_rule.prepared(case["t"], score(case), case["expect"]["windows"]) for case in cases]


def windows(cases: Sequence[Case]) -> None:
    print("NAB: " + " / ".join(profile.name for profile in nab_rule.PROFILES))
    for name, score in NAB_SCORERS:
        ready = prepared(cases, score)
        halves = [ready[::2], ready[1::2]]
        for part, chosen, other in (
            ("developed on", halves[0], halves[0]),
            ("kept aside", halves[1], halves[1]),
            ("kept aside, threshold elsewhere", halves[1], halves[0]),
            ("all", ready, ready),
        ):
            print(f"  {name:24} {part:32} {' / '.join(nab_scores(chosen, other))}")
    print("  published by NAB, 58 files; last: standard on these 33")
    for name, *figures in PUBLISHED:
        shown = " / ".join(f"{figure:.1f}" for figure in figures[:3])
        print(f"  {name:24} {shown}{subset(figures[3])}")


def subset(figure: float) -> str:
    return "" if math.isnan(figure) else f"; {figure:.1f}"


def nab_scores(chosen: Sequence[nab_rule.Series], other: Sequence[nab_rule.Series]) -> list[str]:
    found = []
    for profile in nab_rule.PROFILES:
        threshold = nab_rule.best_threshold(other, profile)
        found.append(f"{nab_rule.normalised(chosen, profile, threshold):.1f}")
    return found


def cost(cases: Sequence[Case]) -> None:
    longest = max(cases, key=lambda case: len(case["v"]))
    start = time.process_time()
    detect(longest)
    spent = time.process_time() - start
    print(f"  cost: {len(longest['v'])} points in {spent:.2f} s of CPU")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python bench/detect_series.py PATH")
    path = Path(sys.argv[1])
    files = sorted(path.glob("*.jsonl.gz")) if path.is_dir() else [path]
    if not files:
        sys.exit(f"No .jsonl.gz in {path}.")
    for file in files:
        cases = read(file)
        print(f"{file.name}: {len(cases)} series")
        rule = windows if "windows" in cases[0]["expect"] else segments
        rule(cases)
        cost(cases)


if __name__ == "__main__":
    main()
