"""The loop: observe → decide → intend → apply → confirm, one placement at a time.

 1. Claim     a due placement: new token, new lease. Of many workers one gets it.
 2. Observe   the target, and gather the evidence. No lock is held meanwhile.
 3. Intend    under the rollout's lock, if the token is still mine: decide on the rows as they
              are now; write decision, desired exposure, generation, news.
 4. Apply     the newest generation, if unconfirmed and enough lease is left for the call.
 5. Observe   again.
 6. Confirm   compare-and-set on token and generation.

Killed before 3: nothing happened. Killed after 3: the generation is unconfirmed, so the next
worker looks and applies the same generation again. A stale confirm finds no row.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from attribution.clock import database_now
from rollout import claims, effects, emergency, failpoints, intent, perceive, restored
from rollout.decide import decide
from rollout.evidence import Gathered, gather
from rollout.executors.base import Desired, Executor, Observed, executor
from rollout.models import Placement, Rollout
from rollout.room import is_out_of_room
from rollout.rows import snapshot_of
from rollout.snapshot import Decision, Do

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class World:
    """Everything that is not a row, passed in: a simulation brings its own."""

    executor: Callable[[str], Executor] = executor
    gather: Callable[[Rollout, datetime], Gathered] = gather
    now: Callable[[], datetime] = database_now
    reach: Callable[[str], None] = failpoints.reach
    lease_s: float = field(default_factory=lambda: settings.GRAYGATE_LEASE_S)


def reconcile_due(world: World, limit: int = 200) -> int:
    """Work until nothing is due. A row that fails backs off and never stops the others."""
    emergency.take_up(world.now())
    world = replace(world, gather=perceive.once_a_look(world.gather))
    for done in range(limit):
        placement = claims.claim(world.now(), world.lease_s)
        if placement is None:
            return done
        world.reach("after_claim")
        try:
            reconcile(world, placement)
        except Exception as error:
            log.exception("rollout %s on %s", placement.rollout_id, placement.target)
            # Without room it stays due, and its lease is the pause: so that it is seen to wait.
            if not is_out_of_room(error):
                claims.back_off(placement, f"{type(error).__name__}: {error}", world.now())
    return limit


def reconcile(world: World, placement: Placement) -> None:
    target = perceive.executor_for(world.executor, placement)
    observed, error = perceive.observe(target, placement)
    gathered = perceive.evidence_for(world.gather, placement, world.now())
    world.reach("after_observe")

    decided = intend(world, placement, observed, gathered)
    if decided is None:
        return
    world.reach("after_intend")

    again = decided.do != Do.WAIT
    if decided.do != Do.LOOK_AGAIN and placement.generation > placement.confirmed_generation:
        again = True
        error = apply(world, target, placement)
        world.reach("after_apply")
        observed, unread = perceive.observe(target, placement)
        error = error or unread
    claims.confirm(placement, target, observed, error, world.now(), again=again)


@transaction.atomic
def intend(
    world: World, placement: Placement, observed: Observed | None, gathered: Gathered
) -> Decision | None:
    """None: the lease was lost meanwhile, and whoever has it now sees to the placement."""
    seen = placement.rollout.version
    rollout = Rollout.every.select_for_update().get(pk=placement.rollout_id)
    effects.lock_targets(rollout)
    if not claims.lock_mine(placement):
        return None
    now = world.now()
    placement.rollout = rollout
    renew(placement, observed, now, world.lease_s)
    if observed is not None and restored.is_ahead(placement, observed.generation):
        restored.catch_up(rollout, placement, observed.generation, now)
        return Decision(Do.LOOK_AGAIN)
    if rollout.version != seen:
        # Somebody acted since the evidence was gathered: it speaks of another situation.
        return Decision(Do.LOOK_AGAIN)
    snapshot = snapshot_of(rollout, now)
    decision = decide(snapshot, gathered.evidence, now.timestamp())
    late = decision.do == Do.ROLLBACK and intent.another_came_first(rollout, gathered.evidence)
    if late or restored.keeps_back(placement, decision):
        return Decision(Do.LOOK_AGAIN)
    intent.carry_out(rollout, decision, snapshot, gathered, now)
    if decision.do == Do.WAIT and not (snapshot.holds or rollout.shadow):
        # Nothing else was written, and there is nothing to take back.
        return decision
    if effects.open_holds(rollout):
        effects.withhold(rollout, now)
    placement.refresh_from_db()
    placement.rollout = rollout
    return decision


def renew(placement: Placement, observed: Observed | None, now: datetime, lease_s: float) -> None:
    """The call that may follow gets a whole lease, however slow the steps before it were."""
    placement.lease_until = now + timedelta(seconds=lease_s)
    if observed is not None:
        effects.record_observed(placement, observed.share, list(observed.units), now)
    placement.save(update_fields=["lease_until", "observed", "observed_units", "observed_at"])


def apply(world: World, target: Executor, placement: Placement) -> str:
    """Send the desired exposure; what went wrong, or nothing. The lease outlives the call."""
    now = world.now()
    if claims.lease_left(placement, now) < target.timeout_s + 1:
        return "too little of the lease is left for a call"
    if target.fencing == "none":
        # Its own clock starts a little later than this one.
        until = now + timedelta(seconds=target.timeout_s + 1)
        Placement.objects.filter(pk=placement.pk).update(calls_until=until)
    desired = Desired(
        placement.desired, tuple(placement.desired_units), placement.rollout.spec["version"]
    )
    return perceive.apply(target, placement, desired)
