"""Several rollouts of an environment that fail together: a common cause until shown otherwise.

From the halt on that makes it STORM_ROLLOUTS within STORM_INTERVALS, a storm is open there. Nothing
else grows or starts there (hold `common_cause`, until a person's `resume`), people are told once,
and no halt that belongs to it becomes a rollback unless attribution names that one change.
It is over when every halt of it was answered and every rollout that it held was resumed.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Min, QuerySet

from rollout import effects, ledger
from rollout.machine import HoldKind, Phase
from rollout.models import Hold, Rollout, Storm

# So many changes failing at the same time are not that many bad changes.
STORM_ROLLOUTS = 3
STORM_INTERVALS = 6
HELD, OVER = "storm.held", "storm.over"
# Of what is told by name.
MOST_NAMED = 20
LEFT_TO_DO = [
    "Find what they share: a dependency, a network, the source of the metrics.",
    "Nothing is rolled back for it unless attribution names one change.",
    "Answer each halted rollout (retry, promote, abort); then resume each that is held.",
]


def width(rollout: Rollout) -> timedelta:
    return timedelta(seconds=STORM_INTERVALS * float(rollout.spec["interval_s"]))


def halts(environment: str, *, shadow: bool = False) -> QuerySet[Hold]:
    """Unanswered ones, however old."""
    return Hold.objects.filter(
        kind=HoldKind.HALTED,
        released_at=None,
        rollout__environment=environment,
        # What would be halted has stopped nobody, and nobody answers it.
        rollout__shadow=shadow,
    )


def notice(rollout: Rollout, now: datetime) -> bool:
    """Whether the halt of this moment belongs to a storm, opened by it if need be. The caller has
    written the hold, and takes no lock after this one.
    """
    # Of halts at the same time each but the first waits here, and then sees those before it.
    effects.lock_until_commit(f"storm/{rollout.environment}")
    storm = open_storm(rollout.environment)
    near = halts(rollout.environment).filter(since__gte=now - width(rollout))
    if storm is not None:
        joins = now <= storm.last_at + width(rollout) or rages(storm)
        if joins:
            Storm.objects.filter(pk=storm.pk).update(last_at=now)
        return joins
    if _rollouts(near) < STORM_ROLLOUTS:
        return False
    since = near.aggregate(at=Min("since"))["at"]
    storm = Storm.objects.create(environment=rollout.environment, since=since, last_at=now)
    ledger.publish(HELD, rollout.change_id, _payload(storm, rollout), now)
    return True


def open_storm(environment: str) -> Storm | None:
    return Storm.objects.filter(environment=environment, ended_at=None).first()


def halted_by(storm: Storm) -> QuerySet[Hold]:
    return halts(storm.environment).filter(since__range=(storm.since, storm.last_at))


def held_by(storm: Storm) -> QuerySet[Hold]:
    return Hold.objects.filter(
        kind=HoldKind.COMMON_CAUSE, released_at=None, rollout__environment=storm.environment
    )


def rages(storm: Storm) -> bool:
    """So many of its halts are unanswered that the next one may be the same."""
    return _rollouts(halted_by(storm)) >= STORM_ROLLOUTS


def _rollouts(holds: QuerySet[Hold]) -> int:
    return holds.order_by().values("rollout").distinct().count()


def reason_to_hold(rollout: Rollout, storm: Storm | None) -> str:
    """Why this one may not grow; empty: no storm, or a person let it go on in this one."""
    if storm is None or rollout.phase not in {Phase.PENDING, Phase.RUNNING} or not rages(storm):
        return ""
    # Who let it go on knew of the storm. Only as many halts again are news.
    answered = _answered_at(rollout, storm)
    news = halted_by(storm).filter(since__gt=answered or storm.since - width(rollout))
    if _rollouts(news) < STORM_ROLLOUTS:
        return ""
    count = _rollouts(halted_by(storm))
    return f"{count} rollouts in {rollout.environment} failed together: a common cause is likely"


def _answered_at(rollout: Rollout, storm: Storm) -> datetime | None:
    """When a person, within this storm, resumed it or answered its own halt."""
    mine = rollout.holds.filter(kind=HoldKind.COMMON_CAUSE, since__gte=storm.since)
    released = mine.aggregate(at=Max("released_at"))["at"]
    answers = [at for at in (released, rollout.evidence_since) if at and at >= storm.since]
    return max(answers, default=None)


def common_cause(rollout: Rollout, storm: Storm | None, now: datetime) -> bool:
    """Whether what is held against this one is likely not its own: its halt belongs to a storm
    that is not over, or is one of so many within STORM_INTERVALS of it.
    """
    around = rollout.halted_at or now
    if storm is not None and storm.since <= around <= storm.last_at:
        return True
    wide = width(rollout)
    near = halts(rollout.environment, shadow=rollout.shadow)
    return _rollouts(near.filter(since__range=(around - wide, around + wide))) >= STORM_ROLLOUTS


def end_those_over(now: datetime) -> list[Storm]:
    """For the auditor. Told once, to whoever was told of its beginning."""
    ended = []
    for storm in Storm.objects.select_for_update(skip_locked=True).filter(ended_at=None):
        if halted_by(storm).exists() or held_by(storm).exists():
            continue
        storm.ended_at = now
        storm.save(update_fields=["ended_at"])
        latest = Rollout.objects.filter(environment=storm.environment).latest("progressed_at")
        text = "every halt of it was answered, and every rollout that it held goes on"
        ledger.publish(OVER, latest.change_id, _told(storm, text, latest, []), now)
        ended.append(storm)
    return ended


def _payload(storm: Storm, rollout: Rollout) -> dict[str, Any]:
    halted = [hold.rollout for hold in halted_by(storm).select_related("rollout")[:MOST_NAMED]]
    named = ", ".join(sorted(each.spec["title"] for each in halted))
    text = (
        f"{len(halted)} rollouts failed together since {storm.since:%H:%M:%S} UTC: {named}. "
        f"Nothing grows in {storm.environment} until a person has looked"
    )
    return _told(storm, text, rollout, LEFT_TO_DO)


def _told(storm: Storm, text: str, rollout: Rollout, left_to_do: list[str]) -> dict[str, Any]:
    return {
        "change": str(rollout.change_id),
        "title": f"Several changes in {storm.environment}",
        "service": "",
        "environment": storm.environment,
        "team": "",
        "reason": text,
        "reasons": [text],
        "evidence": {},
        "left_to_do": left_to_do,
        "alert_key": f"graygate-storm-{storm.pk}",
    }
