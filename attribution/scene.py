"""What is the same for every change of a case: what hurts, since when, and who calls whom. PURE."""

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attribution.attribute_case import LAG_INTERVALS, Case, Change, Series
from attribution.calls import called_by, downwards
from attribution.dose import Response, dose, response
from attribution.footprint import WORSE, Footprint, Hurt, footprint
from attribution.near import around
from attribution.pairs import TELLING, metric_weight
from attribution.stacks import stacks
from attribution.symptoms import Symptom, symptoms

INCOMPLETE = 0.5
MOST_HURTING = 3
MOST_UNEXPLAINED = 2.5


@dataclass(frozen=True)
class Scene:
    case: Case
    targets: frozenset[str]  # where the anomaly was noticed
    distance: dict[str, int]  # from there down the calls
    callers: dict[str, tuple[str, ...]]
    onset: float
    onsets: dict[str, float]  # by service, of its own strongest symptom
    lead: Symptom | None  # the symptom that tells the onset
    footprint: Footprint
    lost: frozenset[str]  # services that reported until the anomaly and do so no longer

    @property
    def step(self) -> float:
        """Usual time between two points."""
        return self.lead.step if self.lead else self.case.lag_s / LAG_INTERVALS

    @property
    def absence(self) -> float:
        """How much counts what was not seen: half, when not everything was shown."""
        return INCOMPLETE if self.case.incomplete else 1.0

    def onset_of(self, services: Iterable[str]) -> float:
        """When the first of them began to hurt; of those that did not, when the anomaly began."""
        return min((self.onsets[s] for s in services if s in self.onsets), default=self.onset)

    def unexplained(self, services: Iterable[str]) -> dict[str, float]:
        """What hurts apart from these and from who calls those of them that hurt: by service, log
        of the standard errors by those of what is just worse, at most MOST_UNEXPLAINED.
        """
        explained = set(services)
        frontier = [each for each in explained if self.footprint.worse(each)]
        while frontier:
            for caller in self.callers.get(frontier.pop(), ()):
                if caller not in explained:
                    explained.add(caller)
                    frontier.append(caller)
        return {
            name: min(math.log(hurt.z / WORSE), MOST_UNEXPLAINED)
            for name, hurt in self.footprint.all_worse.items()
            if name not in explained
        }

    def strength(self, services: Iterable[str]) -> float:
        """How clearly these hurt, as `unexplained` counts it; 0: they do not."""
        worst = max(
            (self.footprint.hurts[s].z for s in services if s in self.footprint.hurts), default=0.0
        )
        return min(math.log(worst / WORSE), MOST_UNEXPLAINED) if worst > WORSE else 0.0

    @cached_property
    def beside_hurt(self) -> frozenset[str]:
        """What is worse, what calls that, and what that calls."""
        worse = self.footprint.all_worse
        above = (caller for each in worse for caller in self.callers.get(each, ()))
        below = (callee for each in worse for callee in self.case.calls.get(each, ()))
        return frozenset({*worse, *above, *below})

    @cached_property
    def noticed(self) -> tuple[Series, ...]:
        """What tells best of where the anomaly was noticed, however faintly."""
        hurts = [self.footprint.hurts[s] for s in self.targets if s in self.footprint.hurts]
        return _worst(hurts)

    def hurting(self, services: Iterable[str]) -> tuple[Series, ...]:
        """What shows best how these hurt."""
        hurts = [self.footprint.hurts[s] for s in services if self.footprint.worse(s)]
        return _worst(hurts)

    def dose(
        self, shown: tuple[Series, ...], change: Change, onset: float, *, spread: bool
    ) -> float:
        """How well these follow its exposure; several ways ask the same."""
        key = (change.id, tuple(map(id, shown)), onset, spread)
        if key not in self._doses:
            ready = [self._response(each) for each in shown]
            self._doses[key] = dose([r for r in ready if r], change, onset, spread=spread)
        return self._doses[key]

    def _response(self, series: Series) -> Response | None:
        if id(series) not in self._responses:
            self._responses[id(series)] = response(series)
        return self._responses[id(series)]

    @cached_property
    def _doses(self) -> dict[tuple[Hashable, ...], float]:
        return {}

    @cached_property
    def _responses(self) -> dict[int, Response | None]:
        return {}


def _worst(hurts: Iterable[Hurt]) -> tuple[Series, ...]:
    worst = sorted(hurts, key=lambda hurt: (-hurt.z, hurt.series.service, hurt.metric))
    return tuple(hurt.series for hurt in worst[:MOST_HURTING])


def scene_of(whole: Case) -> Scene:
    """Of a large fleet the part around the anomaly (`near.py`)."""
    if whole.symptom is not None:
        targets = frozenset({whole.symptom})
        case = around(whole, targets)
        everywhere = symptoms(case)
    else:
        everywhere = symptoms(whole)
        targets = frozenset(each.service for each in everywhere)
        case = around(whole, targets)
    own = [each for each in everywhere if each.service in targets]
    lead = own[0] if own else None
    onset = min(lead.onset, case.detected_at) if lead else case.detected_at
    return Scene(
        case=case,
        targets=targets,
        distance=dict(downwards(case.calls, targets)),
        callers=called_by(case.calls),
        onset=onset,
        onsets=_onsets(case, everywhere),
        lead=lead,
        footprint=footprint(case, targets, onset),
        lost=_lost(case),
    )


def _lost(case: Case) -> frozenset[str]:
    """Nothing of their whole since the detection, though it was there before."""
    told, tells = set(), set()
    for stack in stacks(s for s in case.series if not s.peer and s.cohort != "canary"):
        after = stack.t > case.detected_at
        if not after.any():
            continue
        known = np.isfinite(stack.v)
        before, since = (np.any(known[:, side], axis=1).tolist() for side in (~after, after))
        for series, there, still in zip(stack.series, before, since, strict=True):
            if there:
                told.add(series.service)
                if still:
                    tells.add(series.service)
    return frozenset(told - tells)


def _onsets(case: Case, everywhere: Iterable[Symptom]) -> dict[str, float]:
    """`everywhere` has the strongest first."""
    found: dict[str, float] = {}
    for each in everywhere:
        if metric_weight(each.metric) >= TELLING and each.series.direction != "either":
            found.setdefault(each.peer or each.service, min(each.onset, case.detected_at))
    return found


def had_ended(scene: Scene, change: Change) -> bool:
    """Its exposure was over, and what it may have left behind too, when the anomaly was there."""
    lag = scene.case.lag_s
    return change.ends() < max(scene.onset, scene.case.detected_at - lag) - lag
