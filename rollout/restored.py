"""After the database went back into the past: nothing grows until a person says so.

Noticed by the mark that workers keep outside it (water_mark.py), said by a person (the command
`restored`), or told by a target that knows a newer call than the database does. Then

- the freeze `restored` stops all growth and every start, until a person lifts it;
- each rollout under way is held (`drift`) in a new epoch: after that it waits for its own `resume`;
- growth that was intended and not seen is withdrawn, and nothing is sent for it;
- generations leap: what is sent from now on is newer than all that was sent in the time that was
  lost, so that no target refuses it as old, and no key is used twice.

Reversals go on. One alert says so for as long as the freeze stands.
"""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from attribution.clock import database_now
from rollout import effects, gates, ledger, water_mark
from rollout.executors.answers import MOST_GENERATION
from rollout.machine import HoldKind, Phase
from rollout.models import Freeze, Placement, Rollout
from rollout.news import tell
from rollout.snapshot import Decision, Do

log = logging.getLogger(__name__)
FREEZE = "restored"
# More than one placement is sent in eleven days, each second one.
LEAP = 1_000_000
# A target that says more than this is not believed: there would be no newer number left.
MOST_AHEAD = 100 * LEAP
# Nor does anything leap beyond this: every order that may yet be given needs a newer number.
FARTHEST = MOST_GENERATION // 2
# Not at once: whoever counts up at each look would be looked at all the time.
NEXT_LOOK = timedelta(seconds=1)
GROWING = (Phase.PENDING, Phase.RUNNING, Phase.WATCHING)
FORWARD = (Do.START, Do.OPEN, Do.BAKE, Do.PROMOTE, Do.WATCH, Do.COMPLETE)
TURNING_BACK = (Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED)
# For so long what was rolled back is looked at, and taken back when it is seen again.
STILL_LOOKED_AT = timedelta(days=2)


def notice() -> int:
    """How many rollouts were held. The loop calls it before it takes any work."""
    reached = water_mark.behind()
    if not reached:
        return 0
    # The same text when whoever does this dies and another begins again.
    declared = declare(f"the database is older than what was done with it (mark {reached})")
    water_mark.count(reached + 1)
    return declared.held


class Declared(NamedTuple):
    held: int
    failed: list[UUID]


def declare(reason: str, actor: str = ledger.SYSTEM) -> Declared:
    """What was done for the same reason is not done twice. A rollout that cannot be held is kept
    back by the freeze, and keeps no other from being held or taken back.
    """
    return _hold_all(gates.set_freeze(FREEZE, {}, reason, actor))


def _hold_all(freeze: Freeze) -> Declared:
    reason, actor, now = freeze.reason, freeze.actor, database_now()
    held, failed = 0, []
    for pk in _concerned(freeze.starts_at, now):
        try:
            held += _begin_anew(pk, reason, actor, now)
        except Exception:
            log.exception("after a restore: rollout %s could not be held", pk)
            failed.append(pk)
    return Declared(held, failed)


def keeps_back(placement: Placement, decision: Decision) -> bool:
    """Whether the database was exchanged in the middle of this round: the next one notices, and
    until then nothing goes forward. Seldom asked: most decisions change nothing, or take back.
    """
    unsent = placement.generation > placement.confirmed_generation
    grows = decision.do == Do.WAIT and unsent and placement.desired > placement.observed
    return (grows or decision.do in FORWARD) and water_mark.is_older()


def over(actor: str) -> Declared | None:
    """None: there was no stop. It ends only when each rollout is held that it has to be: whoever
    declared it may have died in the middle.
    """
    freeze = in_force()
    if freeze is None:
        return None
    declared = _hold_all(freeze)
    if not declared.failed and gates.lift_freeze(FREEZE):
        log.warning("the stop after a restore is over: %s", actor)
    return declared


def in_force() -> Freeze | None:
    return Freeze.objects.filter(name=FREEZE).first()


def _concerned(since: datetime, now: datetime) -> list[UUID]:
    """What was under way at the restore; what came after it knows of no lost time."""
    late = Q(phase=Phase.ROLLED_BACK, ended_at__gt=now - STILL_LOOKED_AT)
    rows = Rollout.objects.filter(Q(phase__in=(*GROWING, *TURNING_BACK)) | late)
    rows = rows.filter(created_at__lte=since)
    return list(rows.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _begin_anew(pk: UUID, reason: str, actor: str, now: datetime) -> int:
    rollout = Rollout.objects.select_for_update().get(pk=pk)
    if rollout.decisions.filter(decision="restored", reasons=[reason]).exists():
        return 0
    _called(rollout).filter(generation__lt=FARTHEST).update(
        generation=F("generation") + LEAP, confirmed_generation=F("confirmed_generation") + LEAP
    )
    held = _hold(rollout, reason, actor, now)
    ledger.append(rollout, "restored", [reason], actor, {}, now)
    effects.bump(rollout, now)
    return held


def _called(rollout: Rollout) -> QuerySet[Placement]:
    """Before the first call an exclusive target shows another's exposure: generation 0 says so."""
    return rollout.placements.exclude(exclusive=True, generation=0)


def _hold(rollout: Rollout, reason: str, actor: str, now: datetime) -> int:
    """1: it could have grown. Nothing is sent: what was true then may be growth now."""
    rollout.epoch += 1
    if rollout.phase not in GROWING:
        return 0
    effects.hold(rollout, HoldKind.DRIFT, actor, reason, now)
    for placement in _called(rollout).filter(taken_over=False):
        if placement.desired > placement.observed:
            placement.desired = placement.observed
            placement.desired_units = placement.observed_units
        placement.confirmed_generation = placement.generation
        placement.save(update_fields=["desired", "desired_units", "confirmed_generation"])
    effects.step_down(rollout)
    return 1


# --- one target that knows more ---------------------------------------------------------------


def is_ahead(placement: Placement, seen: int) -> bool:
    """Whether the target has seen a newer call than was ever written down here."""
    unknown = placement.taken_over or (placement.exclusive and not placement.generation)
    return not unknown and placement.generation < seen <= min(
        placement.generation + MOST_AHEAD, FARTHEST
    )


def catch_up(rollout: Rollout, placement: Placement, seen: int, now: datetime) -> None:
    """The caller holds the rollout's row lock, and decides nothing on the row as it was.

    Said once: a target that counts up at each look fills neither the ledger nor the pager.
    """
    mine = rollout.placements.filter(pk=placement.pk)
    mine.update(generation=seen + 1)
    if rollout.decisions.order_by("sequence").values_list("decision", flat=True).last() == "behind":
        if rollout.phase in GROWING:
            mine.update(confirmed_generation=seen + 1)
    else:
        _say_behind(rollout, placement, seen, now)
    mine.update(due_at=now + NEXT_LOOK)


def _say_behind(rollout: Rollout, placement: Placement, seen: int, now: datetime) -> None:
    reason = (
        f"{placement.target} has seen call {seen}, newer than any written down here "
        f"({placement.generation}): the database was restored, or `zero` was run elsewhere"
    )
    held = _hold(rollout, reason, ledger.SYSTEM, now)
    ledger.append(rollout, "behind", [reason], ledger.SYSTEM, {}, now)
    if held:
        tell(rollout, "rollout.hold", [reason], {}, now)
    effects.bump(rollout, now)
