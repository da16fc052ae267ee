"""An attribute case of the contract, read and checked: JSON in, arrays out, CaseError otherwise.

PURE. Beyond the contract: `n` beside `v` (how many requests each value is a share of), `interval_s`
(between two reads; else the series' own step), `symptom` {"service" (or "node"), "metric"?}:
where the anomaly was noticed, and `incomplete`: sentences on what is known to be missing.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.fields import (
    choice,
    items,
    mapping,
    number,
    optional_number,
    readings,
    text,
    times,
)
from attribution.stats.lines import Floats

COHORTS = ("canary", "control", "all")
LAG_INTERVALS = 10
LEAST_LAG_S, MOST_LAG_S = 15.0, 300.0
DIRECTIONS = ("increase", "decrease", "either")


@dataclass(frozen=True)
class Step:
    at: float
    share: float
    units: frozenset[str]


@dataclass(frozen=True)
class Change:
    id: str
    service: str
    kind: str
    risk: str
    steps: tuple[Step, ...]

    @property
    def begins(self) -> float:
        """When it was first exposed; infinity when it never was."""
        return min((step.at for step in self.steps if step.share > 0), default=math.inf)

    def ends(self) -> float:
        """When its last exposure ended; infinity while it is exposed."""
        return self.steps[-1].at if self.steps and self.steps[-1].share <= 0 else math.inf

    def compared_until(self) -> float:
        """Until when canary against control speaks of it: nobody is unexposed from share 1 on.

        What the service's canary then shows is a later change's. A change that went to 1 at once
        has no better comparison than what there is.
        """
        full = next((step.at for step in self.steps if step.share >= 1), math.inf)
        return min(self.ends(), full) if full > self.begins else self.ends()

    def share_at(self, t: Floats) -> Floats:
        """The exposed share at each time."""
        moments, shares = self._course
        return np.asarray(shares[np.searchsorted(moments, t, side="right")])

    @cached_property
    def _course(self) -> tuple[Floats, Floats]:
        """When its share changed (S,); what it was before and from each on (S + 1,)."""
        moments = np.array([step.at for step in self.steps], dtype=np.float64)
        return moments, np.array([0.0, *(step.share for step in self.steps)])

    @property
    def growths(self) -> list[float]:
        """When its share grew, ascending."""
        shares = [0.0, *(step.share for step in self.steps)]
        return [s.at for before, s in zip(shares, self.steps, strict=False) if s.share > before]

    def last_growth(self, until: float) -> float:
        """The newest moment at or before `until` at which the share grew; else `begins`."""
        return max((at for at in self.growths if at <= until), default=self.begins)

    @property
    def units(self) -> frozenset[str]:
        return frozenset().union(*(step.units for step in self.steps))


@dataclass(frozen=True)
class Series:
    """v (T,) with NaN where nothing was reported; n (T,) requests behind each, or None."""

    service: str
    metric: str
    direction: str
    cohort: str
    change: str | None
    unit: str | None
    peer: str | None
    t: Floats
    v: Floats
    n: Floats | None


@dataclass(frozen=True)
class Case:
    id: Any
    detected_at: float
    now: float
    calls: dict[str, tuple[str, ...]]
    changes: tuple[Change, ...]
    series: tuple[Series, ...]
    symptom: str | None
    symptom_metric: str | None  # of which metric names are the beginning
    lag_s: float  # an effect may outlive its exposure by so much
    incomplete: tuple[str, ...]  # what is known to be missing

    @cached_property
    def _about(self) -> dict[str, list[Series]]:
        found: dict[str, list[Series]] = defaultdict(list)
        for series in self.series:
            found[series.peer or series.service].append(series)
        return found

    @cached_property
    def _named(self) -> dict[str, list[Series]]:
        """By the change whose cohorts they say they are, where that is another service's."""
        found: dict[str, list[Series]] = defaultdict(list)
        for series in self.series:
            if series.change is not None:
                found[series.change].append(series)
        return found

    def about(self, change: Change) -> list[Series]:
        """The series that may speak of a change: of its service, and those that name it."""
        here = self._about.get(change.service, [])
        return [
            *here,
            *(s for s in self._named.get(change.id, []) if (s.peer or s.service) != change.service),
        ]


def read_case(case: Mapping[str, Any]) -> Case:
    mapping(case, "")
    detected = number(case.get("detected_at"), "/detected_at")
    series = [
        _series(entry, f"/series/{place}")
        for place, entry in enumerate(items(case, "series", "", default=[]))
    ]
    symptom, metric = _symptom(case)
    now = optional_number(case, "now", "", math.inf)
    return Case(
        id=case.get("id"),
        detected_at=detected,
        now=now,
        calls=_calls(items(case, "services", "", default=[])),
        changes=_changes(items(case, "changes", "", default=[])),
        series=tuple(_until(each, now) for each in series),
        lag_s=_lag(optional_number(case, "interval_s", "", math.nan), series),
        symptom=symptom,
        symptom_metric=metric,
        incomplete=_sentences(items(case, "incomplete", "", default=[])),
    )


def _sentences(entries: list[Any]) -> tuple[str, ...]:
    for place, entry in enumerate(entries):
        if not isinstance(entry, str):
            raise CaseError("text missing", "a sentence is a text", f"/incomplete/{place}")
    return tuple(entries)


def _lag(interval_s: float, series: Sequence[Series]) -> float:
    """Ten intervals, between LEAST_LAG_S and MOST_LAG_S: time for rates and alerts to calm down."""
    step = interval_s
    if not math.isfinite(step):
        axes = {each.t.tobytes(): each.t for each in series if each.t.size > 1}
        step = min((float(np.median(np.diff(t))) for t in axes.values()), default=MOST_LAG_S)
    return min(max(LAG_INTERVALS * step, LEAST_LAG_S), MOST_LAG_S)


def _symptom(case: Mapping[str, Any]) -> tuple[str | None, str | None]:
    given = case.get("symptom")
    if given is None:
        return None, None
    symptom = mapping(given, "/symptom")
    key = "service" if "service" in symptom else "node"
    return text(symptom, key, "/symptom"), _name(symptom, "metric", "/symptom")


def _calls(entries: list[Any]) -> dict[str, tuple[str, ...]]:
    calls: dict[str, tuple[str, ...]] = {}
    for place, entry in enumerate(entries):
        at = f"/services/{place}"
        name = text(mapping(entry, at), "name", at)
        callees = items(entry, "calls", at, default=[])
        for index, callee in enumerate(callees):
            if not isinstance(callee, str):
                raise CaseError("text missing", "a callee is a name", f"{at}/calls/{index}")
        calls[name] = tuple(sorted({*calls.get(name, ()), *callees}))
    return calls


def _changes(entries: list[Any]) -> tuple[Change, ...]:
    found: dict[str, Change] = {}
    for place, entry in enumerate(entries):
        at = f"/changes/{place}"
        source = mapping(entry, at)
        change = Change(
            id=text(source, "id", at),
            service=text(source, "service", at),
            kind=str(source.get("kind") or ""),
            risk=str(source.get("risk") or ""),
            steps=_steps(items(source, "exposures", at, default=[]), f"{at}/exposures"),
        )
        if change.id in found:
            raise CaseError("duplicate change", f"'{change.id}' is there twice", f"{at}/id")
        found[change.id] = change
    return tuple(sorted(found.values(), key=lambda change: change.id))


def _steps(entries: list[Any], at: str) -> tuple[Step, ...]:
    steps = []
    for place, entry in enumerate(entries):
        here = f"{at}/{place}"
        source = mapping(entry, here)
        units = frozenset(str(unit) for unit in items(source, "units", here, default=[]))
        moment = number(source.get("at"), f"{here}/at")
        share = number(source.get("share"), f"{here}/share", 0.0, 1.0)
        steps.append(Step(moment, share, units))
    return tuple(sorted(steps, key=lambda step: step.at))


def _series(entry: Any, at: str) -> Series:
    source = mapping(entry, at)
    t = times(items(source, "t", at), f"{at}/t")
    v = readings(items(source, "v", at), f"{at}/v")
    counts = items(source, "n", at, default=[])
    n = readings(counts, f"{at}/n") if counts else None
    if len(v) != len(t) or (n is not None and len(n) != len(t)):
        raise CaseError("unequal lengths", f"{len(t)} times, {len(v)} values", f"{at}/v")
    return Series(
        service=text(source, "service", at),
        metric=text(source, "metric", at),
        direction=choice(source, "direction", at, DIRECTIONS, "increase"),
        cohort=choice(source, "cohort", at, COHORTS, "all"),
        change=_name(source, "change", at),
        unit=_name(source, "unit", at),
        peer=_name(source, "peer", at),
        t=t,
        v=v,
        n=n,
    )


def _name(source: Mapping[str, Any], key: str, at: str) -> str | None:
    return None if source.get(key) is None else text(source, key, at)


def _until(series: Series, now: float) -> Series:
    keep = series.t <= now
    if keep.all():
        return series
    n = None if series.n is None else series.n[keep]
    return Series(**{**series.__dict__, "t": series.t[keep], "v": series.v[keep], "n": n})
