"""Has the metric recovered since exposure returned to zero? Recorded apart from the rollback."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from attribution.models import Finding
from attribution.series import Series, read_series
from rollout.models import Rollout
from rollout.spec import RolloutSpec

Pair = Sequence[float]
# Looked at: the last so many reads, more while they hold too few requests, never beyond LONGEST.
RECENT_READS = 10
FEWEST_READS = 5
LONGEST = timedelta(minutes=5)
# A share of fewer requests than this says nothing, neither before nor after.
ENOUGH_REQUESTS = 100
BEFORE = timedelta(minutes=15)
# Width of the tolerated noise of a share of few samples, in standard errors.
NOISE = 3.0
# How long the loop looks each interval for recovery and for exposure that comes back; later the
# auditor has a look now and then.
WATCH_ROLLED_BACK = timedelta(hours=1)
WATCH_RECOVERED = timedelta(minutes=10)


def watch_ends(rollout: Rollout, now: datetime) -> bool:
    """Whether the loop may leave a rolled back rollout to the auditor's coarser look."""
    if rollout.ended_at is None:
        return False
    if rollout.recovered_at is not None and now - rollout.recovered_at > WATCH_RECOVERED:
        return True
    return now - rollout.ended_at > WATCH_ROLLED_BACK


def recovered(rollout: Rollout, now: datetime) -> str:
    """Why the metric counts as recovered; empty: it does not, or nothing measures it."""
    spec = RolloutSpec.from_json(rollout.spec)
    alerts = alerts_open(rollout)
    if any(alerts):
        return ""
    told = [
        metric_recovered(rollout, service, guardrail, spec.interval_s, now)
        for service, guardrails in spec.guardrails.items()
        for guardrail in guardrails
    ]
    if not told:
        return "the alerts that led here have ended" if alerts else ""
    return "; ".join(told) if all(told) else ""


def alerts_open(rollout: Rollout) -> list[bool]:
    """Of each alert in which it was a suspect whether it still fires.

    Its own anomaly is none of them: that one ends with the recovery. All are asked for: told to
    stop at the first one, PostgreSQL reads through every finding there is.
    """
    named = Finding.objects.filter(
        suspects__contains=[{"change": str(rollout.change_id)}], anomaly__origin="alert"
    )
    rows = named.order_by().values_list("anomaly", "anomaly__ended_at").distinct()
    return [ended_at is None for _, ended_at in rows]


def metric_recovered(
    rollout: Rollout, service: str, guardrail: Mapping[str, Any], interval_s: float, now: datetime
) -> str:
    name = guardrail["name"]
    after = after_zero(rollout, service, name, interval_s, now)
    base, which = before_exposure(rollout, service, name)
    if requests(after) < ENOUGH_REQUESTS or requests(base) < ENOUGH_REQUESTS:
        return ""
    directions = sides(guardrail["direction"])
    if not all(is_back(after, base, guardrail, one) for one in directions):
        return ""
    now_bad, then_bad = (bad_share(pairs, directions[0]) for pairs in (after, base))
    return f"{name}: {now_bad:.2%} after the rollback, {then_bad:.2%} {which}"


def after_zero(
    rollout: Rollout, service: str, name: str, interval_s: float, now: datetime
) -> list[Pair]:
    """The newest reads since exposure is zero; none when too few say anything."""
    if rollout.ended_at is None:
        return []
    step = timedelta(seconds=interval_s)
    recent = RECENT_READS * step
    # The first interval after zero still holds requests of before.
    since = max(rollout.ended_at + step, now - max(LONGEST, recent))
    seen = reported(read_series(service, [name], since, now), name, "all")
    if sum(at >= (now - recent).timestamp() for at, _ in seen) == 0 or len(seen) < FEWEST_READS:
        return []
    pairs = [pair for _, pair in seen]
    count = min(len(pairs), RECENT_READS)
    while count < len(pairs) and requests(pairs[-count:]) < ENOUGH_REQUESTS:
        count += 1
    return pairs[-count:]


def before_exposure(rollout: Rollout, service: str, name: str) -> tuple[list[Pair], str]:
    """Everybody before the start; if nobody was measured then, the unexposed of the bake."""
    if rollout.started_at is None:
        return [], ""
    start = rollout.started_at
    seen = reported(read_series(service, [name], start - BEFORE, start), name, "all")
    before = [pair for _, pair in seen]
    if requests(before) >= ENOUGH_REQUESTS:
        return before, "before"
    return unexposed(rollout, service, name), "among the unexposed of then"


def unexposed(rollout: Rollout, service: str, name: str) -> list[Pair]:
    """The control of the bakes below 100%: at 100% whoever is left is no yardstick."""
    found: list[Pair] = []
    for stage in rollout.stages.filter(baking_since__isnull=False, share__lt=1):
        end = stage.ended_at or rollout.rolling_back_since
        if stage.baking_since is not None and end is not None:
            # A day of baking tells no more than its end.
            since = max(stage.baking_since, end - BEFORE)
            series = read_series(service, [name], since, end)
            found += [pair for _, pair in reported(series, name, "control")]
    return found


def reported(series: Series, name: str, cohort: str) -> list[tuple[float, Pair]]:
    """(time, [events, total]) of the reads that worked and in which the cohort had requests."""
    pairs = series.pairs(name, cohort)
    return [(at, pair) for at, pair in zip(series.t, pairs, strict=True) if pair and pair[1]]


def requests(pairs: Sequence[Pair]) -> float:
    return sum(pair[1] for pair in pairs)


def sides(direction: str) -> tuple[str, ...]:
    """What may be harm: as in the judge, `either` is both."""
    return ("increase", "decrease") if direction == "either" else (direction,)


def bad_share(pairs: Sequence[Pair], direction: str) -> float:
    """For a metric whose decrease harms, bad = total - good."""
    events, total = sum(pair[0] for pair in pairs), requests(pairs)
    return (total - events if direction == "decrease" else events) / total


def is_back(
    after: Sequence[Pair], base: Sequence[Pair], guardrail: Mapping[str, Any], direction: str
) -> bool:
    n = requests(after)
    before = bad_share(base, direction)
    limit: float = max(
        before * (1 + guardrail["margin"]), before + (guardrail.get("margin_abs") or 0.0)
    )
    noise = NOISE * sqrt(max(limit * (1 - limit), 1 / n) / n)
    return bad_share(after, direction) <= limit + noise
