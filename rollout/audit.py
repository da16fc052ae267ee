"""The auditor, apart from the loop: does every rollout move, and is observed what is desired?

It changes nothing but the time at which a placement is due. What it finds goes to people: one
complaint a rollout, the gravest, and a single one when the loop itself stands still; and culprits
that the loop cannot take back.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from attribution.clock import database_now
from rollout import culprits, gates, standstills, storms, vigil
from rollout.complaints import STALLED, Complaint, tell
from rollout.machine import HoldKind, Phase, StageState
from rollout.models import Hold, Placement, Rollout, Stage
from rollout.snapshot import SAME_SHARE

# A placement that is so long overdue has no worker; an intent so old ought to have been seen.
OVERDUE = timedelta(seconds=60)
OVERDUE_INTERVALS = 12
# A lease that ran out so long ago was taken up by nobody.
UNTAKEN = timedelta(seconds=15)
FAILING = 5
# The last look at exposure that may have come back, when the loop has stopped watching.
COARSE_LOOK = timedelta(minutes=10)
COARSE_WATCH = timedelta(days=1)
# Rows read by one audit and question: more than that is one great trouble, and said all the same.
MOST = 500

UNDER_WAY = (Phase.RUNNING, Phase.WATCHING, Phase.ROLLING_BACK)
LOOKED_AT = (Phase.PENDING, *UNDER_WAY, Phase.ROLLBACK_FAILED)
START_THE_LOOP = "Are worker and beat running? Is the database reachable from them?"
LOOK_AT_TARGET = (
    "Look at the target and at what its executor says; the loop goes on trying. "
    "Abort, or set the exposure by hand, if it does not come back."
)
LOOK_AT_STAGE = "See what the stage waits for; promote, retry or abort it if it never comes."
A_DEFECT = "Rung again by the auditor. This is a defect of Graygate: please report it."


@transaction.atomic
def audit() -> list[Complaint]:
    if not alone():
        return []
    now = database_now()
    watch_coarsely(now)
    # Just back from an outage everything is late: nobody is told so, nor that anything is over.
    awake = now - vigil.since(now) >= OVERDUE
    complaints = found(now) if awake else found_at_once(now)
    tell(complaints, now, resolve=awake)
    culprits.tell(now)
    storms.end_those_over(now)
    return complaints


def alone() -> bool:
    """One auditor at a time, or two of them would tell the same at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('rollout.audit', 0))")
        return bool(cursor.fetchone()[0])


def found(now: datetime) -> list[Complaint]:
    late = overdue(now)
    if stalled := standing_still(late, now):
        return [*standstills.complaints(now), stalled]
    questions = (forgotten(now), unfinished(late), failing(), unconfirmed(now), stuck(now))
    return [
        *standstills.complaints(now),
        *gravest(c for complaints in questions for c in complaints),
    ]


def found_at_once(now: datetime) -> list[Complaint]:
    """What is so however long it has been so."""
    return [*standstills.complaints(now), *gravest([*forgotten(now), *failing()])]


def gravest(complaints: Iterable[Complaint]) -> list[Complaint]:
    """One a rollout: the first."""
    found: dict[object, Complaint] = {}
    for complaint in complaints:
        found.setdefault(complaint.rollout.pk, complaint)
    return list(found.values())


# --- the loop --------------------------------------------------------------------------------


def overdue(now: datetime) -> list[Placement]:
    late = Placement.objects.filter(due_at__lt=now - OVERDUE).select_related("rollout")
    return list(late.order_by("due_at", "id")[:MOST])


def standing_still(late: Sequence[Placement], now: datetime) -> Complaint | None:
    """Nobody takes what is due: one message, however many rollouts wait."""
    waiting = [p for p in late if p.lease_until is None or p.lease_until < now - UNTAKEN]
    if not waiting:
        return None
    oldest, rollouts = waiting[0], {p.rollout_id for p in waiting}
    text = (
        f"the loop stands still or cannot keep up: {counted(len(waiting), 'placement')} of "
        f"{counted(len(rollouts), 'rollout')} due, the first since {clock(oldest.due_at)}"
    )
    return Complaint(STALLED, oldest.rollout, oldest.service, text, START_THE_LOOP)


def unfinished(late: Iterable[Placement]) -> list[Complaint]:
    """Workers take it again and again, and none comes to an end with it."""
    return [
        about(
            "loop.unfinished",
            rows,
            f"due since {clock(rows[0].due_at)}, taken {rows[0].token} times and never finished",
            "Do workers die or hang while they look at this target? Their log says more.",
        )
        for rows in by_rollout(late)
    ]


def forgotten(now: datetime) -> list[Complaint]:
    """A rollout under way that nothing will ever look at again is a defect: ring for it."""
    lost = Placement.objects.filter(due_at=None, rollout__phase__in=LOOKED_AT)
    rows = list(locked(lost.select_related("rollout"))[:MOST])
    ring(rows, now)
    return [
        about("loop.forgot", each, "under way without a bell", A_DEFECT)
        for each in by_rollout(rows)
    ]


# --- the rollouts ----------------------------------------------------------------------------


def failing() -> list[Complaint]:
    rows = Placement.objects.filter(
        failures__gte=FAILING,
        rollout__phase__in=(Phase.PENDING, *UNDER_WAY),
        # Nobody is woken for what is only watched.
        rollout__shadow=False,
    ).select_related("rollout")[:MOST]
    return [
        about(
            "loop.failing",
            each,
            f"failed {max(p.failures for p in each)} times in a row{last_error(each)}",
            LOOK_AT_TARGET,
        )
        for each in by_rollout(rows)
    ]


def unconfirmed(now: datetime) -> list[Complaint]:
    """An intent whose effect nobody has seen, or something else seen than is desired."""
    off = (
        Q(observed__lt=F("desired") - F("grain") - SAME_SHARE)
        | Q(observed__gt=F("desired") + F("grain") + SAME_SHARE)
        # Zero is zero, whatever the target's grain.
        | Q(desired__lte=SAME_SHARE, observed__gt=SAME_SHARE)
        | Q(desired__gt=SAME_SHARE, observed__lte=SAME_SHARE)
    )
    # Held for drift: that was told when it was noticed.
    told = Hold.objects.filter(rollout=OuterRef("rollout"), kind=HoldKind.DRIFT, released_at=None)
    rows = (
        Placement.objects.filter(
            Q(generation__gt=F("confirmed_generation")) | (off & ~Exists(told)),
            rollout__phase__in=UNDER_WAY,
            rollout__shadow=False,
            rollout__progressed_at__lt=now - OVERDUE,
        )
        .select_related("rollout")
        .order_by("rollout", "id")[:MOST]
    )
    return [
        about(
            "loop.unconfirmed",
            each,
            f"{each[0].desired:.0%} desired, {each[0].observed:.0%} observed "
            f"since {clock(each[0].rollout.progressed_at)}{last_error(each)}",
            LOOK_AT_TARGET,
        )
        for each in by_rollout(rows)
        if too_long(each[0].rollout, now)
    ]


def stuck(now: datetime) -> list[Complaint]:
    """A stage that does not get as far as its bake. A freeze in force is a hold as well.

    Growth that waits for an incident's end waits for nothing of Graygate's.
    """
    held = Hold.objects.filter(rollout=OuterRef("rollout"), released_at=None)
    stages = (
        Stage.objects.filter(
            ~Exists(held),
            state__in=(StageState.PRE_CHECK, StageState.APPLYING),
            rollout__phase=Phase.RUNNING,
            rollout__progressed_at__lt=now - OVERDUE,
        )
        .select_related("rollout")
        .order_by("rollout", "index")[:MOST]
    )
    late = [stage for stage in stages if too_long(stage.rollout, now)]
    waiting = gates.incidents([stage.rollout for stage in late])
    return [stuck_at(stage) for stage in late if stage.rollout_id not in waiting]


def stuck_at(stage: Stage) -> Complaint:
    rollout = stage.rollout
    text = (
        f"stage {stage.index + 1} is at {stage.state.replace('_', ' ')} "
        f"since {clock(rollout.progressed_at)}: {stage.reason or 'no reason was given'}"
    )
    services = ", ".join(sorted({target["service"] for target in rollout.spec["targets"]}))
    return Complaint("loop.stuck", rollout, services, text, LOOK_AT_STAGE)


def too_long(rollout: Rollout, now: datetime) -> bool:
    intervals = timedelta(seconds=OVERDUE_INTERVALS * float(rollout.spec["interval_s"]))
    return now - rollout.progressed_at > max(OVERDUE, intervals)


# --- the bells -------------------------------------------------------------------------------


def watch_coarsely(now: datetime) -> None:
    """What was rolled back and is no longer watched by the loop gets a look now and then.

    The bell is set ahead: a target that does not answer is not asked at every audit.
    """
    left = Placement.objects.filter(
        due_at=None,
        taken_over=False,
        rollout__phase=Phase.ROLLED_BACK,
        rollout__ended_at__gt=now - COARSE_WATCH,
    )
    ring(list(locked(left)[:MOST]), now + COARSE_LOOK)


def ring(rows: Sequence[Placement], at: datetime) -> None:
    if rows:
        Placement.objects.filter(pk__in=[p.pk for p in rows]).update(due_at=at)


def locked(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """Whoever has the row now sees to its bell; nobody is waited for."""
    return rows.order_by("id").select_for_update(skip_locked=True, of=("self",))


# --- words -----------------------------------------------------------------------------------


def about(kind: str, rows: Sequence[Placement], text: str, left_to_do: str) -> Complaint:
    targets = ", ".join(p.target for p in rows)
    services = ", ".join(sorted({p.service for p in rows}))
    return Complaint(kind, rows[0].rollout, services, f"{targets}: {text}", left_to_do)


def last_error(rows: Iterable[Placement]) -> str:
    error = next((p.last_error for p in rows if p.last_error), "")
    return f": {error[:500]}" if error else ""


def by_rollout(rows: Iterable[Placement]) -> list[list[Placement]]:
    grouped: dict[object, list[Placement]] = defaultdict(list)
    for row in rows:
        grouped[row.rollout_id].append(row)
    return list(grouped.values())


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S} UTC" if at else "ever"
