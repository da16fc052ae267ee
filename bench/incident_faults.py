"""The fault kinds: each takes a world and says whose fault it is and what is wrong from when on.

Some have a culprit among the changes, some have none. Committed before the estimator that is
measured on them: changing one means measuring everything again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from incident_hurts import CANARY, CONTROL, Hurt, Hurts
from incident_world import Change, Floats, World, at_once, staged


@dataclass(frozen=True)
class Origin:
    """Where it comes from; `onset`: when the first request is hurt."""

    culprit: Change | None
    service: str
    onset: float


Plant = Callable[[np.random.Generator, World], tuple[World, Origin]]
Harm = Callable[[np.random.Generator, Hurts, Origin, float], None]


@dataclass(frozen=True)
class Fault:
    name: str
    plant: Plant
    harm: Harm  # the last argument makes it worse: 1, 2, 4, …
    with_culprit: bool = True


# --- whose fault -----------------------------------------------------------------------------

BEGIN = (1800.0, 3300.0)


def _service(rng: np.random.Generator, world: World, *, called: bool = True) -> str:
    names = sorted(world.calls)
    fit = [name for name in names if world.callers(name)] if called else names
    return str((fit or names)[rng.integers(len(fit or names))])


def by_canary(rng: np.random.Generator, world: World) -> tuple[World, Origin]:
    change = staged(rng, "culprit", _service(rng, world), float(rng.uniform(*BEGIN)))
    return _by(rng, world, change)


def by_caller(rng: np.random.Generator, world: World) -> tuple[World, Origin]:
    calling = [name for name, callees in sorted(world.calls.items()) if callees]
    service = str(calling[rng.integers(len(calling))])
    return _by(rng, world, staged(rng, "culprit", service, float(rng.uniform(*BEGIN))))


def by_all_at_once(rng: np.random.Generator, world: World) -> tuple[World, Origin]:
    return _by(
        rng, world, at_once(rng, "culprit", _service(rng, world), float(rng.uniform(*BEGIN)))
    )


def by_quiet(rng: np.random.Generator, world: World) -> tuple[World, Origin]:
    world, origin = by_canary(rng, world)
    service = origin.service
    usual = {**world.usual, service: replace(world.usual[service], quiet=True)}
    return replace(world, usual=usual), origin


def _by(rng: np.random.Generator, world: World, change: Change) -> tuple[World, Origin]:
    """Often it hurts at once, sometimes only from a larger share on."""
    place = int(rng.integers(len(change.steps))) if rng.random() < 0.25 else 0
    grown = [at for at, share in change.steps if share > 0]
    onset = grown[min(place, len(grown) - 1, 2)] + float(rng.exponential(world.step))
    return world.with_changes(change), Origin(change, change.service, onset)


def by_nobody(rng: np.random.Generator, world: World) -> tuple[World, Origin]:
    return world, Origin(None, _service(rng, world), float(rng.uniform(*BEGIN)))


# --- what is wrong ---------------------------------------------------------------------------


def since(hurts: Hurts, origin: Origin) -> Floats:
    """1 from the onset on, part of it in the interval in which it falls."""
    world = hurts.world
    return np.clip((world.t - origin.onset) / world.step, 0.0, 1.0)


def _exposed(hurts: Hurts, origin: Origin) -> Floats:
    return since(hurts, origin) * (_share(hurts, origin) > 0)


def _share(hurts: Hurts, origin: Origin) -> Floats:
    change = origin.culprit
    return np.ones_like(hurts.world.t) if change is None else change.share(hurts.world.t)


def _tracks(origin: Origin) -> slice:
    """The canary alone; of a change without a control, all."""
    alone = origin.culprit is not None and origin.culprit.controlled
    return slice(CANARY, CANARY + 1) if alone else slice(CANARY, CONTROL + 1)


def errors(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    share = min(0.9, worse * float(np.exp(rng.uniform(np.log(0.01), np.log(0.3)))))
    hurts[origin.service].errors[_tracks(origin)] += share * _exposed(hurts, origin)


def latency(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    factor, exposed = np.log(worse * rng.uniform(1.5, 5.0)), _exposed(hurts, origin)
    hurt, tracks = hurts[origin.service], _tracks(origin)
    hurt.latency[tracks] += factor * exposed
    hurt.slow[tracks] += min(0.9, 0.1 * factor * worse) * exposed


def crash(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """Down for a part of the time, in turns of some intervals; silent then."""
    down = np.cumsum(rng.random(hurts.world.t.size) < 0.4) % 2 > 0
    exposed = _exposed(hurts, origin) * down
    hurt = hurts[origin.service]
    hurt.unseen[CANARY] += min(1.0, 0.5 * worse) * exposed
    hurt.silent[CANARY] |= exposed > 0.9


def dead(rng: np.random.Generator, hurts: Hurts, origin: Origin, _worse: float) -> None:
    exposed = _exposed(hurts, origin)
    hurt = hurts[origin.service]
    hurt.silent[CANARY] |= exposed > 0.9
    if rng.random() < 0.7:  # else whoever spreads the traffic has noticed
        hurt.unseen[CANARY] += exposed


def leak(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    world = hurts.world
    grown = np.clip((world.t - origin.onset) / rng.uniform(600, 1500), 0.0, 2.0)
    grown = grown * (_share(hurts, origin) > 0)
    hurt = hurts[origin.service]
    hurt.latency[CANARY] += worse * grown
    hurt.cpu[CANARY] += 0.5 * grown
    hurt.slow[CANARY] += np.minimum(0.9, 0.3 * worse * grown)


def wrong_value(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    hurt = hurts[origin.service]
    hurt.nonsense[CANARY] += min(1.0, worse * rng.uniform(0.1, 0.6)) * _exposed(hurts, origin)


def retry_storm(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """The canary of a caller asks again and again; a callee fails everybody under the load."""
    callees = hurts.world.calls[origin.service]
    target = hurts[str(callees[rng.integers(len(callees))])]
    times = worse * rng.uniform(2.0, 6.0)
    exposed = _exposed(hurts, origin)
    hurts[origin.service].calls_made[CANARY] += np.log(times) * exposed
    load = 1.0 + (times - 1.0) * _share(hurts, origin) * since(hurts, origin)
    _overload(target, load)


def _overload(target: Hurt, load: Floats) -> None:
    over = np.clip(load - 1.2, 0.0, None)
    target.requests += np.log(load)
    target.cpu += np.log1p(over)
    target.latency += 0.7 * over
    target.slow += np.clip(0.2 * over, 0.0, 0.9)
    target.errors += np.clip(0.08 * over, 0.0, 0.8)


def pool(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """The canary uses up what it shares with its control: both are hit."""
    held = np.cumsum(_share(hurts, origin) * since(hurts, origin)) * hurts.world.step
    empty = np.clip(held / (rng.uniform(20, 120) / worse) - 0.3, 0.0, 1.0)
    hurt = hurts[origin.service]
    hurt.errors += rng.uniform(0.03, 0.2) * empty
    hurt.latency += rng.uniform(0.5, 1.5) * empty
    hurt.slow += 0.3 * empty


def lock(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """A migration holds a lock for some minutes: its service waits, and who shares the tables."""
    ends = origin.onset + rng.uniform(600, 1500)
    held = since(hurts, origin) * (hurts.world.t < ends)
    for service in (origin.service, *_siblings(rng, hurts.world, origin.service)):
        hurts[service].latency += np.log(2 + worse) * held
        hurts[service].slow += min(0.8, 0.3 * worse) * held
        hurts[service].errors += 0.02 * worse * held


def _siblings(rng: np.random.Generator, world: World, service: str) -> list[str]:
    near = sorted({each for caller in world.callers(service) for each in world.calls[caller]})
    near = [each for each in near if each != service]
    return [near[rng.integers(len(near))]] if near and rng.random() < 0.5 else []


def config_elsewhere(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """What was changed here is read there, by a caller, and harms only that one."""
    callers = hurts.world.callers(origin.service) or [origin.service]
    victim = hurts[callers[rng.integers(len(callers))]]
    victim.errors += min(0.8, worse * rng.uniform(0.02, 0.2)) * since(hurts, origin)


def dependency(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """Something that nobody here changed fails under several services at once."""
    names = sorted(hurts.world.calls)
    many = min(len(names), int(rng.integers(2, 6)))
    share = worse * rng.uniform(0.03, 0.3)
    for service in {origin.service, *(str(s) for s in rng.choice(names, many, replace=False))}:
        hurts[service].errors += min(0.9, share * rng.uniform(0.5, 1.5)) * since(hurts, origin)
        hurts[service].latency += 0.5 * since(hurts, origin)


def surge(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """More visitors everywhere, more than some services bear."""
    rising = np.clip((hurts.world.t - origin.onset) / rng.uniform(30, 300), 0.0, 1.0)
    load = 1.0 + rng.uniform(0.8, 3.0) * rising
    for service in sorted(hurts.world.calls):
        if service == origin.service or rng.random() < 0.3:
            _overload(hurts[service], 1.0 + (load - 1.0) * worse)
        else:
            hurts[service].requests += np.log(load)


def third_party(rng: np.random.Generator, hurts: Hurts, origin: Origin, worse: float) -> None:
    """One service alone, equal in all its instances, not by a change of ours."""
    bad = min(0.9, worse * rng.uniform(0.03, 0.4)) * since(hurts, origin)
    hurts[origin.service].errors += bad
    hurts[origin.service].slow += bad / 2


def gap(rng: np.random.Generator, hurts: Hurts, origin: Origin, _worse: float) -> None:
    """The monitoring lost some services, both cohorts."""
    names = sorted(hurts.world.calls)
    lost = rng.choice(names, min(len(names), int(rng.integers(1, 5))), replace=False)
    for service in {origin.service, *(str(each) for each in lost)}:
        hurts[service].silent |= since(hurts, origin) > 0.9


def nothing(_rng: np.random.Generator, _hurts: Hurts, _origin: Origin, _worse: float) -> None:
    """An alarm without a cause."""


FAULTS: dict[str, Fault] = {
    each.name: each
    for each in (
        Fault("errors", by_canary, errors),
        Fault("latency", by_canary, latency),
        Fault("crash", by_canary, crash),
        Fault("dead", by_canary, dead),
        Fault("leak", by_canary, leak),
        Fault("wrong_value", by_canary, wrong_value),
        Fault("retry_storm", by_caller, retry_storm),
        Fault("pool", by_canary, pool),
        Fault("lock", by_all_at_once, lock),
        Fault("config_elsewhere", by_all_at_once, config_elsewhere),
        Fault("no_control", by_all_at_once, errors),
        Fault("slow_no_control", by_all_at_once, latency),
        Fault("quiet_culprit", by_quiet, errors),
        Fault("dependency", by_nobody, dependency, with_culprit=False),
        Fault("surge", by_nobody, surge, with_culprit=False),
        Fault("third_party", by_nobody, third_party, with_culprit=False),
        Fault("gap", by_nobody, gap, with_culprit=False),
        Fault("noise", by_nobody, nothing, with_culprit=False),
        Fault("visible_shift", by_nobody, third_party, with_culprit=False),
    )
}


# --- harmless, and yet it shows --------------------------------------------------------------


def visible_shift(rng: np.random.Generator, hurts: Hurts, change: Change) -> None:
    """The canary uses more CPU, is a little slower while it warms up, or makes more calls."""
    share, hurt = change.share(hurts.world.t), hurts[change.service]
    tracks = slice(CANARY, CANARY + 1) if change.controlled else slice(CANARY, CONTROL + 1)
    kind = rng.integers(3)
    if kind == 0:
        hurt.cpu[tracks] += rng.uniform(0.1, 0.4) * (share > 0)
    elif kind == 1:
        since_growth = np.full_like(share, np.inf)
        for at, _ in change.steps:
            passed = hurts.world.t - at
            since_growth = np.where(passed >= 0, passed, since_growth)
        hurt.latency[tracks] += 0.7 * np.exp(-since_growth / 60.0) * (share > 0)
    else:
        hurt.calls_made[tracks] += rng.uniform(0.1, 0.4) * (share > 0)
