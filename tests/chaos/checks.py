"""After a schedule: is production as the ledger says, and was nothing lost on the way?"""

import time
from collections.abc import Iterator

from rollout import ledger
from rollout.machine import StageState
from rollout.models import Rollout
from tests.chaos import ledger_says, rows
from tests.chaos.balancer import LOOK_EVERY_S, SAME, Seen
from tests.chaos.ledger_says import Entry
from tests.chaos.schedule import FINAL, Part, Schedule

# HAProxy's weights are whole numbers up to 256.
GRAIN = 1 / 257 + SAME
# What has to be in the outbox of a rollout whose chain has such an entry.
NEWS = {
    "halt": ("rollout.halted", "rollout.halted_together"),
    "rollback": ("rollout.rolling_back",),
    "abort": ("rollout.rolling_back",),
    "rolled_back": ("rollout.rolled_back",),
    "rollback_failed": ("rollout.rollback_failed",),
    "pause": ("rollout.paused",),
    "complete": ("rollout.completed",),
    "hold": ("rollout.hold", "rollout.held_together"),
}
ONCE_BACK_S = 0.5


def check(schedule: Schedule) -> None:
    shares = schedule.production.balancer.shares()
    for part in schedule.parts:
        look = lambda name, problem: schedule.findings.look(name, schedule.plan.seed, problem)  # noqa: E731
        look("once", there_once(part.title))
        rollout = rows.rollout_of(part.title)
        if rollout is None or rollout.phase not in FINAL:
            continue
        entries = rows.entries_of(rollout)
        for name, problem in problems_of(part, rollout, entries, shares[part.actor.service]):
            look(name, problem)
        seen = [s for s in schedule.production.balancer.seen if s.service == part.actor.service]
        mine = [s for s in seen if schedule.began <= s.at <= schedule.ended]
        look("never above", above(part, entries, mine))
        look("back at zero", came_back(part, entries, mine))
        count_late(schedule, entries)


def problems_of(
    part: Part, rollout: Rollout, entries: list[Entry], shown: float
) -> Iterator[tuple[str, str]]:
    yield "exposure", exposure(part, ledger_says.last_order(entries), shown)
    gone = rollout.phase in {"rolled_back", "canceled"}
    if gone:
        yield "zero", f"{part.title} is {rollout.phase}, HAProxy at {shown:.1%}" if shown else ""
    chain = rows.patiently(lambda: ledger.verify(rollout))
    yield "chain", f"{part.title}: {'; '.join(chain)}" if chain else ""
    yield "confirmed", unconfirmed(part, rollout)
    for stage in rows.patiently(lambda: list(rollout.stages.all())):
        if stage.state == StageState.PASSED:
            why = ledger_says.unproved(entries, stage.index)
            yield "stages", f"{part.title}, stage {stage.index + 1}: {why}" if why else ""
    grown = ledger_says.grown_while_paused(entries)
    yield "pause", f"{part.title}: {grown}" if grown else ""
    for entry in entries:
        if types := NEWS.get(entry.decision):
            lost = not rows.told(rollout, *types)
            yield "news", f"{part.title}: {entry.decision} is in no message" if lost else ""


def exposure(part: Part, ordered: float, shown: float) -> str:
    if abs(ordered - shown) <= (GRAIN if ordered else 0.0):
        return ""
    return f"{part.title}: the ledger ordered {ordered:.1%}, HAProxy shows {shown:.1%}"


def unconfirmed(part: Part, rollout: Rollout) -> str:
    for placement in rows.patiently(lambda: list(rollout.placements.all())):
        if placement.generation != placement.confirmed_generation:
            told = f"{placement.generation}, confirmed {placement.confirmed_generation}"
            return f"{part.title}: generation {told}"
    return ""


def there_once(title: str) -> str:
    count = rows.count_of(title)
    return "" if count == 1 else f"{title} is there {count} times"


def above(part: Part, entries: list[Entry], seen: list[Seen]) -> str:
    for one in seen:
        most = ledger_says.most_ordered(entries, one.at)
        if one.share > most + GRAIN:
            return (
                f"{part.title}: HAProxy showed {one.share:.1%} when at most {most:.1%} was ordered"
            )
    return ""


def came_back(part: Part, entries: list[Entry], seen: list[Seen]) -> str:
    """Exposure after the last word "rolled back": none, or the ledger knows of it."""
    ends = [e.at.timestamp() for e in entries if e.decision == "rolled_back"]
    if not ends:
        return ""
    late = [s for s in seen if s.at > ends[-1] + ONCE_BACK_S and s.share > SAME]
    return f"{part.title}: at {late[-1].share:.1%} after it was rolled back" if late else ""


def count_late(schedule: Schedule, entries: list[Entry]) -> None:
    for entry in entries:
        if entry.decision in {"reassert", "reappeared"}:
            schedule.findings.counted[f"late calls set back ({entry.decision})"] += 1


def make_ready(schedule: Schedule) -> None:
    """As an operator: what completed on these services before is the stable version now."""
    for actor in schedule.plan.actors:
        schedule.production.balancer.set_share(actor.service, 0)
    # The watcher sees that before anything else happens to them.
    time.sleep(2 * LOOK_EVERY_S)
