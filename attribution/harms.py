"""How much worse the metrics of every service are since an anomaly was noticed. PURE.

Each series is held against its own past: what it was until a step and a half before, and what it is
until three steps, or five minutes, after. A reading tells of the time since the one before it, so
one at most half a step before the detection counts as after.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np

from attribution.attribute_case import Series
from attribution.pairs import LATENCIES, OUTCOMES
from attribution.stacks import Stack, stacks
from attribution.stats.lines import Flags, Floats
from attribution.stats.shifts import MAD, scattered_shares

MOST = 20.0  # z: beyond it all are certain
LEAST_AFTER_S = 300.0
LEAST_BEFORE = 4  # points; with fewer, what comes long after counts as usual too
# Of the level: less is of no interest however quiet the series. Of a share that is nearly 1 always,
# the part that fails is what counts.
FLOOR_OF_GOOD = 0.0005


class Family(StrEnum):
    FAILING = "failing"  # a share of the requests
    WAITING = "waiting"  # seconds
    CALLING = "calling"  # seconds that a service's own calls take, whoever answers them
    TRAFFIC = "traffic"
    USE = "use"  # processor, memory, network, …


HARMFUL = (Family.FAILING, Family.WAITING)


@dataclass(frozen=True)
class Harm:
    """z ≥ 0, at most MOST; `excess`: how much worse it is now, in the metric's own unit."""

    series: Series
    z: float
    excess: float
    now: float
    # A second, behind a share; else not known.
    requests: float | None


Reading = Callable[[Floats], Floats]  # (S, A) since the detection -> (S,)


def median(after: Floats) -> Floats:
    return np.asarray(np.median(after, axis=1))


def first(after: Floats) -> Floats:
    return np.asarray(after[:, 0])


@cache
def family(metric: str) -> Family:
    name = metric.lower()
    if name.startswith("client"):
        return Family.CALLING
    if name.startswith("request"):
        return Family.TRAFFIC
    if any(word in name for word in OUTCOMES) or name == "slow":
        return Family.FAILING
    return Family.WAITING if any(word in name for word in LATENCIES) else Family.USE


def harms(series: Iterable[Series], at: float, read: Reading, floor: float) -> Iterator[Harm]:
    """Of every series that has points on both sides of `at`."""
    for stack in stacks(series):
        there = np.isfinite(stack.v)
        if stack.n is not None:
            there &= stack.n > 0
        whole = np.asarray(there.all(axis=1))
        for part in (stack.rows(whole), *stack.rows(~whole).each()):
            before, after = sides(part, at)
            if part.series and before.sum() > 1 and after.any():
                yield from _moved(part, before, after, read, floor)


def sides(stack: Stack, at: float) -> tuple[Flags, Flags]:
    """Which points are of before, and which of after."""
    t, step = stack.t, stack.step
    end = at + max(3 * step, LEAST_AFTER_S)
    after = (t > at - step / 2) & (t <= end)
    before = t <= at - 1.5 * step
    if before.sum() < LEAST_BEFORE:
        before = (t <= at - step / 2) | (t > end + step)
    return np.asarray(before), np.asarray(after)


def _moved(part: Stack, before: Flags, after: Flags, read: Reading, floor: float) -> Iterator[Harm]:
    signs = np.array([-1.0 if s.direction == "decrease" else 1.0 for s in part.series])
    requests: list[float | None] = [None] * len(part.series)
    if part.n is None:
        low, now, z = _levels(part.v[:, before], part.v[:, after], read, _floors(part, floor))
    else:
        requests = (part.n[:, after].mean(axis=1) / (part.step or 1.0)).tolist()
        then, since = ((part.v[:, side], part.n[:, side]) for side in (before, after))
        low, now, z = _share(*then), _share(*since), scattered_shares(then, since)
    rises = zip(part.series, z * signs, (now - low) * signs, now.tolist(), requests, strict=True)
    for one, by, excess, level, rate in rises:
        sign = float(np.sign(by)) if one.direction == "either" else 1.0
        worse = min(max(sign * float(by), 0.0), MOST)
        yield Harm(one, worse, sign * float(excess), level, rate)


def _floors(part: Stack, floor: float) -> Floats:
    good = [s.direction == "decrease" and family(s.metric) is Family.FAILING for s in part.series]
    return np.where(good, FLOOR_OF_GOOD, floor)


def _levels(
    before: Floats, after: Floats, read: Reading, floors: Floats
) -> tuple[Floats, Floats, Floats]:
    """(usual, now, z of now), z by the scatter of before: 1.4826·MAD + floor·|usual|. Each (S,)."""
    usual, now = np.median(before, axis=1), read(after)
    spread = MAD * np.median(np.abs(before - usual[:, None]), axis=1)
    return usual, now, (now - usual) / (spread + floors * np.abs(usual) + 1e-9)


def _share(shares: Floats, requests: Floats) -> Floats:
    return np.asarray((shares * requests).sum(axis=1) / requests.sum(axis=1))


def by_service(found: Iterable[Harm]) -> dict[str, dict[Family, list[Harm]]]:
    grouped: dict[str, dict[Family, list[Harm]]] = defaultdict(lambda: defaultdict(list))
    for harm in found:
        grouped[harm.series.service][family(harm.series.metric)].append(harm)
    return grouped
