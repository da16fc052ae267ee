"""One incident in a large fleet: `attribution_scale.py [COUNT] [FIRST SEED] [--services N]`.

Each generated incident (`incidents.py`) is looked at alone and as a part of a fleet of 5,000
services with 10,000 changes under way, every one with its canary and control. Prints how often the
culprit (or "none of them") came first, how often it was not among the changes that are weighed, and
how long the ranking takes. Reading the JSON is told apart: whoever sends it has it in that form.
"""

import argparse
import gc
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from incident_faults import FAULTS
from incidents import case, incident

from attribution.attribute import attribute, ranked
from attribution.attribute_case import read_case

AFTER_S = 180.0
PLANS = ((0.01, 0.05, 0.25, 0.5, 1.0), (0.05, 0.2, 0.5, 1.0), (0.1, 0.33, 1.0))
INTO = 0.02  # of the rest call a service of the incident
BELOW = 0.2  # of the incident's services call one of the rest
HOUR_S = 3600.0
# More requests everywhere would have to reach the rest as well.
KINDS = sorted(set(FAULTS) - {"surge"})

Case = dict[str, Any]


def in_a_fleet(small: Case, services: int, changes: int, seed: int) -> Case:
    """The same incident, with the rest of the company around it and calls both ways."""
    rng = np.random.default_rng([seed, 7])
    own = [each["name"] for each in small["services"]]
    rest = [f"b{place:04d}" for place in range(services - len(own))]
    below = [
        {**each, "calls": [*each["calls"], *_of(rng, rest, BELOW)]} for each in small["services"]
    ]
    t = np.arange(small["detected_at"] - 1200.0, small["now"], small["interval_s"])
    more = [
        _change(rng, small, f"x{place:05d}", rest[place % len(rest)])
        for place in range(changes - len(small["changes"]))
    ]
    return {
        **small,
        "services": [*below, *_calls(rng, rest, own)],
        "changes": [*small["changes"], *more],
        "series": [*small["series"], *(s for name in rest for s in _series(rng, name, t))],
    }


def _of(rng: np.random.Generator, names: list[str], chance: float) -> list[str]:
    return [names[int(rng.integers(len(names)))]] if rng.random() < chance else []


def _calls(rng: np.random.Generator, rest: list[str], own: list[str]) -> list[Case]:
    calls: dict[str, set[str]] = {name: set(_of(rng, own, INTO)) for name in rest}
    for place, name in enumerate(rest[1:], 1):
        for _ in range(1 + rng.poisson(0.5)):
            calls[rest[int(place * rng.power(1.5))]].add(name)
    return [{"name": name, "calls": sorted(each)} for name, each in calls.items()]


def _change(rng: np.random.Generator, small: Case, name: str, service: str) -> Case:
    begins, bake = small["detected_at"] - rng.uniform(0, HOUR_S), rng.uniform(240, 900)
    plan = PLANS[int(rng.integers(len(PLANS)))]
    steps = [{"at": begins + i * bake, "share": share} for i, share in enumerate(plan)]
    exposures = [step for step in steps if step["at"] <= small["now"]]
    return {"id": name, "service": service, "kind": "deploy", "exposures": exposures}


def _series(rng: np.random.Generator, name: str, t: np.ndarray[Any, Any]) -> list[Case]:
    """Errors of a healthy service: the whole, its canary, its control."""
    usual = np.exp(rng.uniform(np.log(1e-3), np.log(1e-2)))
    whole = {"service": name, "metric": "errors", "direction": "increase", "t": t.tolist()}
    found = []
    for cohort, share in (("all", 1.0), ("canary", 0.1), ("control", 0.9)):
        requests = np.maximum(rng.poisson(2000 * share, t.size), 1)
        v = rng.binomial(requests, usual) / requests
        found.append({**whole, "cohort": cohort, "v": v.tolist(), "n": requests.tolist()})
    return found


def first(answer: Mapping[str, Any]) -> str | None:
    """None: none of them."""
    suspects = answer["suspects"]
    if not suspects or answer["none_of_them"] >= suspects[0]["probability"]:
        return None
    return str(suspects[0]["change"])


def timed(large: Case) -> tuple[Mapping[str, Any], float, float]:
    """(answer, seconds of reading, seconds of ranking): the better of two, without the collector
    that walks through the JSON.
    """
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    read = read_case(large)
    reading, took = time.perf_counter() - began, np.inf
    for _ in range(2):
        again = read_case(large)  # nothing is left over from the time before
        began = time.perf_counter()
        answer = ranked(again)
        took = min(took, time.perf_counter() - began)
    gc.enable()
    del read
    return answer, reading, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100)
    parser.add_argument("first", type=int, nargs="?", default=400_000)
    parser.add_argument("--services", type=int, default=5000)
    parser.add_argument("--changes", type=int, default=10_000)
    given = parser.parse_args()
    rows = []
    for seed in range(given.first, given.first + given.count):
        found = incident(seed, KINDS)
        if found.twins:
            continue
        small = case(found, AFTER_S)
        large = in_a_fleet(small, given.services, given.changes, seed)
        answer, reading, took = timed(large)
        weighed = {s["change"] for s in answer["suspects"] if s["evidence"][0]["kind"] != "far"}
        culprit = small["culprit"]
        alone = first(attribute(small))
        rows.append((culprit, alone, first(answer), culprit in weighed, reading, took))
        if first(answer) != alone:
            print(f"{small['id']}: {alone} alone, {first(answer)} in the fleet", flush=True)
    _print(rows)


def _print(rows: list[tuple[Any, ...]]) -> None:
    culprits = [row for row in rows if row[0] is not None]
    none = [row for row in rows if row[0] is None]
    for name, of in (("culprit", culprits), ("none", none)):
        alone, fleet = (sum(row[place] == row[0] for row in of) for place in (1, 2))
        print(f"{name} first: {alone} of {len(of)} alone, {fleet} in the fleet")
    print(f"culprit not weighed: {sum(not row[3] for row in culprits)} of {len(culprits)}")
    for name, place in (("reading", 4), ("ranking", 5)):
        ms = np.array([row[place] for row in rows]) * 1e3
        print(f"{name}: median {np.median(ms):.0f} ms, p90 {np.quantile(ms, 0.9):.0f} ms")


if __name__ == "__main__":
    main()
