"""The ways in which a change does harm, and whom each of them hurts first. PURE."""

from enum import StrEnum

from attribution.scene import Scene


class Way(StrEnum):
    CANARY = "canary"
    WHOLE = "whole"
    SHARED = "shared"
    CALLERS = "callers"
    CALLEES = "callees"


TOLD = {
    Way.CANARY: "its canary does worse than its control",
    Way.WHOLE: "it hurts its service as a whole, control and all",
    Way.SHARED: "it uses up, bit by bit, what canary and control share",
    Way.CALLERS: "it hurts those who call its service",
    Way.CALLEES: "it burdens what its service calls",
}


def victims(scene: Scene, service: str, way: Way) -> tuple[str, ...]:
    if way is Way.CALLERS:
        return scene.callers.get(service, ())
    if way is Way.CALLEES:
        return scene.case.calls.get(service, ())
    return (service,)
