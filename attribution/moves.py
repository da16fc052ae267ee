"""How far series moved since an onset, and how much more traffic there is. PURE."""

from collections.abc import Iterable, Iterator

import numpy as np

from attribution.attribute_case import Series
from attribution.stacks import Stack, stacks
from attribution.stats.lines import Floats
from attribution.stats.shifts import harmful, mean_shifts, scattered_shares

LEAST = 2  # points


def moves(series: Iterable[Series], onset: float) -> Iterator[tuple[Series, float]]:
    """How much worse each is since the onset than before, in standard errors; 0: not known."""
    for stack in stacks(series):
        there = np.isfinite(stack.v)
        if stack.n is not None:
            there &= stack.n > 0
        whole = np.asarray(there.all(axis=1))
        for part in (stack.rows(whole), *stack.rows(~whole).each()):
            z = _moved(part, onset, stack.step)
            for one, by in zip(part.series, z.tolist(), strict=True):
                yield one, harmful(by, one.direction)


def _moved(part: Stack, onset: float, step: float) -> Floats:
    before, after = part.t <= onset - step, part.t > onset
    if min(before.sum(), after.sum()) < LEAST or not part.series:
        return np.zeros(len(part.series))
    if part.n is None:
        return mean_shifts(part.v[:, before], part.v[:, after])
    return scattered_shares(
        (part.v[:, before], part.n[:, before]), (part.v[:, after], part.n[:, after])
    )


def traffic(series: Iterable[Series], onset: float) -> dict[str, float]:
    """By service, log of its requests since the onset by those before: from the requests behind
    shares, or a rate that may move both ways.
    """
    telling = [s for s in series if not s.peer and s.cohort == "all"]
    found: dict[str, tuple[str, float]] = {}
    for stack in stacks(s for s in telling if s.n is not None or s.direction == "either"):
        counts = stack.v if stack.n is None else stack.n
        low, high = (_medians(counts[:, side]) for side in (stack.t <= onset, stack.t > onset))
        grown = (low > 0) & (high > 0)
        grew = np.log(np.divide(high, low, out=np.ones_like(low), where=grown))
        for one, known, by in zip(stack.series, grown.tolist(), grew.tolist(), strict=True):
            if known:  # all of a service's metrics tell of the same requests, or nearly
                found[one.service] = min(found.get(one.service, (one.metric, by)), (one.metric, by))
    return {service: by for service, (_metric, by) in found.items()}


def _medians(counts: Floats) -> Floats:
    """Of each row (S, T) what is known; NaN where nothing is."""
    found = np.full(len(counts), np.nan)
    known = np.isfinite(counts)
    whole = known.all(axis=1) & (counts.shape[1] > 0)
    if whole.any():
        found[whole] = np.median(counts[whole], axis=1)
    for row in np.flatnonzero(~whole & known.any(axis=1)):
        found[row] = np.median(counts[row, known[row]])
    return found
