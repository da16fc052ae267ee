"""The loop's outward calls, none of which may end it: whatever a plugin raises is an answer too.

A target that raises was not observed, which is not zero. Evidence that cannot be gathered is a
lost source: never a pass.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from attribution.cut_off import CutOffError, is_bounded, within
from rollout.evidence import Gathered
from rollout.executors.answers import LONGEST_UNIT, MOST_GENERATION, MOST_UNITS, is_share
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


Answer = TypeVar("Answer")
# Of a lease: observe, apply, observe again, and the rest is Graygate's own.
CALLS_IN_A_LEASE = 3
SLACK_S = 0.5
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
        key = key_of(placement)
        observed = _in_time(
            "observe", target, placement, lambda: target.observe(placement.config, key)
        )
    except (ExecutorError, CutOffError) as error:
        return None, str(error)
    except Exception as error:
        log.exception("observing %s", placement.target)
        return None, f"{placement.target}: {type(error).__name__}"
    if wrong := _nonsense(observed):
        return None, f"{placement.target}: {wrong}"
    return observed, ""


def _in_time(
    verb: str, target: Executor, placement: Placement, work: Callable[[], Answer]
) -> Answer:
    """Apart for each verb: whoever hangs when it is looked at is told zero all the same."""
    name = f"{verb} {placement.target} of {placement.rollout_id} by {placement.executor}"
    return within(name, _patience_s(target), is_bounded(target), work)


def _patience_s(target: Executor) -> float:
    """What it said, and a little for its own end; never so much that the lease runs out."""
    said: object = target.timeout_s
    most = settings.GRAYGATE_LEASE_S / CALLS_IN_A_LEASE
    known = isinstance(said, int | float) and 0 < said < most
    return float(said) + SLACK_S if known and isinstance(said, int | float) else most


def _nonsense(observed: object) -> str:
    """What is wrong with an answer; empty: nothing. NaN is neither above nor below anything."""
    if not isinstance(observed, Observed):
        return f"the executor answered {type(observed).__name__}, not Observed"
    if not is_share(observed.share):
        return f"{str(observed.share)[:50]!r} is no share"
    units = observed.units
    known = isinstance(units, list | tuple) and len(units) <= MOST_UNITS
    if not known or not all(isinstance(each, str) and len(each) <= LONGEST_UNIT for each in units):
        return "the executor's `units` is not a list of names"
    if type(observed.generation) is not int or not 0 <= observed.generation <= MOST_GENERATION:
        return "the executor's `generation` is no number from 0"
    return ""


def apply(target: Executor, placement: Placement, desired: Desired) -> str:
    """What went wrong, or nothing."""
    try:
        key = key_of(placement)
        _in_time("apply", target, placement, lambda: target.apply(placement.config, desired, key))
    except (ExecutorError, CutOffError) as error:
        return str(error)
    except Exception as error:
        log.exception("applying %s", placement.target)
        return f"{placement.target}: {type(error).__name__}"
    return ""


def key_of(placement: Placement) -> Key:
    rollout = placement.rollout
    return Key(rollout.epoch, str(rollout.pk), placement.target, placement.generation)
