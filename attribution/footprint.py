"""Where it hurts since the onset: service by service, and which of them hurt of themselves. PURE.

A service is `worse` when its outcomes or its latency moved by more than WORSE standard errors, in
what it reports itself or in what callers report of it. From where the anomaly was noticed the calls
are walked along worse services; those without a worse callee are the `roots`: what happens there is
explained by nothing below.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attribution.attribute_case import Case, Series
from attribution.moves import moves, traffic
from attribution.pairs import metric_weight

WORSE = 5.0
OUTCOME = 0.6  # the least weight of a metric that tells of harm


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

    @property
    def order(self) -> tuple[float, str, str]:
        """The worst first; equals by name, never by the order of the input."""
        return (-self.z, self.metric, self.series.service)


@dataclass(frozen=True)
class Footprint:
    hurts: dict[str, Hurt]  # of every service that is reported on
    path: frozenset[str]  # worse services on the way down from the symptom, itself among them
    roots: frozenset[str]
    # log of the requests since the onset by those before, at the median service; 0: not known.
    traffic: float
    traffic_of: dict[str, float]  # the same of each

    def worse(self, service: str) -> bool:
        return service in self.all_worse

    @cached_property
    def all_worse(self) -> dict[str, Hurt]:
        return {name: hurt for name, hurt in self.hurts.items() if hurt.worse}


def footprint(case: Case, targets: Iterable[str], onset: float) -> Footprint:
    hurts: dict[str, Hurt] = {}
    for series, z in moves(_whole(case.series), onset):
        subject = series.peer or series.service
        found = Hurt(z, series)
        if subject not in hurts or found.order < hurts[subject].order:
            hurts[subject] = found
    path = _path(case, targets, hurts)
    roots = {
        each for each in path if not any(c in path and c != each for c in case.calls.get(each, ()))
    }
    requests = traffic(case.series, onset)
    median = float(np.median(list(requests.values()))) if requests else 0.0
    return Footprint(hurts, frozenset(path), frozenset(roots), median, requests)


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


def _path(case: Case, targets: Iterable[str], hurts: dict[str, Hurt]) -> set[str]:
    seen = set(targets)
    frontier = sorted(seen)
    while frontier:
        for callee in case.calls.get(frontier.pop(), ()):
            if callee not in seen and callee in hurts and hurts[callee].worse:
                seen.add(callee)
                frontier.append(callee)
    return seen
