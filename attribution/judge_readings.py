"""The series of one metric of a judge case: JSON in, `evidence.Readings` out. PURE.

A cohort is one series, a list of series (one a unit) or {unit name: series}. Missing readings
(null, total 0, a negative increment) become 0 requests or NaN: nothing reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.evidence import Readings
from attribution.fields import items, mapping, number, optional_number
from attribution.pointers import below
from attribution.stats.lines import Floats

MOST_REQUESTS = 1e15  # of one interval; beyond that sums of squares are no numbers any more
# Of a cohort. Each missing reading of a distribution is a row of zeros: a few words become a large
# matrix. Work: counts times buckets, as each bound weighs them all.
MOST_BOUNDS, MOST_COUNTS, MOST_WORK = 1_000, 1_000_000, 200_000_000
LARGEST = 1e150  # of a value: its square is still a number

Pair = tuple[float, float]


@dataclass(frozen=True)
class Cohort:
    """(U, T, …) readings; the units' names, if they have any."""

    readings: Floats
    names: tuple[str, ...]
    bounds: tuple[float, ...] = ()


def read_readings(source: Mapping[str, Any], kind: str, at: str) -> Readings:
    for side in ("control", "canary"):
        if source.get(side) is None:
            raise CaseError("cohort missing", f"'{side}' is required", f"{at}/{side}")
    control = _cohort(source["control"], kind, f"{at}/control")
    canary = _cohort(source["canary"], kind, f"{at}/canary")
    lengths = control.readings.shape[1], canary.readings.shape[1]
    if lengths[0] != lengths[1]:
        detail = f"control has {lengths[0]} intervals, canary {lengths[1]}"
        raise CaseError("unequal lengths", detail, f"{at}/canary")
    bounds = _same_bounds([control, canary], at)
    past = _past(source, kind, at, (control, canary), bounds)
    return Readings(
        kind,
        control.readings[None],
        canary.readings[None],
        past_control=past[0] if past else None,
        past_canary=past[1] if past else None,
        bounds=np.asarray(bounds) if kind == "distribution" else None,
        slo=_slo(source, bounds, at) if kind == "distribution" else None,
        same_units=bool(past and past[2]),
    )


def _past(
    source: Mapping[str, Any],
    kind: str,
    at: str,
    now: tuple[Cohort, Cohort],
    bounds: tuple[float, ...],
) -> tuple[Floats, Floats, bool] | None:
    """Readings of control and canary before the rollout, each (1, U, T, …), of as many intervals;
    and whether the canary's are of the units that it has now: of the same names, or without names
    as many, in the same order.
    """
    if source.get("history") is None:
        return None
    given = mapping(source["history"], f"{at}/history")
    cohorts = []
    for side, present in zip(("control", "canary"), now, strict=True):
        there = given.get(side)
        found = _cohort([] if there is None else there, kind, f"{at}/history/{side}", bounds)
        cohorts.append(_in_order(found, present.names))
    _same_bounds([*now, *cohorts], f"{at}/history")
    length = min(cohort.readings.shape[1] for cohort in cohorts)
    past = [c.readings[None, :, c.readings.shape[1] - length :] for c in cohorts]
    units = cohorts[1].readings.shape[0] == now[1].readings.shape[0]
    same = units and length > 0 and cohorts[1].names == now[1].names
    return past[0], past[1], same


def _in_order(cohort: Cohort, names: tuple[str, ...]) -> Cohort:
    """The same units in the order in which the present names them; otherwise as they are."""
    if not names or set(cohort.names) != set(names):
        return cohort
    order = [cohort.names.index(name) for name in names]
    return Cohort(cohort.readings[order], names, cohort.bounds)


def _slo(source: Mapping[str, Any], bounds: tuple[float, ...], at: str) -> float | None:
    """`params.bound`: the bound beyond which a request is too slow. It is one of the buckets'."""
    params = source.get("params")
    if params is None or mapping(params, f"{at}/params").get("bound") is None:
        return None
    bound = optional_number(params, "bound", f"{at}/params", 0.0)
    if not any(np.isclose(bound, each) for each in bounds):
        detail = f"{bound:g} is no bound of the buckets"
        raise CaseError("unknown bound", detail, f"{at}/params/bound")
    return bound


def _same_bounds(cohorts: Sequence[Cohort], at: str) -> tuple[float, ...]:
    known = [cohort.bounds for cohort in cohorts if cohort.bounds]
    if any(bounds != known[0] for bounds in known):
        raise CaseError("unequal bounds", "the buckets of all cohorts have the same bounds", at)
    return known[0] if known else ()


def _cohort(series: Any, kind: str, at: str, bounds: tuple[float, ...] = ()) -> Cohort:
    if kind == "distribution":
        return _histograms(series, at, bounds)
    nested, read = (_pairs_by_unit, _pairs) if kind == "ratio" else (_values_by_unit, _values)
    units, names = _units(series, at, nested)
    rows = [read(unit, pointer) for unit, pointer in units]
    for row, (_, pointer) in zip(rows, units, strict=True):
        if row.shape != rows[0].shape:
            raise CaseError("unequal lengths", "units differ in their intervals", pointer)
    return Cohort(np.stack(rows), names)


def _units(
    series: Any, at: str, nested: Callable[[list[Any]], bool]
) -> tuple[list[tuple[list[Any], str]], tuple[str, ...]]:
    if isinstance(series, Mapping):
        named = [(value, below(at, unit)) for unit, value in series.items()]
        for value, pointer in named:
            _must_be_list(value, pointer)
        return named or [([], at)], tuple(str(unit) for unit in series)
    _must_be_list(series, at)
    if series and nested(series):
        return [(each, f"{at}/{place}") for place, each in enumerate(series)], ()
    return [(series, at)], ()


def _values_by_unit(series: list[Any]) -> bool:
    return all(isinstance(each, list | tuple) for each in series)


def _pairs_by_unit(series: list[Any]) -> bool:
    """Is this a list a unit? Then no element holds a number of its own."""
    return _values_by_unit(series) and not any(
        isinstance(value, int | float | str) for each in series for value in each
    )


def _must_be_list(value: Any, at: str) -> None:
    if not isinstance(value, list | tuple):
        raise CaseError("not a list", "expected a list of readings or null", at)


def ratio_series(series: Any, at: str) -> Floats:
    """(T, 2) events and totals of one cohort, its units added up."""
    return np.asarray(_cohort(series, "ratio", at).readings.sum(axis=0))


def _pairs(series: list[Any], at: str) -> Floats:
    rows = [_pair(value, at, place) for place, value in enumerate(series)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


def _pair(value: Any, at: str, place: int) -> Pair:
    if value is None:
        return (0.0, 0.0)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise CaseError("not [events, total]", "expected two numbers or null", f"{at}/{place}")
    events, total = value
    if events is None or total is None:
        return (0.0, 0.0)
    events = number(events, f"{at}/{place}/0", high=MOST_REQUESTS)
    total = number(total, f"{at}/{place}/1", high=MOST_REQUESTS)
    if events < 0 or total <= 0:  # a counter's reset, or nobody asked
        return (0.0, 0.0)
    if events > total * (1.0 + 1e-9):
        detail = f"{events:g} events of {total:g}"
        raise CaseError("events exceed total", detail, f"{at}/{place}/0")
    return (min(events, total), total)


def _values(series: list[Any], at: str) -> Floats:
    rows = [
        np.nan if value is None else number(value, f"{at}/{place}", low=-LARGEST, high=LARGEST)
        for place, value in enumerate(series)
    ]
    return np.array(rows, dtype=np.float64)


def _histograms(series: Any, at: str, known: tuple[float, ...]) -> Cohort:
    names: tuple[str, ...] = ()
    if isinstance(series, Mapping) and "counts" in series:
        entries = [(series, at)]
    elif isinstance(series, Mapping):
        names = tuple(str(unit) for unit in series)
        entries = [(each, below(at, unit)) for unit, each in series.items()]
    else:
        _must_be_list(series, at)
        entries = [(each, f"{at}/{place}") for place, each in enumerate(series)]
    if not entries:
        return Cohort(np.zeros((1, 0, len(known) + 1)), names, known)
    units: list[tuple[Floats, tuple[float, ...]]] = []
    taken = 0
    for each, pointer in entries:
        units.append(_histogram(mapping(each, pointer), pointer, taken))
        taken += units[-1][0].size
    first, bounds = units[0]
    for (counts, own), (_, pointer) in zip(units, entries, strict=True):
        if own != bounds:
            raise CaseError("unequal bounds", "all units have the same bounds", pointer)
        if counts.shape != first.shape:
            raise CaseError("unequal lengths", "units differ in their intervals", pointer)
    return Cohort(np.stack([counts for counts, _ in units]), names, bounds)


def _histogram(entry: Mapping[str, Any], at: str, taken: int) -> tuple[Floats, tuple[float, ...]]:
    """((T, K) increments, the K − 1 finite bounds); the open bucket may be told, or left out.

    `taken`: how many counts the units before it have.
    """
    bounds = _bounds(items(entry, "bounds", at), f"{at}/bounds")
    given = items(entry, "counts", at, default=[])
    buckets = len(bounds) + 1
    most = min(MOST_COUNTS, MOST_WORK // buckets)
    if taken + len(given) * buckets > most:
        detail = f"a cohort has at most {most:,} counts in {buckets} buckets"
        raise CaseError("too many counts", detail, f"{at}/counts")
    rows = [_row(row, buckets, f"{at}/counts/{place}") for place, row in enumerate(given)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), buckets), bounds


def _bounds(given: list[Any], at: str) -> tuple[float, ...]:
    if given and given[-1] in ("+Inf", "Inf", np.inf):
        given = given[:-1]
    if len(given) > MOST_BOUNDS:
        detail = f"{len(given)} bounds; at most {MOST_BOUNDS}"
        raise CaseError("too many buckets", detail, at)
    bounds = tuple(number(each, f"{at}/{place}") for place, each in enumerate(given))
    if not bounds or any(low >= high for low, high in pairwise(bounds)):
        raise CaseError("bounds not ascending", "bounds are ascending numbers", at)
    return bounds


def _row(row: Any, buckets: int, at: str) -> list[float]:
    if row is None:
        return [0.0] * buckets
    _must_be_list(row, at)
    if len(row) not in (buckets, buckets - 1):
        detail = f"{len(row)} counts for {buckets - 1} bounds"
        raise CaseError("counts do not match the bounds", detail, at)
    reach = MOST_REQUESTS
    counts = [number(each, f"{at}/{i}", low=-reach, high=reach) for i, each in enumerate(row)]
    if min(counts) < 0:  # a counter's reset
        return [0.0] * buckets
    return counts + [0.0] * (buckets - len(counts))
