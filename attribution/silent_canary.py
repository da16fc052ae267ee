"""A canary that has stopped to report, or never began, or reports now and then. PURE."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attribution.attribute_case import Change
from attribution.pairs import Pair
from attribution.stats.lines import Flags, Floats

SILENCE_SCORE = 15.0
SILENT_POINTS = 3  # one lost scrape proves nothing
LEAST_SILENCE = 3.0
USUALLY_MISSING = 0.03
STARTING_POINTS = 5  # a canary that has never reported may only just be starting


@dataclass(frozen=True)
class Silence:
    score: float
    summary: str


def silence(pair: Pair, change: Change, exposed: Flags) -> Silence | None:
    """The canary has stopped to report (or never began) while the control goes on."""
    told = np.flatnonzero(np.isfinite(pair.control) & exposed)
    silent = ~np.isfinite(pair.canary[told])
    run = int(np.argmin(silent[::-1])) if not silent.all() else silent.size
    if run < (SILENT_POINTS if run < silent.size else STARTING_POINTS):
        # Of how many calls a caller sees nobody tells, so their absence says little.
        return None if pair.peer else _gaps(pair, change, told, silent)
    earlier = silent[: silent.size - run]
    usual = (earlier.sum() + 1.0) / (earlier.size + 20.0)
    due = _due(pair, change, told[-run:])
    least = math.inf if due is None else float(due.sum())
    score = min(SILENCE_SCORE, run * math.log(1.0 / usual), least)
    if score < LEAST_SILENCE:
        return None
    span = pair.t[told[-1]] - pair.t[told[-run]]
    summary = f"canary silent for {span:.0f} s ({run} reads) while control reports {pair.metric}"
    return Silence(score, summary)


def _due(pair: Pair, change: Change, told: "npt.NDArray[np.intp]") -> Floats | None:
    """Requests that the canary would have had by its share: none is as likely as e^−this."""
    share = change.share_at(pair.t[told])
    if pair.control_n is not None:
        return np.asarray(pair.control_n[told] * share / np.maximum(1.0 - share, 0.01))
    return None if pair.requests is None else np.asarray(pair.requests[told] * share)


def _gaps(
    pair: Pair, change: Change, told: "npt.NDArray[np.intp]", silent: Flags
) -> Silence | None:
    """A canary that is now here, now gone: n·KL(missing share ‖ usual) of what is no request."""
    if pair.control_n is not None or silent.sum() < SILENT_POINTS or silent.all():
        return None
    first = int(np.argmin(silent))
    begun = silent[first:]
    if begun.sum() < SILENT_POINTS:
        return None
    due = _due(pair, change, told[first:])
    usual = USUALLY_MISSING if due is None else max(USUALLY_MISSING, float(np.exp(-due).mean()))
    missing = begun.sum() / begun.size
    if missing <= usual:
        return None
    score = begun.size * (
        missing * math.log(missing / usual) + (1 - missing) * math.log((1 - missing) / (1 - usual))
    )
    if score < LEAST_SILENCE:
        return None
    seen = f"{begun.sum()} of {begun.size} reads while control reports {pair.metric}"
    return Silence(min(score, SILENCE_SCORE), f"canary silent in {seen}")
