"""What the controllers of a cluster make of the objects: one step each time that somebody looks.

Each takes an object and may change its status; True: it did.
"""

import copy
from typing import Any

Object = dict[str, Any]


def deployment(found: Object, pace: int | None) -> bool:
    """`pace` pods become ready at a time (None: all at once); those not wanted go at once."""
    before = copy.deepcopy(found["status"])
    wanted = found["spec"].get("replicas", 1)
    ready = min(found["status"].get("readyReplicas", 0), wanted)
    ready = wanted if pace is None else min(wanted, ready + pace)
    status = {"observedGeneration": found["metadata"]["generation"]}
    # A controller leaves out what is zero.
    counts = {"replicas": wanted, "updatedReplicas": wanted}
    counts |= {"readyReplicas": ready, "availableReplicas": ready}
    counts |= {"unavailableReplicas": wanted - ready}
    found["status"] = status | {name: number for name, number in counts.items() if number}
    return found["status"] != before


def route(found: Object, accepted: str = "True") -> bool:
    before = copy.deepcopy(found["status"])
    conditions = [
        {
            "type": kind,
            "status": accepted,
            "reason": kind if accepted == "True" else "BackendNotFound",
            "observedGeneration": found["metadata"]["generation"],
        }
        for kind in ("Accepted", "ResolvedRefs")
    ]
    parent = {"parentRef": {"name": "edge"}, "controllerName": "example.com/gateway"}
    found["status"] = {"parents": [parent | {"conditions": conditions}]}
    return found["status"] != before


def argo(found: Object) -> bool:
    """As the controller goes: a pause begins, or is over once its condition is gone; a weight is
    set and passed; an abort takes all away and goes back to the first step.
    """
    before = copy.deepcopy(found["status"])
    status, steps = found["status"], found["spec"]["strategy"]["canary"]["steps"]
    if status["currentPodHash"] == status["stableRS"]:
        _weigh(status, 0)
    elif status.get("abort"):
        status.pop("pauseConditions", None)
        status.pop("controllerPause", None)
        status["currentStepIndex"] = 0
        _weigh(status, 0)
    elif status.get("currentStepIndex", 0) >= len(steps):
        status["stableRS"] = status["currentPodHash"]
        _weigh(status, 0)
    else:
        _step(status, steps)
    return status != before


def _step(status: Object, steps: list[Object]) -> None:
    index = status.setdefault("currentStepIndex", 0)
    set_before = [step["setWeight"] for step in steps[: index + 1] if "setWeight" in step]
    _weigh(status, set_before[-1] if set_before else 0)
    if "pause" not in steps[index]:
        status["currentStepIndex"] = index + 1
    elif status.get("pauseConditions"):
        return
    elif status.get("controllerPause"):
        status.pop("controllerPause")
        status["currentStepIndex"] = index + 1
    else:
        status["controllerPause"] = True
        status["pauseConditions"] = [{"reason": "CanaryPauseStep", "startTime": "2024-01-01"}]


def _weigh(status: Object, weight: int) -> None:
    weights = {"canary": {"weight": weight}, "stable": {"weight": 100 - weight}}
    status["canary"] = {"weights": weights}
