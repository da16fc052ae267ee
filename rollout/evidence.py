"""What is known for and against a change now: the judge's verdict and attribution's word.

Reads the floor below; decides nothing. The judge's case is kept whole with the decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from attribution import exposures, findings
from attribution.series import Series, read_series
from rollout import gates, recovery, silences, suspicion
from rollout.against import EXONERATED_PROBABILITY
from rollout.case import Past, Window, judge_case, kind_of, reads_of
from rollout.judging import anew_after, full_since, judge_rollout, without_troubles
from rollout.machine import Phase
from rollout.models import Rollout, Stage
from rollout.snapshot import Evidence
from rollout.spec import RolloutSpec
from rollout.telling import canary_fresh, canary_samples, explain

# The source counts as lost after so many intervals without a good read (or this many seconds).
LOST_INTERVALS = 5
LOST_S = 10.0
# How far back the control of the last stage is taken from: at 100% nobody is unexposed.
HISTORY = timedelta(minutes=15)


@dataclass(frozen=True)
class Gathered:
    evidence: Evidence = field(default_factory=Evidence)
    # The judge's input, so that the verdict can be computed again.
    case: dict[str, Any] | None = None
    # The judge's whole answer to it.
    answer: dict[str, Any] | None = None
    # The suspects of the gravest finding with what was done about each (standing.Line).
    line: dict[str, Any] | None = None


def gather(rollout: Rollout, now: datetime) -> Gathered:
    if rollout.phase in {Phase.RUNNING, Phase.WATCHING}:
        return with_suspicion(rollout, judged(rollout, now))
    if rollout.phase == Phase.ROLLED_BACK and rollout.recovered_at is None:
        if rollout.retried_by.exists():
            # What is measured from now on is the second attempt's.
            return Gathered()
        reason = recovery.recovered(rollout, now)
        open_still = suspicion.taken_back_for(rollout)
        return Gathered(
            Evidence(recovered=bool(reason), recovery_reason=reason, anomaly=open_still)
        )
    return Gathered()


def with_suspicion(rollout: Rollout, gathered: Gathered) -> Gathered:
    """With attribution's word, where it has one that nobody has answered."""
    asked = replace(gathered.evidence, asked=True)
    gravest = suspicion.gravest(rollout)
    if gravest is None:
        return replace(gathered, evidence=asked)
    told, line, stands = gravest
    evidence = replace(
        asked,
        probability=stands.probability,
        next_probability=stands.next_probability,
        under_way=stands.under_way,
        suspicion="; ".join(e["summary"] for e in told.evidence[:3]),
        vetoes=tuple(told.vetoes),
        finding=told.finding_id,
        anomaly=told.anomaly_id,
    )
    return replace(gathered, evidence=evidence, line=line.to_json())


def judged(rollout: Rollout, now: datetime) -> Gathered:
    spec = RolloutSpec.from_json(rollout.spec)
    windows = bake_windows(rollout)
    if not spec.observable or not windows:
        return Gathered(Evidence(reason="not_observable" if windows else "not_exposed"))
    case, series = case_of(rollout, spec, windows, now)
    case = silences.without_silenced(case, silences.of(spec, windows[0].start, now), now)
    troubles = troubles_of_others(rollout)
    if full_since(case) is not None:
        case = without_troubles(case, troubles)
    case = anew_after(case, troubles)
    verdict = judge_rollout(case)
    evidence = Evidence(
        verdict=verdict["verdict"],
        reason=explain(verdict, case),
        log_e=verdict["log_e"],
        log_e_max=verdict["log_e_max"],
        samples=canary_samples(case, windows[-1].start),
        fresh=canary_fresh(case, LOST_INTERVALS),
        source_lost=source_lost(spec, series, windows[-1].start, now.timestamp()),
    )
    return Gathered(evidence, case, verdict)


def case_of(
    rollout: Rollout, spec: RolloutSpec, windows: Sequence[Window], now: datetime
) -> tuple[dict[str, Any], dict[str, Series]]:
    """The judge's case as it was read, and by service what it was read from."""
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
    past = before_start(rollout, spec)
    return judge_case(str(rollout.pk), spec, windows, series, now.timestamp(), past), series


def troubles_of_others(rollout: Rollout) -> list[tuple[float, float]]:
    """When something was broken around it for which attribution clears the change: (from, to)."""
    around = gates.troubles([rollout]).get(rollout.pk, [])
    cleared = findings.clearing(around, rollout.change_id, EXONERATED_PROBABILITY)
    return [
        (a.started_at.timestamp(), a.ended_at.timestamp() if a.ended_at else inf)
        for a in around
        if a.pk in cleared
    ]


def before_start(rollout: Rollout, spec: RolloutSpec) -> dict[str, Past]:
    """By service, what was read of its levels before the rollout, and while no other change was
    exposed to a part of it: such a change makes the units differ as they do not by themselves.
    """
    if rollout.started_at is None:
        return {}
    since, until = rollout.started_at - HISTORY, rollout.started_at
    step = timedelta(seconds=spec.interval_s)
    found: dict[str, Past] = {}
    for service, guardrails in spec.guardrails.items():
        levels = [g for g in guardrails if kind_of(g) == "value"]
        if not levels:
            continue
        series = read_series(service, [g["name"] for g in levels], since, until)
        partly = exposures.partly_exposed(service, since, until)
        # A read holds what came within the interval before it.
        spans = [(a.timestamp(), (b + step).timestamp()) for a, b in partly]
        found[service] = {
            g["name"]: [
                read
                for read in reads_of(g, series)
                if not any(begin <= read.at <= end for begin, end in spans)
            ]
            for g in levels
        }
    return found


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


def source_lost(spec: RolloutSpec, series: Mapping[str, Series], start: float, now: float) -> str:
    patience = max(LOST_INTERVALS * spec.interval_s, LOST_S)
    for service, seen in series.items():
        good = [t for t, error in zip(seen.t, seen.errors, strict=True) if not error]
        last = max(good, default=start)
        if now - max(last, start) > patience:
            why = next((e for e in reversed(seen.errors) if e), "nothing was read")
            return f"no good read of {service} for {now - last:.0f} s: {why}"
    return ""
