"""Where it hurts since the onset: service by service, and which of them hurt of themselves. PURE.

A service is `worse` when its outcomes or its latency moved by more than WORSE standard errors, in
what it reports itself or in what callers report of it. From where the anomaly was noticed the calls
are walked along worse services; those without a worse callee are the `roots`: what happens there is
explained by nothing below.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from attribution.attribute_case import Case, Series
from attribution.pairs import metric_weight
from attribution.stats.shifts import harmful, mean_shift, scattered_shares

WORSE = 5.0
OUTCOME = 0.6  # the least weight of a metric that tells of harm
LEAST = 2  # points


@dataclass(frozen=True)
class Hurt:
    """How far the worst of its metrics moved, in standard errors."""

    z: float
    series: Series

    @property
    def metric(self) -> str:
        return self.series.metric

    @property
    def seen_by(self) -> str | None:
        return self.series.service if self.series.peer else None

    @property
    def worse(self) -> bool:
        return self.z >= WORSE


@dataclass(frozen=True)
class Footprint:
    hurts: dict[str, Hurt]  # of every service that is reported on
    path: frozenset[str]  # worse services on the way down from the symptom, itself among them
    roots: frozenset[str]
    # log of the requests since the onset by those before, at the median service; 0: not known.
    traffic: float
    traffic_of: dict[str, float]  # the same of each

    def worse(self, service: str) -> bool:
        return service in self.hurts and self.hurts[service].worse


def footprint(case: Case, targets: Iterable[str], onset: float) -> Footprint:
    hurts: dict[str, Hurt] = {}
    for series in _whole(case.series):
        subject = series.peer or series.service
        found = Hurt(moved(series, onset), series)
        if subject not in hurts or found.z > hurts[subject].z:
            hurts[subject] = found
    path = _path(case, targets, hurts)
    roots = {
        each for each in path if not any(c in path and c != each for c in case.calls.get(each, ()))
    }
    traffic = _traffic(case, onset)
    median = float(np.median(list(traffic.values()))) if traffic else 0.0
    return Footprint(hurts, frozenset(path), frozenset(roots), median, traffic)


def _whole(series: Iterable[Series]) -> list[Series]:
    """Of what tells of harm, the whole, or the control where nobody reports the whole."""
    telling = [s for s in series if metric_weight(s.metric) >= OUTCOME and s.direction != "either"]
    whole = {(s.service, s.metric, s.peer) for s in telling if s.cohort == "all"}
    return [
        s
        for s in telling
        if s.cohort == "all"
        or (s.cohort == "control" and (s.service, s.metric, s.peer) not in whole)
    ]


def moved(series: Series, onset: float) -> float:
    """How much worse it is since the onset than before, in standard errors; 0: not known."""
    step = float(np.median(np.diff(series.t))) if series.t.size > 1 else 0.0
    before = series.t <= onset - step
    after = series.t > onset
    known = np.isfinite(series.v)
    if (known & after).sum() < LEAST or (known & before).sum() < LEAST:
        return 0.0
    if series.n is not None:
        z = scattered_shares(series.v, series.n, before & known, after & known)
    else:
        z = mean_shift(series.v[before], series.v[after])
    return harmful(z, series.direction)


def _path(case: Case, targets: Iterable[str], hurts: dict[str, Hurt]) -> set[str]:
    seen = set(targets)
    frontier = sorted(seen)
    while frontier:
        for callee in case.calls.get(frontier.pop(), ()):
            if callee not in seen and callee in hurts and hurts[callee].worse:
                seen.add(callee)
                frontier.append(callee)
    return seen


def _traffic(case: Case, onset: float) -> dict[str, float]:
    """By service: from the requests behind the shares, or a rate that may move both ways."""
    found: dict[str, float] = {}
    for series in case.series:
        counts = series.n if series.n is not None else series.v
        if series.peer or series.cohort != "all":
            continue
        if series.n is None and series.direction != "either":
            continue
        before, after = counts[series.t <= onset], counts[series.t > onset]
        if np.isfinite(before).any() and np.isfinite(after).any():
            low, high = float(np.nanmedian(before)), float(np.nanmedian(after))
            if low > 0 and high > 0:
                found[series.service] = float(np.log(high / low))
    return found
