"""The loop's outward calls, none of which may end it: whatever a plugin raises is an answer too.

A target that raises was not observed, which is not zero. Evidence that cannot be gathered is a
lost source: never a pass.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from rollout.evidence import Gathered
from rollout.executors.base import (
    Desired,
    Executor,
    ExecutorError,
    Key,
    Observed,
    Unavailable,
    on_target,
)
from rollout.models import Placement, Rollout
from rollout.snapshot import Evidence

log = logging.getLogger(__name__)


# Placements of one rollout that are looked at within this time share what was gathered.
SAME_LOOK = timedelta(seconds=1)
Gather = Callable[[Rollout, datetime], Gathered]


def once_a_look(gather: Gather) -> Gather:
    """Gather once for all placements of a rollout, unless it moved on or time has passed."""
    kept: dict[tuple[UUID, int], tuple[datetime, Gathered]] = {}

    def remembering(rollout: Rollout, now: datetime) -> Gathered:
        key = (rollout.pk, rollout.version)
        if key not in kept or not timedelta() <= now - kept[key][0] <= SAME_LOOK:
            kept[key] = (now, gather(rollout, now))
        return kept[key][1]

    return remembering


def executor_for(find: Callable[[str], Executor], placement: Placement) -> Executor:
    try:
        return on_target(find(placement.executor), placement.config)
    except Exception as error:
        log.exception("executor %s", placement.executor)
        return Unavailable(f"no executor {placement.executor}: {type(error).__name__}")


def evidence_for(gather: Gather, placement: Placement, now: datetime) -> Gathered:
    try:
        return gather(placement.rollout, now)
    except Exception as error:
        log.exception("evidence of rollout %s", placement.rollout_id)
        why = f"the evidence could not be read: {type(error).__name__}: {error}"
        return Gathered(Evidence(reason="source_error", source_lost=why[:300]))


def observe(target: Executor, placement: Placement) -> tuple[Observed | None, str]:
    """What was observed, and what went wrong: one of the two is empty."""
    try:
        observed = target.observe(placement.config, key_of(placement))
    except ExecutorError as error:
        return None, str(error)
    except Exception as error:
        log.exception("observing %s", placement.target)
        return None, f"{placement.target}: {type(error).__name__}"
    # NaN is neither below nor above anything: it fails this too.
    if not 0 <= observed.share <= 1:
        return None, f"{placement.target}: {observed.share} is no share"
    return observed, ""


def apply(target: Executor, placement: Placement, desired: Desired) -> str:
    """What went wrong, or nothing."""
    try:
        target.apply(placement.config, desired, key_of(placement))
    except ExecutorError as error:
        return str(error)
    except Exception as error:
        log.exception("applying %s", placement.target)
        return f"{placement.target}: {type(error).__name__}"
    return ""


def key_of(placement: Placement) -> Key:
    rollout = placement.rollout
    return Key(rollout.epoch, str(rollout.pk), placement.target, placement.generation)
