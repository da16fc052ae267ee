"""Which of very many changes are worth to be weighed. PURE.

Found cheaply first, ranked with care afterwards: those that were exposed in time, by calls, minutes
and whether it hurts there or right beside. Whoever is left out may be the culprit all the same, as
often as `attribute.LEFT_OUT` says (docs/attribution.md has what was measured).
"""

import math

from attribution.attribute_case import Change
from attribution.scene import Scene, had_ended

MOST_CHANGES = 40
USUAL = 20
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


def rarity(scene: Scene) -> float:
    """By how much less likely each is beforehand, on the log.

    The weights were fitted on at most USUAL changes under way. Were each as likely with a hundred
    times as many, one of them would start just before any anomaly, and be believed; were their sum
    the same, a culprit would hardly ever be believed. So the sum grows with the root.
    """
    under_way = sum(not _out_of_time(scene, each) for each in scene.case.changes)
    return math.log(max(under_way, USUAL) / USUAL) / 2


def _order(scene: Scene, change: Change) -> tuple[bool, float, str]:
    return (_out_of_time(scene, change), _away(scene, change), change.id)


def _out_of_time(scene: Scene, change: Change) -> bool:
    return change.begins > scene.case.detected_at or had_ended(scene, change)


def _away(scene: Scene, change: Change) -> float:
    """Calls down from where it was noticed, minutes since its share grew, on the log, and CALM
    where nothing hurts: a canary of one in a hundred that fails is not yet to be seen there.
    """
    steps = scene.distance.get(change.service, UNREACHED)
    gap = scene.onset - change.last_growth(scene.onset + scene.case.lag_s / 4)
    calm = change.service not in scene.beside_hurt
    return steps + math.log1p(max(gap, 0.0) / MINUTE_S) + CALM * calm
