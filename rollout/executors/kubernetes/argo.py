"""Way `argo`: an existing Argo Rollout with traffic routing, moved as kubectl-argo-rollouts does.

What Argo can express: on to the next pause (promote), and back to nothing (abort). So a share is
one of the weights of its steps; it goes up through them one by one, a promote a call; down it goes
only to zero. Every weight has to be followed by a pause without an end, or Argo would go on by
itself, and the first step has to be a pause or the weight 0. The end is not ours either: the last
step is a pause too, and a person (or the pipeline) promotes the Rollout past it, after which Argo
has no way back.

The status is a subresource: no one patch holds the mark and the effect. So the mark comes first,
and the effect holds the resourceVersion that came with it: a newer call's mark in between makes
it conflict.
"""

from dataclasses import dataclass
from typing import Any

from rollout.executors.base import Desired, Key, Observed
from rollout.executors.kubernetes.api import (
    MOST_TRIES,
    Api,
    ConflictError,
    Object,
    change,
    count,
    generation_of,
)
from rollout.executors.kubernetes.target import Target

WHOLE = 100
Move = dict[str, Any]
ABORT: Move = {"abort": True}
RETRY: Move = {"abort": False}
PROMOTE: Move = {"pauseConditions": None}


@dataclass(frozen=True)
class Pause:
    """A step where the Rollout rests, and the weight that it rests at."""

    index: int
    weight: int


class StepsError(ValueError):
    """These steps cannot be driven from outside."""


def observe(api: Api, target: Target, key: Key) -> Observed:
    rollout = api.get(_path(target))
    status = rollout.get("status", {})
    _check(api, rollout)
    weights = status.get("canary", {}).get("weights")
    if not isinstance(weights, dict):
        raise api.error("its controller has not told any weights yet")
    return Observed(
        count(weights.get("canary", {}), "weight") / WHOLE,
        generation=generation_of(api, rollout, key),
    )


def apply(api: Api, target: Target, desired: Desired, key: Key) -> None:
    """One move. The loop calls again as long as the share is not reached."""
    for _ in range(MOST_TRIES):
        rollout = change(api, _path(target), key, lambda _: {})
        move = next_move(api, rollout, desired.share)
        if move is None:
            return
        body = {"metadata": {"resourceVersion": rollout["metadata"]["resourceVersion"]}}
        try:
            api.patch(f"{_path(target)}/status", body | {"status": move})
        except ConflictError:
            continue
        return
    raise api.error("somebody else changes the Rollout each time")


def next_move(api: Api, rollout: Object, share: float) -> Move | None:
    """None: it is there, or on its way. Raises ExecutorError when no move leads there."""
    status = rollout.get("status", {})
    if share <= 0:
        return None if status.get("abort") or not _under_way(status) else ABORT
    pauses = _check(api, rollout)
    goal = _goal(api, pauses, share)
    if not _under_way(status):
        raise api.error("no update is under way: give the Rollout its new template first")
    if status.get("abort"):
        return RETRY
    here = count(status, "currentStepIndex")
    if here > goal.index:
        raise api.error("Argo does not go back to an earlier weight, only to zero", permanent=True)
    return PROMOTE if here < goal.index and status.get("pauseConditions") else None


def pauses_of(steps: list[dict[str, Any]]) -> list[Pause]:
    """Raises StepsError."""
    found, weight, rests = [], 0, True
    for index, step in enumerate(steps):
        if "setWeight" in step:
            if not rests or (index == 0 and step["setWeight"]):
                raise StepsError("a weight has to come after a pause")
            weight, rests = count(step, "setWeight"), weight == step["setWeight"]
        elif "pause" in step:
            if (step["pause"] or {}).get("duration"):
                raise StepsError(f"the pause in step {index} ends by itself")
            found.append(Pause(index, weight))
            rests = True
        else:
            raise StepsError(f"step {index} is neither a weight nor a pause")
    if not rests or not found or found[0].weight:
        raise StepsError("they have to begin at weight 0 and to end with a pause")
    return found


def _check(api: Api, rollout: Object) -> list[Pause]:
    canary = rollout["spec"].get("strategy", {}).get("canary") or {}
    if not canary.get("trafficRouting"):
        message = "the Rollout has no trafficRouting: it knows pods, and tells no weights"
        raise api.error(message, permanent=True)
    try:
        return pauses_of(canary.get("steps") or [])
    except StepsError as error:
        raise api.error(f"the Rollout's steps: {error}", permanent=True) from error


def _goal(api: Api, pauses: list[Pause], share: float) -> Pause:
    for pause in pauses:
        if abs(pause.weight / WHOLE - share) < 1e-9:
            return pause
    known = ", ".join(str(pause.weight) for pause in pauses)
    message = f"the Rollout has no step of {share * WHOLE:g}%, only of {known}"
    raise api.error(message, permanent=True)


def _under_way(status: Object) -> bool:
    return bool(status.get("currentPodHash")) and status["currentPodHash"] != status.get("stableRS")


def _path(target: Target) -> str:
    return f"/apis/argoproj.io/v1alpha1/namespaces/{target.namespace}/rollouts/{target.rollout}"
