"""What is known for and against a change now: the judge's verdict and attribution's word.

Reads the floor below; decides nothing. The judge's case is kept whole with the decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import inf
from statistics import quantiles
from typing import Any

from attribution import findings
from attribution.judge_case import UNSUPPORTED
from attribution.models import Anomaly
from attribution.series import Series, read_series
from rollout import gates, recovery
from rollout.decide import EXONERATED_PROBABILITY
from rollout.judging import full_since, judge_rollout, without_troubles
from rollout.machine import Phase
from rollout.models import Rollout, Stage
from rollout.snapshot import Evidence
from rollout.spec import RolloutSpec

# The source counts as lost after so many intervals without a good read (or this many seconds).
LOST_INTERVALS = 5
LOST_S = 10.0
# How far back the control of the last stage is taken from: at 100% nobody is unexposed.
HISTORY = timedelta(minutes=15)
FEWEST_FOR_QUARTILES = 8
LEAST_FENCE = 0.02


@dataclass(frozen=True)
class Gathered:
    evidence: Evidence = field(default_factory=Evidence)
    # The judge's input, so that the verdict can be computed again.
    case: dict[str, Any] | None = None
    # The judge's whole answer to it.
    answer: dict[str, Any] | None = None


@dataclass(frozen=True)
class Window:
    """One stage's bake: from its start to its end (None: still going on)."""

    start: float
    end: float | None
    share: float

    def holds(self, begin: float, end: float) -> bool:
        return begin >= self.start - 1e-6 and (self.end is None or end <= self.end)


def gather(rollout: Rollout, now: datetime) -> Gathered:
    if rollout.phase in {Phase.RUNNING, Phase.WATCHING}:
        return with_suspicion(rollout, judged(rollout, now))
    if rollout.phase == Phase.ROLLED_BACK and rollout.recovered_at is None:
        reason = recovery.recovered(rollout, now)
        return Gathered(Evidence(recovered=bool(reason), recovery_reason=reason))
    return Gathered()


def with_suspicion(rollout: Rollout, gathered: Gathered) -> Gathered:
    suspicion = findings.suspicion(rollout.change_id)
    if suspicion is None or answered(rollout, suspicion.anomaly_id):
        return gathered
    evidence = replace(
        gathered.evidence,
        probability=suspicion.probability,
        suspicion="; ".join(e["summary"] for e in suspicion.evidence[:3]),
        vetoes=tuple(suspicion.vetoes),
        finding=str(suspicion.finding_id),
    )
    return replace(gathered, evidence=evidence)


def answered(rollout: Rollout, anomaly_id: str) -> bool:
    """A person has promoted or retried since the anomaly was noticed, and so answered it."""
    since = rollout.evidence_since
    return (
        since is not None and Anomaly.objects.filter(pk=anomaly_id, detected_at__lt=since).exists()
    )


def judged(rollout: Rollout, now: datetime) -> Gathered:
    spec = RolloutSpec.from_json(rollout.spec)
    windows = bake_windows(rollout)
    if not spec.observable or not windows:
        return Gathered(Evidence(reason="not_observable" if windows else "not_exposed"))
    series = {
        service: read_series(
            service,
            [g["name"] for g in guardrails],
            datetime.fromtimestamp(windows[0].start, UTC) - HISTORY,
            now,
        )
        for service, guardrails in spec.guardrails.items()
        if guardrails
    }
    case = judge_case(rollout, spec, windows, series, now.timestamp())
    if full_since(case) is not None:
        case = without_troubles(case, troubles_of_others(rollout))
    verdict = judge_rollout(case)
    evidence = Evidence(
        verdict=verdict["verdict"],
        reason=explain(verdict, case),
        log_e=verdict["log_e"],
        log_e_max=verdict["log_e_max"],
        samples=canary_samples(case, windows[-1]),
        fresh=canary_fresh(case),
        source_lost=source_lost(spec, series, windows[-1].start, now.timestamp()),
    )
    return Gathered(evidence, case, verdict)


def troubles_of_others(rollout: Rollout) -> list[tuple[float, float]]:
    """When something was broken around it for which attribution clears the change: (from, to)."""
    around = gates.troubles([rollout]).get(rollout.pk, [])
    cleared = findings.clearing(around, rollout.change_id, EXONERATED_PROBABILITY)
    return [
        (a.started_at.timestamp(), a.ended_at.timestamp() if a.ended_at else inf)
        for a in around
        if a.pk in cleared
    ]


def bake_windows(rollout: Rollout) -> list[Window]:
    """The bakes that count as evidence: since a person last answered, the newest still going on.

    The newest goes on until the next one begins: while a stage waits for its gates, the canary of
    the stage before is still out there and still judged.
    """
    since = rollout.evidence_since
    stages = [s for s in rollout.stages.all() if s.baking_since is not None]
    return [
        Window(max(s.baking_since, since or s.baking_since).timestamp(), end, s.share)
        for s, end in zip(stages, _ends(stages), strict=True)
        if s.baking_since is not None and (since is None or end is None or end > since.timestamp())
    ]


def _ends(stages: Sequence[Stage]) -> list[float | None]:
    closed = [s.ended_at.timestamp() if s.ended_at else None for s in stages[:-1]]
    return [*closed, None] if stages else []


def judge_case(
    rollout: Rollout,
    spec: RolloutSpec,
    windows: Sequence[Window],
    series: Mapping[str, Series],
    now: float,
) -> dict[str, Any]:
    """One grid of intervals for all services; a slot that nobody read is null on both sides."""
    step = spec.interval_s
    begin = windows[0].start
    slots = max(0, int((now - begin) / step))
    grid = [begin + (i + 1) * step for i in range(slots)]
    return {
        "id": str(rollout.pk),
        "interval_s": step,
        "alpha": spec.alpha_halt,
        "t": grid,
        "stages": [{"start": w.start, "share": w.share} for w in windows],
        "metrics": [
            {
                **metric(guardrail, series[service], windows, grid, step),
                # Two services may have a guardrail of the same name.
                **({"name": f"{service}/{guardrail['name']}"} if len(series) > 1 else {}),
            }
            for service, guardrails in spec.guardrails.items()
            for guardrail in guardrails
        ],
    }


JUDGED_KEYS = {
    *("name", "kind", "direction", "critical", "weight"),
    *("margin", "pass_margin", "margin_abs", "min_samples", "settle_s"),
}


def metric(
    guardrail: Mapping[str, Any],
    series: Series,
    windows: Sequence[Window],
    grid: Sequence[float],
    step: float,
) -> dict[str, Any]:
    canary: list[Any] = [None] * len(grid)
    control: list[Any] = [None] * len(grid)
    history = history_control(guardrail, series, windows)
    values = series.values.get(guardrail["name"], {})
    for i, (at, error) in enumerate(zip(series.t, series.errors, strict=True)):
        slot = round((at - grid[0]) / step) if grid else -1
        window = next((w for w in windows if w.holds(at - step, at)), None)
        if error or window is None or not 0 <= slot < len(grid):
            continue
        canary[slot] = added(canary[slot], values["canary"][i])
        control[slot] = added(control[slot], values["control"][i])
        if window.share >= 1:
            # Nobody is unexposed: compare with what was seen before. Silence here may be
            # a quiet hour as well, so it is no evidence and no comparison.
            control[slot] = history[slot % len(history)] if history and canary[slot] else None
    given = {k: v for k, v in guardrail.items() if k in JUDGED_KEYS and v is not None}
    if guardrail.get("kind", "ratio") != "ratio":
        given["error"] = UNSUPPORTED
    return {**given, "canary": canary, "control": control}


def added(one: list[float] | None, other: list[float] | None) -> list[float] | None:
    """Two reads that fell into one slot, because reads are a little early or late."""
    if one is None or other is None:
        return other or one
    return [one[0] + other[0], one[1] + other[1]]


def history_control(
    guardrail: Mapping[str, Any], series: Series, windows: Sequence[Window]
) -> list[list[float]]:
    """Control intervals from before anybody was at 100%, incidents left out."""
    values = series.values.get(guardrail["name"], {})
    full = next((w.start for w in windows if w.share >= 1), None)
    pairs = [
        pair
        for at, pair in zip(series.t, values.get("control", ()), strict=False)
        if pair and pair[1] and (full is None or at < full)
    ]
    return without_incidents(pairs, guardrail["direction"])


def without_incidents(pairs: list[list[float]], direction: str) -> list[list[float]]:
    """Drop intervals beyond Tukey's outer fence: another change's fault is no yardstick.

    The fence is at least LEAST_FENCE above the third quartile, so that the noise of rare events
    stays in.
    """
    if len(pairs) < FEWEST_FOR_QUARTILES:
        return pairs
    bad = [1 - e / n if direction == "decrease" else e / n for e, n in pairs]
    first, _, third = quantiles(bad, n=4)
    fence = third + max(3 * (third - first), LEAST_FENCE)
    return [pair for pair, share in zip(pairs, bad, strict=True) if share <= fence]


def canary_fresh(case: Mapping[str, Any]) -> bool:
    """Every metric of the canary was reported within the last LOST_INTERVALS."""
    return all(any(p and p[1] for p in m["canary"][-LOST_INTERVALS:]) for m in case["metrics"])


def canary_samples(case: Mapping[str, Any], window: Window) -> int:
    """The least-seen metric's canary total within the current stage."""
    totals = [
        sum(
            pair[1]
            for at, pair in zip(case["t"], m["canary"], strict=True)
            if pair and at > window.start
        )
        for m in case["metrics"]
    ]
    return int(min(totals, default=0))


def source_lost(spec: RolloutSpec, series: Mapping[str, Series], start: float, now: float) -> str:
    patience = max(LOST_INTERVALS * spec.interval_s, LOST_S)
    for service, seen in series.items():
        good = [t for t, error in zip(seen.t, seen.errors, strict=True) if not error]
        last = max(good, default=start)
        if now - max(last, start) > patience:
            why = next((e for e in reversed(seen.errors) if e), "nothing was read")
            return f"no good read of {service} for {now - last:.0f} s: {why}"
    return ""


def explain(verdict: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    """One line for a person: the numbers of the metrics that made the verdict."""
    worst = [m for m in verdict["metrics"] if m["verdict"] == verdict["verdict"]]
    by_name = {m["name"]: m for m in case["metrics"]}
    lines = [f"{m['name']}: {rates(by_name[m['name']])}" for m in worst[:3]]
    return "; ".join([verdict["reason"], *lines]) if lines else str(verdict["reason"])


def rates(metric: Mapping[str, Any]) -> str:
    shares = []
    for cohort in ("canary", "control"):
        pairs = [p for p in metric[cohort] if p]
        events, total = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
        shares.append(f"{cohort} {events / total:.2%} of {total:.0f}" if total else f"{cohort} -")
    return " against ".join(shares)
