"""How long a canary took to settle: from harmless exposures, for those that follow. PURE.

A fresh instance is slow until its caches and compilers are warm. Where nobody gives a guardrail's
`settle_s` it is learned: of a rollout that ended well, by how much worse the canary was than the
control at the beginning of its first stage than later.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from attribution.stats.lines import Floats
from attribution.stats.shifts import change_point
from rollout.readings import harm_of, samples, series_of

FEWEST_READINGS = 12
# Standard errors, the largest over all splits of a stage.
COLDER = 4.0
# A curve that decays has one change of level after the other.
MOST_CHANGES = 3
FEWEST_EXPOSURES = 3
LAST_EXPOSURES = 5
# Longer than that nobody should wait for what was only learned.
MOST_LEARNED_S = 900.0


def settled_after(case: Mapping[str, Any], metric: Mapping[str, Any]) -> float | None:
    """Seconds from the beginning of the first stage until the canary is against the control as it
    stays; 0 when it was from the start; None with too few readings of both.
    """
    begin, end = first_stage(case)
    harm, kind = harm_of(metric), metric["kind"]
    told = [
        (at, harm(canary) - harm(control))
        for at, canary, control in zip(
            case["t"], series_of(metric, "canary"), series_of(metric, "control"), strict=True
        )
        if begin < at <= end and samples(kind, canary) > 0 and samples(kind, control) > 0
    ]
    if len(told) < FEWEST_READINGS:
        return None
    times, worse = (np.array(each, dtype=np.float64) for each in zip(*told, strict=True))
    place = _settled_from(worse)
    return float(times[place - 1] - begin) if place else 0.0


def first_stage(case: Mapping[str, Any]) -> tuple[float, float]:
    """From when to when anything was exposed to it and to no later stage."""
    starts = [stage["start"] for stage in case["stages"]] or [0.0]
    return starts[0], next((b for a, b in pairwise(starts) if b > a), float("inf"))


def _settled_from(worse: Floats) -> int:
    """Index of the first reading from which on nothing gets better any more."""
    place = 0
    for _ in range(MOST_CHANGES):
        found, z = change_point(worse[place:])
        if z > -COLDER:
            break
        place += found
    return place


def learned(seconds: Sequence[float]) -> float | None:
    """From how long the last harmless exposures took, newest first: the second longest, so that no
    single one decides. None while there are fewer than FEWEST_EXPOSURES.
    """
    lately = sorted(seconds[:LAST_EXPOSURES], reverse=True)
    return min(lately[1], MOST_LEARNED_S) if len(lately) >= FEWEST_EXPOSURES else None
