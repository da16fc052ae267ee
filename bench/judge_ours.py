"""Our judge on what `judge_worlds` draws: the rule of `attribution.judge`, for many cases at once.

Left out is what the worlds never show (a cohort that stays silent, a source that cannot be read);
the silence's share of the evidence is not spent on anything else.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from judge_scenarios import ALPHA, BETA, MARGIN, PASS_MARGIN
from judge_verdicts import Verdicts, verdicts_of
from judge_worlds import Drawn, Floats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.evidence import Readings, Terms, decisive, weigh
from attribution.judge import SILENCE

TERMS = Terms(
    direction="increase",
    margin=MARGIN,
    pass_margin=PASS_MARGIN,
    pass_level=math.log(1 / BETA),
)


def verdicts(drawn: Drawn, metrics: int, starts: Sequence[int] = (0,), settle: int = 0) -> Verdicts:
    """`starts`: first look of each epoch; the first `settle` looks are not used."""
    terms = replace(
        TERMS,
        level=decisive(ALPHA, (1 - SILENCE) / metrics),
        warming=warming(drawn.canary.shape[2], settle),
    )
    weighed = weigh(Readings(**vars(settled(drawn, settle))), terms, list(starts))
    shares = weighed.harm.reshape(-1, metrics, weighed.harm.shape[-1])
    total = np.logaddexp.reduce(shares, axis=1) - math.log(metrics) + math.log(1 - SILENCE)
    health = weighed.health.reshape(shares.shape).min(axis=1)
    # Evidence that is not a number must not look like a good judge: it counts as a failure.
    return verdicts_of(~(total < math.log(1 / ALPHA)), health >= math.log(1 / BETA))


def warming(looks: int, settle: int) -> Floats | float:
    """What `judge` allows a canary that has just settled, of one epoch."""
    if not settle:
        return 0.0
    since = np.maximum(np.arange(looks) - settle, 0)
    return math.log1p(MARGIN) * 0.5 ** (3 * since / settle)


def settled(drawn: Drawn, settle: int) -> Drawn:
    """The first `settle` looks as if nothing had been reported in them."""
    if not settle:
        return drawn
    nothing = np.nan if drawn.kind == "value" else 0.0
    control, canary = drawn.control.copy(), drawn.canary.copy()
    control[:, :, :settle] = nothing
    canary[:, :, :settle] = nothing
    return replace(drawn, control=control, canary=canary)
