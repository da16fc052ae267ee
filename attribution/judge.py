"""judge(case): may this canary go on? A verdict that may be asked for after every interval.

PURE. Case and answer are the contract's `judge`; the statistics are in `attribution/stats`.

Evidence against "harmless" is one number, E = Σ_m w_m·E_m (valid under any dependence between
metrics), each E_m = (1 − SILENCE)·E_harm + SILENCE·E_silence restarted at every epoch. If the
change is harmless, P(ever E ≥ 1/alpha) ≤ alpha. So the caller may test several levels on the same
answer: `log_e_max ≥ log(1/level)`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from attribution.effects import effect_of
from attribution.evidence import Readings, Terms, decisive, weigh
from attribution.judge_case import Case, Metric, read_case
from attribution.kayenta.verdict import judge_by_score
from attribution.stats import silence
from attribution.stats.epochs import combine, running_log_mixture, weight
from attribution.stats.lines import Floats

SILENCE = 0.1
STALE_INTERVALS = 3  # a cohort that has reported nothing for so long is not known to be healthy
STALE_S = 5.0
MOST_SILENT = 0.2  # of the current epoch's intervals; more missing than that and nothing passes
# What an inconclusive case is said to wait for, the most serious first.
REASONS = (
    "source_error",
    "silenced",
    "no_data",
    "silent_canary",
    "harm_suspected",
    "settling",
    "low_samples",
    "not_excluded",
)


@dataclass(frozen=True)
class MetricResult:
    metric: Metric
    log_e: Floats  # (T,)
    passing: bool
    reason: str
    silent: bool  # the silence carries most of the evidence
    effect: float | None
    interval: tuple[float, float | None] | None
    samples: float
    log_e_pass: float


def judge(case: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's answer, with `log_e` and `log_e_max` of the whole case added.

    Raises CaseError (title, detail, JSON pointer) for a case that cannot be read.
    """
    if isinstance(case, Mapping) and case.get("method") == "mann_whitney":
        return judge_by_score(case)
    read = read_case(case)
    weights = np.array([metric.weight for metric in read.metrics])
    weights = weights / weights.sum()
    results = [_judge_metric(read, *each) for each in zip(read.metrics, weights, strict=True)]
    return _answer(read, results, weights)


def _answer(case: Case, results: list[MetricResult], weights: Floats) -> dict[str, Any]:
    with np.errstate(divide="ignore"):
        shares = np.vstack([result.log_e for result in results]) + np.log(weights)[:, None]
    total = np.logaddexp.reduce(shares, axis=0)
    level = math.log(1.0 / case.alpha)
    crossed = np.flatnonzero(total >= level)
    decided = int(crossed[0]) if crossed.size else None
    blamed = set() if decided is None else _blamed(shares[:, decided], level)
    verdict, reason = _overall(case, results, weights, blamed)
    return {
        "id": case.id,
        "verdict": verdict,
        "reason": reason,
        "decided_at": decided,
        "log_e": float(total[-1]) if total.size else 0.0,
        "log_e_max": float(total.max()) if total.size else 0.0,
        "metrics": [_metric_answer(each, place in blamed) for place, each in enumerate(results)],
    }


def _blamed(shares: Floats, level: float) -> set[int]:
    """Metrics whose own share of the evidence suffices, and the one with the largest share."""
    return {int(np.argmax(shares)), *(int(i) for i in np.flatnonzero(shares >= level))}


def _overall(
    case: Case, results: list[MetricResult], weights: Floats, blamed: set[int]
) -> tuple[str, str]:
    if blamed:
        silent = all(results[place].silent for place in blamed)
        return "fail", "silent_canary" if silent else "harm_shown"
    passing = np.array([result.passing for result in results])
    critical = all(result.passing for result in results if result.metric.critical)
    if critical and passing.any() and weights[passing].sum() >= case.pass_weight - 1e-9:
        return "pass", "harm_excluded"
    waiting = [result for result in results if not result.passing]
    critical_first = [each for each in waiting if each.metric.critical] or waiting
    return "inconclusive", min((each.reason for each in critical_first), key=REASONS.index)


def _metric_answer(result: MetricResult, failed: bool) -> dict[str, Any]:  # noqa: FBT001 - private
    verdict = "fail" if failed else "pass" if result.passing else "inconclusive"
    reason = "silent_canary" if result.silent else "harm_shown"
    return {
        "name": result.metric.name,
        "verdict": verdict,
        "reason": reason if failed else result.reason,
        "direction": _direction(result.interval),
        "effect": result.effect,
        "interval": None if result.interval is None else list(result.interval),
        "log_e": float(result.log_e[-1]) if result.log_e.size else 0.0,
        "log_e_pass": result.log_e_pass,
        "samples": result.samples,
    }


def _direction(interval: tuple[float, float | None] | None) -> str:
    if interval is None:
        return "none"
    if interval[0] > 0:
        return "high"
    return "low" if interval[1] is not None and interval[1] < 0 else "none"


def _judge_metric(case: Case, metric: Metric, share: float) -> MetricResult:
    """`share`: its part of the weight of all metrics."""
    readings = metric.readings
    if readings is None or not case.epochs:
        reason = metric.unread or "no_data"
        nothing = np.zeros(case.t.size)
        return MetricResult(metric, nothing, False, reason, False, None, None, 0.0, 0.0)
    starts = [epoch.start for epoch in case.epochs]
    settled = _settled(case, metric, readings)
    weighed = weigh(settled, _terms(case, metric, share), starts)
    harm, health = weighed.harm[0], float(weighed.health[0, -1])
    silent = _silence(case, metric, readings)
    log_e = np.logaddexp(harm + math.log(1 - SILENCE), silent + math.log(SILENCE))
    reported = tuple(each[0, starts[-1] :] for each in settled.reported)
    reason = _pass_reason(case, metric, reported, float(weighed.current_harm[0, -1]), health)
    alpha = case.alpha * weight(len(case.epochs))
    effect, interval = effect_of(settled, metric.terms.direction, starts[-1], alpha)
    return MetricResult(
        metric=metric,
        log_e=log_e,
        passing=not reason,
        reason=reason or "harm_excluded",
        silent=bool(silent.max() > harm.max()),
        effect=effect,
        interval=interval,
        samples=float(reported[1].sum()),
        log_e_pass=health,
    )


def _settled(case: Case, metric: Metric, readings: Readings) -> Readings:
    """Without the canary before the first epoch, and without both while it settles after each."""
    begun = np.arange(case.t.size) >= case.epochs[0].start
    settling = np.zeros(case.t.size, dtype=bool)
    for epoch in case.epochs:
        settling |= (case.t >= epoch.begins) & (case.t < epoch.begins + metric.settle_s)
    return readings.without(settling, settling | ~begun)


def _terms(case: Case, metric: Metric, share: float) -> Terms:
    """A metric of no weight decides nothing: what it would need is as much as any."""
    return replace(
        metric.terms,
        warming=_warming(case, metric),
        level=decisive(case.alpha, (1 - SILENCE) * (share or 1.0)),
        pass_level=math.log(1.0 / case.beta),
    )


def _warming(case: Case, metric: Metric) -> Floats:
    """Log of what the canary may be worse by beyond the margin, (T,): what needs so long to settle
    is not settled at once. As much as the margin when `settle_s` is over, half of it after each
    further third of that time.
    """
    allowed = np.zeros(case.t.size)
    if metric.settle_s <= 0:
        return allowed
    for epoch in case.epochs:
        since = np.maximum(case.t - epoch.begins - metric.settle_s, 0.0)
        left = math.log1p(metric.terms.margin) * 0.5 ** (3.0 * since / metric.settle_s)
        allowed = np.where(case.t >= epoch.begins, left, allowed)
    return allowed


def _silence(case: Case, metric: Metric, readings: Readings) -> Floats:
    """Log E(t) of the silence of the canary over all epochs, shape (T,)."""
    share = np.full(case.t.size, np.nan)
    for epoch in case.epochs:
        share[epoch.start :] = epoch.share
    control, canary = (each[0] for each in readings.reported)
    expected = np.full(case.t.size, np.inf)  # a value is there or it is not
    if readings.kind != "value":
        expected = silence.expected_requests(control, canary, share)
    reports = control > 0
    rate = silence.silence_rate(reports, expected, _past_silence(readings))
    there = case.t >= case.epochs[0].begins + metric.settle_s
    watched = reports & there & ~(share <= 0)
    gains = silence.log_evidence(canary > 0, watched, rate, case.interval_s)[None, :]
    starts = [epoch.start for epoch in case.epochs]
    return combine([running_log_mixture(gains, np.zeros(1), start) for start in starts], starts)


def _past_silence(readings: Readings) -> tuple[float, float]:
    """(silent, seen) intervals of the control before the rollout."""
    if readings.past_control is None or readings.past_canary is None:
        return 0.0, 0.0
    past = replace(readings, control=readings.past_control, canary=readings.past_canary)
    control = past.reported[0][0]
    return float((control <= 0).sum()), float(control.size)


def _pass_reason(
    case: Case, metric: Metric, reported: tuple[Floats, ...], harm: float, health: float
) -> str:
    """Why this metric does not pass at the last interval; empty when it does."""
    epoch = case.epochs[-1]
    if case.t[-1] < epoch.begins + metric.settle_s:
        return "settling"
    missing = _missing(case, *reported)
    if missing:
        return missing
    if reported[1].sum() < metric.min_samples:
        return "low_samples"
    if harm >= math.log(1.0 / case.beta):
        return "harm_suspected"
    return "" if health >= math.log(1.0 / case.beta) else "not_excluded"


def _missing(case: Case, control_reports: Floats, canary_reports: Floats) -> str:
    """What is not reported now, or was not for much of this epoch: a gap never reads as good."""
    control, canary = control_reports > 0, canary_reports > 0
    recent = max(STALE_INTERVALS, math.ceil(STALE_S / case.interval_s))
    if not control[-recent:].any():
        return "no_data"
    if not canary.any():
        return "silent_canary" if control[-recent:].sum() >= recent else "low_samples"
    if not canary[-recent:].any():
        return "silent_canary"
    if not (control & canary)[-recent:].any():
        return "no_data"  # they take turns: nothing was compared lately
    first = int(np.argmax(canary))  # silence before it is for the likelihood ratio to judge
    silent = control[first:] & ~canary[first:]
    expected = float(np.median(canary_reports[canary]))
    # Few requests an interval make empty intervals by chance; those are not gaps.
    allowed = max(MOST_SILENT, 2.0 * math.exp(-expected))
    return "silent_canary" if silent.mean() > allowed else ""
