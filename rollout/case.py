"""From what was read to the judge's case: one grid of intervals, each metric by its kind."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from attribution.errors import CaseError
from attribution.histograms import (
    beyond,
    common_bounds,
    comparable,
    counts_on,
    histogram_of,
    telling_place,
)
from attribution.judge_readings import read_readings
from attribution.series import Series, pair_of
from attribution.stats.values import FEWEST_PAST
from rollout.readings import level, merged, samples, sign_of
from rollout.spec import RolloutSpec

FEWEST_FOR_QUARTILES = 8
LEAST_FENCE = 0.02
JUDGED_KEYS = {
    *("name", "kind", "direction", "critical", "weight", "params"),
    *("margin", "pass_margin", "margin_abs", "min_samples", "settle_s"),
}
# Prometheus names a metric by its base unit.
UNIT = re.compile(r"_(seconds|bytes)(?:_bucket|_sum)?\b")
UNITS = {"seconds": "s", "bytes": "bytes"}
# Where nothing was read no bound is known, and the judge wants one.
ANY_BOUND = 1.0


@dataclass(frozen=True)
class Window:
    """One stage's bake: from its start to its end (None: still going on)."""

    start: float
    end: float | None
    share: float

    def holds(self, begin: float, end: float) -> bool:
        return begin >= self.start - 1e-6 and (self.end is None or end <= self.end)


@dataclass(frozen=True)
class Read:
    """What was read of one metric up to `at`."""

    at: float
    canary: Any
    control: Any


Past = Mapping[str, Sequence[Read]]  # of each metric, before anybody was exposed


def judge_case(
    case_id: str,
    spec: RolloutSpec,
    windows: Sequence[Window],
    series: Mapping[str, Series],
    now: float,
    past: Mapping[str, Past],
) -> dict[str, Any]:
    """One grid of intervals for all services; a slot that nobody read is null on both sides.

    `past`, by service: reads of before the rollout, of the metrics that are levels.
    """
    step = spec.interval_s
    begin = windows[0].start
    slots = max(0, int((now - begin) / step))
    grid = [begin + (i + 1) * step for i in range(slots)]
    return {
        "id": case_id,
        "interval_s": step,
        "alpha": spec.alpha_halt,
        "t": grid,
        "stages": [{"start": w.start, "share": w.share} for w in windows],
        "metrics": [
            {
                **metric(guardrail, reads_of(guardrail, series[service]), windows, grid, step),
                **_history(guardrail, past.get(service, {}), step),
                # Two services may have a guardrail of the same name.
                **({"name": f"{service}/{guardrail['name']}"} if len(series) > 1 else {}),
            }
            for service, guardrails in spec.guardrails.items()
            for guardrail in guardrails
        ],
    }


def kind_of(guardrail: Mapping[str, Any]) -> str:
    return str(guardrail.get("kind") or "ratio")


def _direction(guardrail: Mapping[str, Any]) -> str:
    return str(guardrail.get("direction") or "increase")


def _number(stored: Any) -> float | None:
    return stored if isinstance(stored, int | float) and not isinstance(stored, bool) else None


READING: dict[str, Callable[[Any], Any]] = {
    "ratio": pair_of,
    "value": _number,
    "distribution": histogram_of,
}


def reads_of(guardrail: Mapping[str, Any], series: Series) -> list[Read]:
    """Of the reads that worked. What is not of the guardrail's kind was not reported."""
    values, reading = series.values[guardrail["name"]], READING[kind_of(guardrail)]
    return [
        Read(at, reading(values["canary"][i]), reading(values["control"][i]))
        for i, (at, error) in enumerate(zip(series.t, series.errors, strict=True))
        if not error
    ]


def metric(
    guardrail: Mapping[str, Any],
    reads: Sequence[Read],
    windows: Sequence[Window],
    grid: Sequence[float],
    step: float,
) -> dict[str, Any]:
    kind = kind_of(guardrail)
    full = next((w.start for w in windows if w.share >= 1), None)
    used = [(read, window_of(read, windows, step)) for read in reads]
    if full is None:
        used = [(read, window) for read, window in used if window]
    bounds: list[float] = []
    if kind == "distribution":
        bounds, told = on_common_bounds([read for read, _ in used])
        used = [(read, window) for read, (_, window) in zip(told, used, strict=True)]
    before = [read.control for read, _ in used if full is not None and read.at < full]
    history = without_incidents(before, guardrail, bounds)
    canary, control = _on_grid(kind, used, history, grid, step)
    given = {k: v for k, v in guardrail.items() if k in JUDGED_KEYS and v is not None}
    given |= {"kind": kind, **_unit(guardrail)}
    if kind != "distribution":
        return {**given, "canary": canary, "control": control}
    return _of_buckets(given, bounds, canary, control)


def window_of(read: Read, windows: Sequence[Window], step: float) -> Window | None:
    return next((w for w in windows if w.holds(read.at - step, read.at)), None)


def _on_grid(
    kind: str,
    used: Sequence[tuple[Read, Window | None]],
    history: Sequence[Any],
    grid: Sequence[float],
    step: float,
) -> tuple[list[Any], list[Any]]:
    """Canary and control, a reading a slot."""
    canary: list[list[Any]] = [[] for _ in grid]
    control: list[list[Any]] = [[] for _ in grid]
    full: set[int] = set()
    for read, window in used:
        slot = round((read.at - grid[0]) / step) if grid else -1
        if window is None or not 0 <= slot < len(grid):
            continue
        canary[slot] += [] if read.canary is None else [read.canary]
        control[slot] += [] if read.control is None else [read.control]
        if window.share >= 1:
            full.add(slot)
    for slot in full:
        # Nobody is unexposed: compare with what was seen before. Silence here may be
        # a quiet hour as well, so it is no evidence and no comparison.
        control[slot] = [history[slot % len(history)]] if history and canary[slot] else []
    return [merged(kind, each) for each in canary], [merged(kind, each) for each in control]


# --- distributions ---------------------------------------------------------------------------


def on_common_bounds(reads: Sequence[Read]) -> tuple[list[float], list[Read]]:
    """The bounds that all reads have in common, and the reads as counts between them.

    A read that cannot be compared tells nothing of either cohort: of one alone it would look as if
    that one were silent.
    """
    told = [all(comparable(h) for h in _histograms(read)) for read in reads]
    known = [h for read, good in zip(reads, told, strict=True) if good for h in _histograms(read)]
    bounds = common_bounds(known)
    none_in_common = not bounds and any(any(h["counts"]) for h in known)

    def counts(one: Any) -> list[float] | None:
        return None if one is None else counts_on(one, bounds or [ANY_BOUND])

    if none_in_common:
        told = [False] * len(reads)
    return bounds, [
        Read(read.at, counts(read.canary), counts(read.control))
        if good
        else Read(read.at, None, None)
        for read, good in zip(reads, told, strict=True)
    ]


def _histograms(read: Read) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in (read.canary, read.control) if one is not None)


def _of_buckets(
    given: dict[str, Any], bounds: Sequence[float], canary: list[Any], control: list[Any]
) -> dict[str, Any]:
    """With `error` where the bound that matters is none of the buckets': it cannot be judged."""
    wanted = (given.get("params") or {}).get("bound")
    cohorts = {
        side: {"bounds": list(bounds) or [wanted or ANY_BOUND], "counts": counts}
        for side, counts in (("canary", canary), ("control", control))
    }
    found = {**given, **cohorts}
    empty = {**given, **{side: {**one, "counts": []} for side, one in cohorts.items()}}
    try:
        read_readings(empty, "distribution", "")
    except CaseError as problem:
        all_of_them = ", ".join(f"{bound:g}" for bound in bounds)
        return {**found, "error": f"{problem.title}: {problem.detail} ({all_of_them})"}
    return found


def _unit(guardrail: Mapping[str, Any]) -> dict[str, str]:
    found = UNIT.search(str(guardrail.get("query") or ""))
    return {"unit": UNITS[found[1]]} if found else {}


# --- what was before -------------------------------------------------------------------------


def _history(guardrail: Mapping[str, Any], past: Past, step: float) -> dict[str, Any]:
    """Both cohorts of a level before the rollout, where both were there: cohorts of fixed units.

    Without that nothing is known of what the units differ by, and the judge says so.
    """
    reads = past.get(guardrail["name"], ())
    both = [read for read in reads if read.canary is not None and read.control is not None]
    if kind_of(guardrail) != "value" or len(both) < FEWEST_PAST:
        return {}
    first = both[0].at
    grid = [first + i * step for i in range(round((both[-1].at - first) / step) + 1)]
    always = Window(first - step, None, 0.0)
    canary, control = _on_grid("value", [(read, always) for read in both], (), grid, step)
    return {"history": {"canary": canary, "control": control}}


def without_incidents(
    readings: Sequence[Any], guardrail: Mapping[str, Any], bounds: Sequence[float] = ()
) -> list[Any]:
    """Drop intervals beyond Tukey's outer fence: another change's fault is no yardstick.

    The fence is at least LEAST_FENCE above the third quartile (of a level: that part of it), so
    that the noise of rare events stays in.
    """
    kind, direction = kind_of(guardrail), _direction(guardrail)
    told = [each for each in readings if samples(kind, each) > 0]
    if len(told) < FEWEST_FOR_QUARTILES:
        return told
    bad = _badness(kind, direction, told, guardrail, bounds)
    first, _, third = quantiles(bad, n=4)
    least = LEAST_FENCE * abs(third) if kind == "value" else LEAST_FENCE
    fence = third + max(3 * (third - first), least)
    return [reading for reading, share in zip(told, bad, strict=True) if share <= fence]


def _badness(
    kind: str,
    direction: str,
    told: Sequence[Any],
    guardrail: Mapping[str, Any],
    bounds: Sequence[float],
) -> list[float]:
    if kind == "distribution":
        wanted = (guardrail.get("params") or {}).get("bound")
        place = telling_place(bounds or [ANY_BOUND], told, direction, wanted)
        return [beyond(counts, place, direction) / sum(counts) for counts in told]
    sign = sign_of(kind, direction)
    return [sign * (level(kind, [each], direction) or 0.0) for each in told]
