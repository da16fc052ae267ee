"""Incidents with a known culprit, or none: `python bench/incidents.py COUNT FIRST_SEED [KIND …]`.

Prints labelled attribute cases, one JSON object a line, as `manage.py backtest` reads them. What is
drawn: call graphs of 10 to 500 services, 1 to 20 changes under way beside the culprit, unit
effects, autocorrelated and over-dispersed noise; the fault kinds are in `incident_faults.py`. A
seed makes one incident, whatever else is asked for. Committed before the estimator that is measured
on it.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from incident_faults import FAULTS, Fault, Origin, visible_shift
from incident_hurts import Hurts
from incident_series import BACK_S, Shown, View, draw, series
from incident_world import Change, Floats, World, build, bystanders, twin

AFTER_S = 600.0  # the last look, after the detection
MOST_SHOWN = 40  # services around the symptom
ALARM = 5.0  # standard errors
REAL = 0.3  # of the usual share: what a fault has to add to be a symptom
PATIENCE_S = 1200.0
TRIES = 6


@dataclass(frozen=True)
class Incident:
    seed: int
    fault: str
    hurts: Hurts
    shown: dict[str, Shown]
    origin: Origin
    symptom: str
    detected_at: float
    twins: bool
    with_counts: bool

    @property
    def culprit(self) -> str | None:
        return self.origin.culprit.id if self.origin.culprit else None


def incident(seed: int, kinds: Sequence[str] = ()) -> Incident:
    """One seed, one incident; `kinds` narrows what it may be."""
    rng = np.random.default_rng([seed, 5])
    fault = FAULTS[str(rng.choice(sorted(kinds or FAULTS)))]
    while True:
        world, origin = fault.plant(rng, build(rng))
        world = bystanders(rng, world, origin.culprit)
        twins = origin.culprit is not None and origin.culprit.controlled and rng.random() < 0.04
        if twins and origin.culprit:
            world = twin(world, origin.culprit)
        found = _noticed(rng, fault, world, origin)
        if found:
            hurts, shown, symptom, at = found
            with_counts = bool(rng.random() < 0.8)
            return Incident(seed, fault.name, hurts, shown, origin, symptom, at, twins, with_counts)


def _noticed(
    rng: np.random.Generator, fault: Fault, world: World, origin: Origin
) -> tuple[Hurts, dict[str, Shown], str, float] | None:
    """Made worse until somebody notices it; None: nobody ever does, so it is no incident."""
    for attempt in range(TRIES):
        hurts = Hurts(world)
        fault.harm(rng, hurts, origin, 2.0**attempt)
        for change in _shifting(rng, fault, world, origin):
            visible_shift(rng, hurts, change)
        hurts.spread()
        shown = draw(rng, hurts)
        if fault.name == "noise":
            return hurts, shown, origin.service, float(origin.onset)
        alarms = _alarms(hurts, shown, origin)
        if alarms:
            symptom, at = alarms[int(len(alarms) * rng.power(0.5))]
            return hurts, shown, symptom, at
    return None


def _shifting(rng: np.random.Generator, fault: Fault, world: World, origin: Origin) -> list[Change]:
    """Harmless changes that can be seen: now and then one, of the kind of that name all."""
    others = [each for each in world.changes if each != origin.culprit]
    always = fault.name == "visible_shift"
    return [each for each in others if always or rng.random() < 0.15]


def _alarms(hurts: Hurts, shown: dict[str, Shown], origin: Origin) -> list[tuple[str, float]]:
    """(service, when) of every alarm, the soonest first."""
    found = []
    for name in sorted(hurts.of):
        at = _alarm(hurts, shown[name], name, origin.onset)
        if at is not None:
            found.append((name, at))
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def _alarm(hurts: Hurts, seen: Shown, name: str, onset: float) -> float | None:
    """When the last five intervals lie beyond those before the fault; a gap: when it is silent."""
    world = hurts.world
    after = (world.t > onset) & (world.t <= onset + PATIENCE_S)
    silent = hurts[name].silent.all(axis=0) & after
    if silent.any():
        return float(world.t[silent][min(2, silent.sum() - 1)])
    if world.usual[name].quiet:
        return None
    before = (world.t <= onset) & (world.t > onset - 1800)
    total = seen.counts.requests.sum(axis=0)
    hurt, usual = hurts[name], world.usual[name]
    hits = np.zeros_like(after)
    for events, extra, level in (
        (seen.counts.errors, hurt.errors, usual.errors),
        (seen.counts.slow, hurt.slow, usual.slow),
    ):
        # A false alarm elsewhere is not this incident's symptom.
        real = hurts.of_all(name, extra) > REAL * level
        hits |= real & (_beyond(events.sum(axis=0), total, before) > ALARM)
    hits &= after
    return float(world.t[hits][0]) if hits.any() else None


def _beyond(events: Floats, total: Floats, before: np.ndarray[Any, Any]) -> Floats:
    """Standard errors of the mean of five intervals beyond the time before, (T,)."""
    share = np.divide(events, total, out=np.zeros_like(events), where=total > 0)
    usual, spread = share[before].mean(), share[before].std() + 1e-4
    recent = np.convolve(share, np.ones(5) / 5)[: share.size]
    return (recent - usual) / (spread / np.sqrt(5))


def case(found: Incident, after_s: float = AFTER_S) -> dict[str, Any]:
    """The contract's case, looked at so long after the detection, and the answer beside it."""
    world = found.hurts.world
    until = found.detected_at + after_s
    reached = list(world.below(found.symptom))
    changed = {each.service for each in world.changes}
    # Who calls whom is known of all; the metrics are read of the near, and of what was changed.
    around = frozenset(reached[:MOST_SHOWN]) | (changed & set(reached))
    callers = {name for each in around for name in world.callers(each)} - set(reached)
    services = (*reached, *sorted(callers))
    since = found.detected_at - BACK_S
    view = View(services, around | changed, around, since, until, found.with_counts)
    return {
        "id": f"{found.fault}-{found.seed}",
        "fault": found.fault,
        "culprit": found.culprit,
        "twins": found.twins,
        "detected_at": found.detected_at,
        "now": until,
        "interval_s": world.step,
        "symptom": {"service": found.symptom},
        "services": [{"name": name, "calls": list(world.calls[name])} for name in services],
        "changes": [_change(each, until) for each in _shuffled(found) if each.begins <= until],
        "series": series(found.hurts, found.shown, view),
    }


def _shuffled(found: Incident) -> list[Change]:
    changes = list(found.hurts.world.changes)
    np.random.default_rng([found.seed, 6]).shuffle(changes)  # type: ignore[arg-type]
    return changes


def _change(change: Change, until: float) -> dict[str, Any]:
    steps = [{"at": at, "share": share} for at, share in change.steps if at <= until]
    facts = {"id": change.id, "service": change.service, "kind": change.kind, "risk": change.risk}
    return {**facts, "exposures": steps}


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    count, first, kinds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for seed in range(first, first + count):
        print(json.dumps(case(incident(seed, kinds))))


if __name__ == "__main__":
    main()
