"""Our judge on what `judge_worlds` draws: the rule of `attribution.judge`, for many cases at once.

Left out is what the worlds never show (a cohort that stays silent, a source that cannot be read);
the silence's share of the evidence is not spent on anything else.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from judge_scenarios import ALPHA, BETA, MARGIN, PASS_MARGIN
from judge_worlds import Drawn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.evidence import Readings, Terms, weigh

SILENCE = 0.2  # share of a metric's evidence that the silence of the canary may spend
TERMS = Terms(direction="increase", margin=MARGIN, pass_margin=PASS_MARGIN)
Looks = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdicts:
    """Shape (C,). Looks count from 1; looks + 1: never. `passing`: at the last look."""

    failed_at: Looks
    passed_at: Looks
    passing: npt.NDArray[np.bool_]
    looks: int

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        return self.failed_at <= self.looks


def verdicts(drawn: Drawn, metrics: int, starts: Sequence[int] = (0,), settle: int = 0) -> Verdicts:
    """`starts`: first look of each epoch; the first `settle` looks are not used."""
    weighed = weigh(Readings(**vars(settled(drawn, settle))), TERMS, list(starts))
    shares = weighed.harm.reshape(-1, metrics, weighed.harm.shape[-1])
    total = np.logaddexp.reduce(shares, axis=1) - math.log(metrics) + math.log(1 - SILENCE)
    health = weighed.health.reshape(shares.shape).min(axis=1)
    # Evidence that is not a number must not look like a good judge: it counts as a failure.
    return verdicts_of(~(total < math.log(1 / ALPHA)), health >= math.log(1 / BETA))


def verdicts_of(fails: npt.NDArray[np.bool_], passes: npt.NDArray[np.bool_]) -> Verdicts:
    """From what the evidence says at each look, (C, T): a failure is final, a pass is not."""
    passes = passes & ~np.logical_or.accumulate(fails, axis=1)
    return Verdicts(first(fails), first(passes), passes[:, -1], fails.shape[1])


def first(flags: npt.NDArray[np.bool_]) -> Looks:
    """The first look that is true, from 1; T + 1 where none is: (…,) of (…, T)."""
    found = np.where(flags.any(axis=-1), flags.argmax(axis=-1), flags.shape[-1])
    return np.asarray(found + 1, dtype=np.int64)


def settled(drawn: Drawn, settle: int) -> Drawn:
    """The first `settle` looks as if nothing had been reported in them."""
    if not settle:
        return drawn
    nothing = np.nan if drawn.kind == "value" else 0.0
    control, canary = drawn.control.copy(), drawn.canary.copy()
    control[:, :, :settle] = nothing
    canary[:, :, :settle] = nothing
    return replace(drawn, control=control, canary=canary)
