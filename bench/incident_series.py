"""What the monitoring shows of a hurt fleet: counts and levels by cohort, as contract series."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from incident_hurts import CANARY, CONTROL, Hurts
from incident_world import Floats, Usual, World

COHORTS = ("canary", "control")
AR, NOISE = 0.6, 0.06  # of levels, on the log
SEASON = 0.2
BACK_S = 1200.0  # series begin so long before the detection


@dataclass(frozen=True)
class Counts:
    """Requests and how many of them were bad or slow, (2, T) each: canary and control."""

    requests: Floats
    errors: Floats
    slow: Floats


@dataclass(frozen=True)
class Shown:
    """All that is drawn of one service; `answered`: errors as its callers counted them."""

    counts: Counts
    answered: Floats
    levels: dict[str, Floats]  # by metric, (2, T)


def draw(rng: np.random.Generator, hurts: Hurts) -> dict[str, Shown]:
    """Of every service; the same for all looks at the incident."""
    phase = rng.uniform(0, 2 * np.pi)
    season = SEASON * np.sin(2 * np.pi * hurts.world.t / 86400.0 + phase)
    return {name: _service(rng, hurts, name, season) for name in sorted(hurts.world.calls)}


def _service(rng: np.random.Generator, hurts: Hurts, name: str, season: Floats) -> Shown:
    world, hurt, usual = hurts.world, hurts[name], hurts.world.usual[name]
    share = hurts.share(name)
    parts = np.stack((share, 1.0 - share))
    requests = rng.poisson(usual.requests * world.step * parts * np.exp(season + hurt.requests))
    base = _by_track(usual.errors, usual.offset_errors)
    seen = np.minimum(base + hurt.errors, 1.0)
    slow = np.minimum(_by_track(usual.slow, usual.offset_errors / 2) + hurt.slow, 1.0)
    counts = Counts(
        requests.astype(float),
        _events(rng, requests, seen, usual),
        _events(rng, requests, slow, usual),
    )
    answered = np.minimum(base + hurts.answered_badly(name), 1.0)
    return Shown(counts, _events(rng, requests, answered, usual), _levels(rng, world, hurts, name))


def _by_track(level: float, offset: float) -> Floats:
    return np.array([[level * np.exp(offset)], [level]])


def _events(
    rng: np.random.Generator, requests: np.ndarray[Any, Any], share: Floats, usual: Usual
) -> Floats:
    """Binomial, or as much more scattered as the service's requests come in bursts."""
    if usual.dispersion > 1:
        shape = 1.0 / (usual.dispersion - 1.0) * np.maximum(requests * share, 1e-9)
        share = np.clip(share * rng.gamma(shape) / shape, 0.0, 1.0)
    return rng.binomial(requests, share).astype(float)


def _levels(rng: np.random.Generator, world: World, hurts: Hurts, name: str) -> dict[str, Floats]:
    hurt, usual = hurts[name], world.usual[name]
    shape = (2, world.t.size)
    return {
        "latency_p95_seconds": usual.latency_s
        * np.exp(_by_track(1.0, 0.0) * _noise(rng, shape) + _offset(usual) + hurt.latency),
        "cpu_usage": usual.cpu * np.exp(_noise(rng, shape) + hurt.cpu),
        "calls_made_per_request": (1.0 + len(world.calls[name]))
        * np.exp(_noise(rng, shape) / 4 + hurt.calls_made),
    }


def _offset(usual: Usual) -> Floats:
    return np.array([[usual.offset_latency], [0.0]])


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    drawn = rng.normal(0.0, NOISE, shape)
    drawn[:, 1:] *= np.sqrt(1 - AR**2)
    for at in range(1, shape[1]):
        drawn[:, at] += AR * drawn[:, at - 1]
    return drawn


@dataclass(frozen=True)
class View:
    """Which services are shown, and from when to when."""

    services: tuple[str, ...]
    whole: frozenset[str]  # of which everything is shown; of the others, how their calls went
    around: frozenset[str]  # the services of which callers are asked
    since: float
    until: float
    with_counts: bool


def series(hurts: Hurts, shown: dict[str, Shown], view: View) -> list[dict[str, Any]]:
    return [each for name in view.services for each in _of(hurts, shown, view, name)]


def _of(hurts: Hurts, shown: dict[str, Shown], view: View, name: str) -> Iterator[dict[str, Any]]:
    seen, world = shown[name], hurts.world
    if name in view.whole and not world.usual[name].quiet:
        told = np.where(hurts[name].silent, 0.0, seen.counts.requests)
        lost = hurts[name].silent
        for metric, events in (("errors", seen.counts.errors), ("slow", seen.counts.slow)):
            yield from _shares(hurts, view, {"service": name, "metric": metric}, events, told)
        for metric, level in seen.levels.items():
            entry = {"service": name, "metric": metric}
            yield from _values(hurts, view, entry, np.where(lost, np.nan, level))
        yield _rate(hurts, view, name, told)
    for callee in world.calls[name]:
        if callee in view.around:
            entry = {"service": name, "metric": "errors_calling", "peer": callee}
            yield from _calls(hurts, shown, view, entry)


def _calls(
    hurts: Hurts, shown: dict[str, Shown], view: View, entry: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """As the caller counted the callee's answers; a part of all its answers."""
    callee, caller = entry["peer"], entry["service"]
    part = 1.0 / max(len(hurts.world.callers(callee)), 1)
    total = np.round(shown[callee].counts.requests * part)
    events = np.minimum(np.round(shown[callee].answered * part), total)
    lost = hurts[caller].silent[CONTROL]
    yield from _shares(hurts, view, entry, events, np.where(lost, 0.0, total))


def _shares(
    hurts: Hurts, view: View, entry: dict[str, Any], events: Floats, total: Floats
) -> Iterator[dict[str, Any]]:
    subject = entry.get("peer", entry["service"])
    for cohort, x, n in _cohorts(hurts, subject, events, total):
        with np.errstate(invalid="ignore", divide="ignore"):
            v = np.where(n > 0, x / n, np.nan)
        yield {
            **entry,
            **_known(hurts, entry, cohort),
            "direction": "increase",
            "cohort": cohort,
            **_points(hurts.world, view, v, n if view.with_counts else None),
        }


def _cohorts(
    hurts: Hurts, subject: str, events: Floats, total: Floats
) -> Iterator[tuple[str, Floats, Floats]]:
    if hurts.world.of(subject) is not None:
        for row, cohort in enumerate(COHORTS):
            yield cohort, events[row], total[row]
    yield "all", events.sum(axis=0), total.sum(axis=0)


def _known(hurts: Hurts, entry: dict[str, Any], cohort: str) -> dict[str, Any]:
    change = hurts.world.of(entry["service"])
    if cohort == "all" or "peer" in entry or change is None:
        return {}
    alone = sum(c.service == change.service for c in hurts.world.changes) == 1
    return {"change": change.id} if alone else {}


def _values(
    hurts: Hurts, view: View, entry: dict[str, Any], level: Floats
) -> Iterator[dict[str, Any]]:
    """A canary that nobody is sent to has no level; the whole is the mean by share."""
    share = hurts.share(entry["service"])
    canary = np.where(share > 0, level[CANARY], np.nan)
    control = np.where(share < 1, level[CONTROL], np.nan)
    cohorts = {"canary": canary, "control": control}
    weighed = np.nan_to_num(canary) * share + np.nan_to_num(control) * (1 - share)
    whole = np.where(np.isnan(level).all(axis=0), np.nan, weighed)
    if hurts.world.of(entry["service"]) is None:
        cohorts = {}
    for cohort, v in {**cohorts, "all": whole}.items():
        yield {
            **entry,
            **_known(hurts, entry, cohort),
            "direction": "increase",
            "cohort": cohort,
            **_points(hurts.world, view, v, None),
        }


def _rate(hurts: Hurts, view: View, name: str, total: Floats) -> dict[str, Any]:
    v = np.where(hurts[name].silent[CONTROL], np.nan, total.sum(axis=0) / hurts.world.step)
    points = _points(hurts.world, view, v, None)
    entry = {"service": name, "metric": "requests_per_second", "direction": "either"}
    return {**entry, "cohort": "all", **points}


def _points(world: World, view: View, v: Floats, n: Floats | None) -> dict[str, Any]:
    keep = (world.t >= view.since) & (world.t <= view.until)
    values = [None if np.isnan(each) else round(float(each), 6) for each in v[keep]]
    points: dict[str, Any] = {"t": [float(at) for at in world.t[keep]], "v": values}
    if n is not None:
        points["n"] = [float(each) for each in n[keep]]
    return points
