"""What hurts of itself where nobody says who noticed it: by all that each service shows. PURE.

Three things speak for a service: its own failures and latency, less what its anomalous callees
explain of them; what it uses of its machine; and that its callers, and nobody else, wait for the
calls they make. The last is all there is of a network that is slow on the way to it. How well its
callers match those who wait is their Tanimoto coefficient, weighted by how much each seen.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attribution.attribute_case import Case
from attribution.harms import HARMFUL, MOST, Family, Harm, by_service, first, harms
from attribution.places import Place

FLOOR = 0.25  # of the usual level: percentiles of a minute jump
ANOMALOUS = 2.0  # z
ENOUGH = 100.0  # requests in an interval: with fewer, a percentile is a few of them
MATERIAL = 0.02  # of the largest amount there is: less explains nothing
USE_WEIGHT = 0.6
# Of the calls of a service: callees that take less than that hardly move a percentile of them all.
TAIL = 0.15


@dataclass(frozen=True)
class Seen:
    case: Case
    found: Mapping[str, Mapping[Family, Sequence[Harm]]]

    def worst(self, service: str, kind: Family) -> Harm | None:
        return max(self.found[service].get(kind, ()), key=lambda harm: harm.z, default=None)

    def requests(self, service: str) -> float:
        """A second; 1 where nobody tells."""
        told = self.found.get(service, {}).get(Family.TRAFFIC, ())
        return max((max(h.now, h.now - h.excess) for h in told), default=1.0)

    def trust(self, service: str) -> float:
        return min(1.0, math.sqrt(self.requests(service) * self._interval_s / ENOUGH))

    @cached_property
    def _interval_s(self) -> float:
        return max(
            (float(np.median(np.diff(s.t))) for s in self.case.series if s.t.size > 1), default=0.0
        )

    @cached_property
    def amounts(self) -> dict[Family, dict[str, float]]:
        """Requests × excess of each service whose harm is anomalous, in each family."""
        return {kind: dict(self._amounts(kind)) for kind in HARMFUL}

    def _amounts(self, kind: Family) -> Iterator[tuple[str, float]]:
        for service in self.found:
            harm = self.worst(service, kind)
            amount = self.requests(service) * harm.excess if harm else 0.0
            if harm and harm.z > ANOMALOUS and amount > 0:
                yield service, amount

    @cached_property
    def callers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for service, callees in self.case.calls.items():
            for callee in callees:
                found[callee].add(service)
        return found

    @cached_property
    def calling(self) -> dict[str, float]:
        """By service that calls others, how much longer its calls take, as a z."""
        worst = {s: self.worst(s, Family.CALLING) for s in self.found if self.case.calls.get(s)}
        return {s: harm.z * self.trust(s) for s, harm in worst.items() if harm}

    def own(self, service: str, kind: Family) -> float:
        """Its harm's z, of the part that its callees do not explain."""
        harm, amounts = self.worst(service, kind), self.amounts[kind]
        if harm is None:
            return 0.0
        z = harm.z * self.trust(service)
        if service not in amounts:
            return z
        amount = amounts[service]
        below = sum(amounts.get(callee, 0.0) for callee in self.case.calls.get(service, ()))
        material = min(1.0, amount / max(amounts.values()) / MATERIAL)
        return z * material * max(amount - below, 0.0) / amount

    def waited_for(self, service: str) -> float:
        """The longest wait as a z, by how well its callers are those who wait."""
        longest = max(self.calling.values(), default=0.0)
        waiting = {c: self.calling[c] for c in self.callers[service] if c in self.calling}
        met = {caller: z * self._share(caller, service) for caller, z in waiting.items()}
        missing = sum(longest - z for z in met.values())
        others = sum(z for caller, z in self.calling.items() if caller not in waiting)
        whole = sum(met.values()) + missing + others
        return longest * sum(met.values()) / whole if whole else 0.0

    def _share(self, caller: str, callee: str) -> float:
        """0 to 1: could the callee move a percentile of all that the caller calls?"""
        calls = {c: min(self.requests(c), self.requests(caller)) for c in self.case.calls[caller]}
        return min(1.0, calls[callee] / sum(calls.values()) / TAIL) if any(calls.values()) else 0.0

    def place(self, service: str) -> Place:
        use = self.worst(service, Family.USE)
        parts = {
            **{kind: self.own(service, kind) for kind in HARMFUL},
            Family.USE: USE_WEIGHT * use.z if use else 0.0,
            Family.CALLING: self.waited_for(service),
        }
        leading = self.worst(service, max(parts, key=lambda kind: parts[kind]))
        metric = leading.series.metric if leading else ""
        return Place(service, metric, min(sum(parts.values()), MOST))


def anywhere(case: Case) -> list[Place]:
    whole = [
        each for each in case.series if each.cohort != "control" and not each.peer and not each.unit
    ]
    seen = Seen(case, by_service(harms(whole, case.detected_at, first, FLOOR)))
    return [seen.place(service) for service in seen.found]
