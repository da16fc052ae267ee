"""What speaks for "none of them", by the causes that are no change of ours. PURE."""

import math
from enum import StrEnum

from attribution.pieces import Sizes, Suspect
from attribution.scene import Scene
from attribution.ways import Way
from attribution.weights import NONE


class Cause(StrEnum):
    ELSEWHERE = "elsewhere"
    DEPENDENCY = "dependency"
    TRAFFIC = "traffic"
    MONITORING = "monitoring"
    CHANCE = "chance"


TOLD = {
    Cause.ELSEWHERE: "something outside that hurts one service",
    Cause.DEPENDENCY: "something shared under several services",
    Cause.TRAFFIC: "more requests everywhere",
    Cause.MONITORING: "services that are no longer seen",
    Cause.CHANCE: "nothing but chance",
}
LEAST_TRAFFIC = 0.3


def sizes_of_none(scene: Scene, suspects: list[Suspect]) -> Sizes:
    """The same for each cause; their weights differ."""
    found = scene.footprint
    scales = [suspect.sizes(Way.CANARY) for suspect in suspects]
    differs = any("differs" in each or "silent" in each for each in scales)
    worse = [name for name, hurt in found.hurts.items() if hurt.worse]
    changed = {s.change.service for s in suspects if not s.vetoes}
    near = changed | {
        name for name, called in scene.case.calls.items() if changed.intersection(called)
    }
    roots = found.roots & found.hurts.keys()
    apart = [s for s in worse if not any(found.worse(c) for c in scene.case.calls.get(s, ()))]
    lost = scene.lost
    return {
        "cause": 1.0,
        "nothing_seen": scene.absence if not worse and not differs else 0.0,
        "roots_unchanged": len(roots - near) / len(roots) if roots else 0.0,
        "many_roots": math.log(len(roots)) if roots else 0.0,
        "many_apart": math.log(len(apart)) if apart else 0.0,
        "traffic": max(found.traffic - LEAST_TRAFFIC, 0.0),
        "nobody_differs": 0.0 if differs else 1.0,
        "lost": math.log1p(len(lost)),
        "lost.target": float(bool(scene.targets & lost)),
    }


def logit_of_none(sizes: Sizes, cause: Cause) -> float:
    return math.fsum(NONE[cause].get(scale, 0.0) * size for scale, size in sizes.items())
