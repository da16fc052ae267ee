"""Readings of many metrics at once → evidence for and against them. PURE.

One entry for the three kinds of a metric; the statistics are in `attribution/stats`. B metrics of
one kind, U units of a cohort, T intervals: one metric and ten thousand go through the same code.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attribution.stats import buckets, values
from attribution.stats.dispersion import Group, Groups
from attribution.stats.lines import Flags, Floats
from attribution.stats.ratio import Margins, Weighed, mean_of, weigh_counts


@dataclass(frozen=True)
class Readings:
    """`ratio`: (B, U, T, 2) events and totals, 0 requests where nothing is reported; `value`:
    (B, U, T), NaN there; `distribution`: (B, U, T, K) increments of buckets. `past`: the same with
    its own T, before the rollout.
    """

    kind: str
    control: Floats
    canary: Floats
    past_control: Floats | None = None
    past_canary: Floats | None = None
    # Of a distribution: the finite upper bounds (K − 1,), and the one that matters, if one does.
    bounds: Floats | None = None
    slo: float | None = None
    # The canary's past is that of the very same units.
    same_units: bool = False

    @property
    def intervals(self) -> int:
        return int(self.control.shape[2])

    @property
    def reported(self) -> tuple[Floats, Floats]:
        """What control and canary report, (B, T) each: requests, or units that have a value."""
        control, canary = (self._reported(each) for each in (self.control, self.canary))
        return control, canary

    def _reported(self, cohort: Floats) -> Floats:
        if self.kind == "ratio":
            return np.asarray(cohort[..., 1].sum(axis=1))
        if self.kind == "distribution":
            return np.asarray(cohort.sum(axis=(1, 3)))
        return np.asarray((~np.isnan(cohort)).sum(axis=1), dtype=np.float64)

    def without(self, control: Flags, canary: Flags) -> "Readings":
        """Nothing reported where the flags (T,) are set."""
        nothing = np.nan if self.kind == "value" else 0.0
        flags = [each if self.kind == "value" else each[:, None] for each in (control, canary)]
        return replace(
            self,
            control=np.where(flags[0], nothing, self.control),
            canary=np.where(flags[1], nothing, self.canary),
        )


@dataclass(frozen=True)
class Terms:
    direction: str = "increase"
    margin: float = 0.1
    pass_margin: float = 0.5
    margin_abs: float = 0.0
    # Log of what a canary that is still warming up may be worse by, (T,) or 0.
    warming: Floats | float = 0.0
    # Log of the evidence that decides: to fail (in the first epoch), and to pass.
    level: float = math.log(100.0)
    pass_level: float = math.log(20.0)

    @property
    def margins(self) -> Margins:
        return Margins(
            fail=self.margin,
            passing=self.pass_margin,
            absolute=self.margin_abs,
            warming=self.warming,
            level=self.level,
            pass_level=self.pass_level,
        )


def weigh(readings: Readings, terms: Terms, starts: Sequence[int]) -> Weighed:
    """(B, T) each; `starts`: first interval of each epoch. `either` is the mean of both ways (to
    pass, both must).
    """
    if terms.direction != "either":
        return _one_way(readings, terms, starts)
    both = [
        _one_way(readings, replace(terms, direction=each), starts)
        for each in ("increase", "decrease")
    ]
    return Weighed(
        harm=mean_of([each.harm for each in both]),
        current_harm=mean_of([each.current_harm for each in both]),
        health=np.minimum(both[0].health, both[1].health),
    )


def _one_way(readings: Readings, terms: Terms, starts: Sequence[int]) -> Weighed:
    margins = terms.margins
    if readings.kind == "ratio":
        now, past = _groups(readings)
        return weigh_counts(now, past, terms.direction, margins, starts)
    if readings.kind == "value":
        given = values.Readings(
            readings.control,
            readings.canary,
            readings.past_control,
            readings.past_canary,
            readings.same_units,
        )
        return values.weigh_values(given, terms.direction, margins, starts)
    if readings.bounds is None:
        raise ValueError("a distribution has bounds")
    histograms = buckets.Histograms(
        readings.control,
        readings.canary,
        readings.bounds,
        readings.past_control,
        readings.past_canary,
    )
    return buckets.weigh_buckets(histograms, terms.direction, margins, starts, readings.slo)


def _groups(readings: Readings) -> tuple[Groups, Groups | None]:
    now = _group(readings.control), _group(readings.canary)
    if readings.past_control is None or readings.past_canary is None:
        return now, None
    return now, (_group(readings.past_control), _group(readings.past_canary))


def _group(counts: Floats) -> Group:
    return Group(counts[..., 0], counts[..., 1])
