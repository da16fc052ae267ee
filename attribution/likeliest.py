"""Which of very many changes are worth to be weighed. PURE.

Found cheaply first, ranked with care afterwards: those that were exposed in time, by calls, minutes
and whether it hurts there or right beside. Whoever is left out may be the culprit all the same, as
often as `attribute.LEFT_OUT` says (docs/attribution.md has what was measured).
"""

import math

from attribution.attribute_case import Change
from attribution.scene import Scene, had_ended

MOST_CHANGES = 40
UNREACHED = 10.0  # calls
CALM = 3.0
MINUTE_S = 60.0


def likeliest(scene: Scene) -> tuple[Change, ...]:
    """At most MOST_CHANGES, in the order of their names."""
    changes = scene.case.changes
    if len(changes) <= MOST_CHANGES:
        return changes
    order = sorted(changes, key=lambda each: _order(scene, each))
    return tuple(sorted(order[:MOST_CHANGES], key=lambda each: each.id))


def _order(scene: Scene, change: Change) -> tuple[bool, float, str]:
    late = change.begins > scene.case.detected_at
    return (late or had_ended(scene, change), _away(scene, change), change.id)


def _away(scene: Scene, change: Change) -> float:
    """Calls down from where it was noticed, minutes since its share grew, on the log, and CALM
    where nothing hurts: a canary of one in a hundred that fails is not yet to be seen there.
    """
    steps = scene.distance.get(change.service, UNREACHED)
    gap = scene.onset - change.last_growth(scene.onset + scene.case.lag_s / 4)
    calm = change.service not in scene.beside_hurt
    return steps + math.log1p(max(gap, 0.0) / MINUTE_S) + CALM * calm
