"""Of what hurts at the symptom, how much each service below it brings in itself. PURE.

A service contributes requests × excess: seconds waited, or requests failed, each second. Both add
up along the calls, so what a service contributes less what its anomalous callees do is its own: the
exclusive latency of a trace, on metrics. From the symptom the calls are walked down along anomalous
callees (as in Lin et al., Microscope, ICSOC'18). A callee that contributes far more than its caller
suffers is not waited for: an asynchronous call is no path.

What callers count of a callee stands beside what it says itself, as a dead one says nothing. A
callee's harm counts whole against each of its callers: nobody tells whose it is.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from attribution.attribute_case import Case, Series
from attribution.harms import HARMFUL, MOST, Family, Harm, family, harms, median
from attribution.places import Place

ANOMALOUS = 2.0  # z
FLOOR = 0.05  # of the usual level
WAITED_FOR = 2.0  # times what its caller suffers
CERTAIN = 4.0  # z at which 1 - 1/e of a contribution is believed
OFF_PATH = 0.4
UNEXPLAINED = 0.05  # of z, for what contributes nothing
MEANS = ("average", "mean", "avg")  # add up; percentiles of two services do not


@dataclass(frozen=True)
class Contributor:
    """One service: its worst harm, and what it contributes in each family."""

    worst: Harm | None = None
    amounts: dict[Family, float] = field(default_factory=dict)

    @property
    def z(self) -> float:
        return self.worst.z if self.worst else 0.0


Contributors = Mapping[str, Contributor]


def below_symptom(case: Case, symptom: str) -> list[Place]:
    found = contributors(case, symptom)
    path = _path(case, symptom, found)
    own = _own(case, found, symptom)
    return [
        Place(
            name,
            each.worst.series.metric,
            (1.0 if name in path else OFF_PATH) * _score(each.z, own.get(name, 0.0)),
        )
        for name, each in found.items()
        if each.worst
    ]


def contributors(case: Case, symptom: str) -> dict[str, Contributor]:
    """By service, of what is reported on it by itself or by its callers."""
    about: dict[str, list[Harm]] = defaultdict(list)
    telling = (series for series in case.series if _tells(case, series))
    for harm in harms(telling, case.detected_at, median, FLOOR):
        about[harm.series.peer or harm.series.service].append(harm)
    return {
        name: _contributor(harms_of, 0.0 if name == symptom else ANOMALOUS)
        for name, harms_of in about.items()
    }


def _tells(case: Case, series: Series) -> bool:
    """Where it is known which metric hurts, only its own family is followed down the calls."""
    kind = family(series.metric)
    if kind is Family.TRAFFIC:
        return series.peer is None
    if series.unit is not None or series.cohort == "control":
        return False
    if series.peer and series.cohort != "all":
        return False
    wanted = family(case.symptom_metric) if case.symptom_metric else None
    return kind in HARMFUL and (wanted is kind or wanted not in HARMFUL)


def _contributor(found: Sequence[Harm], anomalous: float) -> Contributor:
    harmful = [harm for harm in found if family(harm.series.metric) in HARMFUL]
    worst = max(harmful, key=lambda harm: (harm.z, harm.series.metric), default=None)
    requests = _requests(found)
    amounts = {}
    for kind in HARMFUL:
        of_kind = [h for h in harmful if family(h.series.metric) is kind and h.z > anomalous]
        itself = _adding_up([h for h in of_kind if h.series.peer is None])
        callers = sum(h.excess * (h.requests or 0.0) for h in of_kind if h.series.peer)
        amount = max(requests * max((h.excess for h in itself), default=0.0), callers)
        if amount > 0:
            amounts[kind] = amount
    return Contributor(worst, amounts)


def _adding_up(found: Sequence[Harm]) -> Sequence[Harm]:
    """The whole service rather than its canary, means rather than percentiles."""
    whole = [harm for harm in found if harm.series.cohort == "all"] or found
    return [h for h in whole if any(word in h.series.metric for word in MEANS)] or whole


def _requests(found: Iterable[Harm]) -> float:
    """Since the detection, at equal intervals; 1 where nobody tells."""
    own = [harm for harm in found if harm.series.peer is None and harm.series.cohort == "all"]
    told = [harm.now for harm in own if family(harm.series.metric) is Family.TRAFFIC]
    told = told or [harm.requests for harm in own if harm.requests is not None]
    return max(told, default=1.0)


def _path(case: Case, symptom: str, found: Contributors) -> set[str]:
    seen, frontier = {symptom}, [symptom]
    while frontier:
        caller = frontier.pop()
        for callee in case.calls.get(caller, ()):
            suspect = found.get(callee, Contributor())
            if callee not in seen and suspect.z > ANOMALOUS and _waited_for(found[caller], suspect):
                seen.add(callee)
                frontier.append(callee)
    return seen


def _waited_for(caller: Contributor, callee: Contributor) -> bool:
    both = caller.amounts.keys() & callee.amounts.keys()
    return all(callee.amounts[kind] <= WAITED_FOR * caller.amounts[kind] for kind in both)


def _own(case: Case, found: Contributors, symptom: str) -> dict[str, float]:
    """0 to 1: what each contributes itself, of the largest contribution that can be waited for."""
    shares: dict[str, float] = defaultdict(float)
    for kind in HARMFUL:
        amounts = {name: each.amounts[kind] for name, each in found.items() if kind in each.amounts}
        suffered = WAITED_FOR * amounts.get(symptom, math.inf)
        largest = min(max(amounts.values(), default=0.0), suffered)
        for name, amount in amounts.items():
            below = sum(amounts.get(callee, 0.0) for callee in case.calls.get(name, ()))
            shares[name] = max(shares[name], min((amount - below) / largest, 1.0))
    return shares


def _score(z: float, own: float) -> float:
    return MOST * own * (1 - math.exp(-z / CERTAIN)) + UNEXPLAINED * z
