"""How much traffic a service has had lately, and how much of it went badly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from attribution.series import COHORTS, Series, read_series

LATELY = timedelta(minutes=10)
FEWEST_READS = 3


@dataclass(frozen=True)
class Recent:
    """Of one ratio: the share of bad events in the control, and requests a second of everybody."""

    base: float
    requests_per_s: float


def recent(service: str, metrics: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Recent]:
    """By metric; one that was not reported lately is left out. `metrics` are guardrails."""
    ratios = [metric for metric in metrics if metric.get("kind", "ratio") == "ratio"]
    if not ratios:
        return {}
    series = read_series(service, [metric["name"] for metric in ratios], now - LATELY, now)
    found = {metric["name"]: _of(metric, series) for metric in ratios}
    return {name: one for name, one in found.items() if one is not None}


def _of(metric: Mapping[str, Any], series: Series) -> Recent | None:
    values = {cohort: series.pairs(metric["name"], cohort) for cohort in COHORTS}
    good = [i for i, error in enumerate(series.errors) if not error]
    if len(good) < FEWEST_READS:
        return None
    # A read holds what came since the one before, so gaps between good reads tell its length.
    step = median(series.t[j] - series.t[i] for i, j in pairwise(good))
    everybody = sum(_requests(values, i) for i in good)
    judged = [pair for pair in values["control"] if pair] or [p for p in values["all"] if p]
    events, total = (sum(pair[part] for pair in judged) for part in (0, 1))
    if everybody <= 0 or total <= 0 or step <= 0:
        return None
    bad = 1.0 - events / total if metric.get("direction") == "decrease" else events / total
    return Recent(base=bad, requests_per_s=everybody / (len(good) * step))


def _requests(values: Mapping[str, Sequence[Any]], place: int) -> float:
    """Of everybody, if that is reported, else of both cohorts."""
    everybody = values["all"][place]
    cohorts = [everybody] if everybody else [values[side][place] for side in ("canary", "control")]
    return float(sum(pair[1] for pair in cohorts if pair))
