"""The figures of a judge's case, for a person and for the bake. PURE."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollout.readings import direction_of, level, place_of, samples, series_of


def canary_fresh(case: Mapping[str, Any], recent: int) -> bool:
    """Every metric of the canary was reported within the last `recent` intervals."""
    return all(
        any(samples(m["kind"], each) > 0 for each in series_of(m, "canary")[-recent:])
        for m in case["metrics"]
    )


def canary_samples(case: Mapping[str, Any], since: float) -> int:
    """What the least-seen metric saw of the canary since then: requests.

    A level counts no requests, so it does not count here unless there are only levels; then each
    read is one.
    """
    counted = [m for m in case["metrics"] if m["kind"] != "value"] or case["metrics"]
    totals = [
        sum(
            samples(m["kind"], reading)
            for at, reading in zip(case["t"], series_of(m, "canary"), strict=True)
            if at > since
        )
        for m in counted
    ]
    return int(min(totals, default=0))


def explain(verdict: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    """One line for a person: the numbers of the metrics that made the verdict."""
    worst = [m for m in verdict["metrics"] if m["verdict"] == verdict["verdict"]]
    by_name = {m["name"]: m for m in case["metrics"]}
    lines = [f"{m['name']}: {rates(by_name[m['name']])}" for m in worst[:3]]
    return "; ".join([verdict["reason"], *lines]) if lines else str(verdict["reason"])


def rates(metric: Mapping[str, Any]) -> str:
    """Such as: canary 12.30% of 549 over 0.25 s against control 4.10% of 834."""
    if unread := metric.get("silenced") or metric.get("error"):
        return str(unread)
    place = place_of(metric)
    canary, control = (_rate(metric, cohort, place) for cohort in ("canary", "control"))
    return f"canary {canary}{beyond_what(metric, place)} against control {control}"


def _rate(metric: Mapping[str, Any], cohort: str, place: int | None) -> str:
    kind, readings = metric["kind"], series_of(metric, cohort)
    found = level(kind, readings, direction_of(metric), place)
    if found is None:
        return "-"
    if kind == "value":
        return with_unit(f"{found:.4g}", metric)
    return f"{found:.2%} of {_total(kind, readings):.0f}"


def _total(kind: str, readings: Sequence[Any]) -> float:
    return sum(samples(kind, each) for each in readings)


def beyond_what(metric: Mapping[str, Any], place: int | None) -> str:
    """Of a distribution such as " over 0.25 s"; nothing of other kinds."""
    if place is None:
        return ""
    side = "up to" if direction_of(metric) == "decrease" else "over"
    return f" {side} {with_unit(format(metric['control']['bounds'][place], 'g'), metric)}"


def with_unit(figure: str, metric: Mapping[str, Any]) -> str:
    unit = metric.get("unit")
    return f"{figure} {unit}" if unit else figure
