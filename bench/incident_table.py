"""Attribution on generated incidents, beside its rivals: `python bench/incident_table.py`.

    incident_table.py [COUNT] [FIRST SEED] [--only KIND …] [--workers N] [--no-rivals] [--misses]

Each incident is looked at three and ten minutes after it was noticed. Seeds below 100,000 are for
developing, those from 100,000 on for the figures in docs/attribution.md.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from incident_faults import FAULTS
from incident_rivals import RIVALS
from incident_score import (
    Attributed,
    brier,
    calibration_interval,
    culprits_from,
    harmless_rolled_back,
    pairs,
    reliability,
    share,
)
from incidents import case, incident

from attribution.attribute import attribute
from rollout.standing import CULPRIT_PROBABILITY, SERIOUS_PROBABILITY

LOOKS_S = (180.0, 600.0)
OURS = "graygate"
Rows = dict[tuple[str, float], Attributed]


def one(seed: int, kinds: Sequence[str], *, rivals: bool) -> Rows:
    """By (way, look)."""
    found = incident(seed, kinds)
    rows: Rows = {}
    for look in LOOKS_S:
        labelled = case(found, look)
        rows[OURS, look] = _ours(labelled)
        if rivals:
            for name, rank in RIVALS.items():
                rows[name, look] = _row(labelled, tuple(rank(labelled)))
    return rows


def _ours(labelled: dict[str, Any]) -> Attributed:
    answer = attribute(labelled)
    suspects = answer["suspects"]
    return _row(
        labelled,
        tuple(each["change"] for each in suspects),
        probability={each["change"]: each["probability"] for each in suspects},
        none=answer["none_of_them"],
        vetoed=frozenset(each["change"] for each in suspects if each["vetoes"]),
    )


def _row(labelled: dict[str, Any], ranked: tuple[str, ...], **more: Any) -> Attributed:
    told = {"probability": {}, **more}
    return Attributed(
        labelled["fault"], labelled["culprit"], labelled["twins"], ranked=ranked, **told
    )


def show(table: Sequence[Rows]) -> None:
    ways = sorted({way for rows in table for way, _ in rows}, key=lambda way: way != OURS)
    print("| way | look | culprit first | in the first three | none, when it is so |")
    print("| --- | --- | --- | --- | --- |")
    for way in ways:
        for look in LOOKS_S:
            rows = [each[way, look] for each in table]
            with_culprit = [each for each in rows if each.culprit and not each.twins]
            without = [each for each in rows if not each.culprit]
            first, three = (
                share([r.first for r in with_culprit]),
                share([r.in_three for r in with_culprit]),
            )
            none = share([r.first for r in without]) if way == OURS else "-"
            print(f"| {way} | {look:.0f} s | {first} | {three} | {none} |")
    _show_kinds(table)
    _show_halts(table)
    _show_probabilities([each[OURS, LOOKS_S[-1]] for each in table])


def _show_kinds(table: Sequence[Rows]) -> None:
    print("\n| fault | cases | right first, 180 s | 600 s |\n| --- | --- | --- | --- |")
    for kind in sorted({each[OURS, LOOKS_S[0]].fault for each in table}):
        rows = [each for each in table if each[OURS, LOOKS_S[0]].fault == kind]
        rows = [each for each in rows if not each[OURS, LOOKS_S[0]].twins]
        early, late = (share([each[OURS, look].first for each in rows]) for look in LOOKS_S)
        print(f"| {kind} | {len(rows)} | {early} | {late} |")


def _show_halts(table: Sequence[Rows]) -> None:
    print("\n| look | culprits halted | harmless halted | changes halted an incident |")
    print("| --- | --- | --- | --- |")
    for look in LOOKS_S:
        rows = [each[OURS, look] for each in table]
        harmless = harmless_rolled_back(rows, SERIOUS_PROBABILITY)
        guilty = culprits_from(rows, SERIOUS_PROBABILITY)
        each = (sum(harmless) + sum(guilty)) / len(rows)
        print(f"| {look:.0f} s | {share(guilty)} | {share(harmless)} | {each:.2f} |")


def _show_probabilities(rows: Sequence[Attributed]) -> None:
    back = harmless_rolled_back(rows, CULPRIT_PROBABILITY)
    p, true = pairs(rows)
    print(f"\nharmless changes that would be rolled back: {share(back)} of {len(back)}")
    print(f"calibration error {calibration_interval(p, true)} on {p.size} changes", end="; ")
    print(f"Brier score {brier(p, true):.4f}")
    print("\n| said | changes | mean said | it was |\n| --- | --- | --- | --- |")
    for name, count, said, was in reliability(p, true):
        print(f"| {name} | {count} | {said:.3f} | {was:.3f} |")


def show_misses(table: Sequence[Rows], first_seed: int) -> None:
    for place, each in enumerate(table):
        row = each[OURS, LOOKS_S[-1]]
        if not row.first:
            lead = row.ranked[:1] or ("-",)
            own = row.probability.get(row.culprit or "", 0.0)
            print(
                f"{first_seed + place} {row.fault}: {lead[0]} "
                f"{row.probability.get(lead[0], 0):.2f}, culprit {own:.2f}, none {row.none:.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("first", type=int, nargs="?", default=100_000)
    parser.add_argument("--only", nargs="*", default=(), choices=sorted(FAULTS))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    work = partial(one, kinds=given.only, rivals=not given.no_rivals)
    seeds = range(given.first, given.first + given.count)
    with ProcessPoolExecutor(given.workers) as pool:
        table = list(pool.map(work, seeds, chunksize=4))
    show(table)
    if given.misses:
        show_misses(table, given.first)


if __name__ == "__main__":
    main()
