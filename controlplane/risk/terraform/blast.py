"""Blast radius: action × criticality × environment, summed over the plan.

The scale is that of Open Policy Agent's Terraform tutorial: 100 for deleting an autoscaling
group, 10 for an instance, and from 30 on a person has to look.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk import names
from controlplane.risk.operations import Action
from controlplane.risk.places import HARMLESS_PLACES
from controlplane.risk.signals import Signal
from controlplane.risk.terraform.catalogue import Class, class_of, is_wide
from controlplane.risk.terraform.planned import PlannedChange

NEEDS_A_PERSON, WIDE = 30.0, 100.0

_ACTIONS: Mapping[Action, float] = {"delete": 10, "replace": 10, "update": 1, "create": 0.2}
_REPLACED_NEW_FIRST = 3.0
_WIDE_FACTOR = 10.0
_CLASSES = {
    Class.DATA: 10.0,
    Class.LOGS: 3.0,
    Class.AUDIT: 3.0,
    Class.SERVING: 1.0,
    Class.PROTECTION: 1.0,
    Class.MONITORING: 0.5,
    Class.LINK: 0.3,
    Class.VERSION: 0.1,
    Class.GENERATED: 0.1,
    Class.LOCAL: 0.0,
}
_TAGS = ("environment", "env", "stage", "deployment_environment", "deploymentenvironment")
_PRODUCTION = names.vocabulary("prod production prd live")


class Places:
    """How much the place of a resource counts, from 1 (production, or nobody says) downwards.
    Of the case's word and the resource's tags the graver counts, so that a staging tag in a
    production account lowers nothing. A name can raise it to production, never lower it:
    `test` in a name means many things.
    """

    def __init__(self, environment: Any) -> None:
        self._given = _factor(environment) if isinstance(environment, str) else None

    def factor(self, change: PlannedChange) -> float:
        if names.words(change.address) & _PRODUCTION:
            return 1.0
        told = [_factor(tag) for tag in _tags(change)]
        if self._given is not None:
            told.append(self._given)
        return max(told, default=1.0)


def _factor(environment: str) -> float:
    return HARMLESS_PLACES.get(environment.strip().lower(), 1.0)


def _tags(change: PlannedChange) -> Iterator[str]:
    """Of before and after: a resource that moves from test to production counts as both."""
    for state in (change.before, change.after):
        for field in ("tags_all", "tags", "labels"):
            tags = state.get(field)
            for key, value in tags.items() if isinstance(tags, Mapping) else ():
                if isinstance(value, str) and str(key).lower().replace("-", "_") in _TAGS:
                    yield value


def weight(change: PlannedChange, places: Places) -> float:
    action = _ACTIONS.get(change.action, 0.0)
    if change.action == "replace" and change.create_first and not change.operation.stateful:
        action = _REPLACED_NEW_FIRST
    kind = _CLASSES[class_of(change.type)]
    criticality = max(kind, _WIDE_FACTOR) if is_wide(change.type) and kind >= 1 else kind
    if change.action == "create":
        criticality = min(criticality, 1.0)
    return action * criticality * places.factor(change)


def radius(changes: Sequence[PlannedChange], places: Places) -> Iterator[Signal]:
    """Of a single resource its own signals say all there is to say."""
    weights = [(weight(change, places), change) for change in changes]
    total = sum(one for one, _ in weights)
    if total < NEEDS_A_PERSON or sum(one > 0 for one, _ in weights) < 2:
        return
    largest = sorted(weights, key=lambda pair: -pair[0])[:3]
    yield Signal(
        id="blast_radius",
        severity="high" if total >= WIDE else "medium",
        summary=f"Blast radius {total:,.0f}: {_counted(changes)}; most of it "
        + ", ".join(change.address for _, change in largest),
        where="/resource_changes",
        why="The more of what others stand on is touched at once, the more fails together "
        "and the longer it takes to bring back.",
        remedy="Split the plan (`-target`, smaller states) and apply the parts apart in time.",
    )


def _counted(changes: Iterable[PlannedChange]) -> str:
    counts: dict[str, int] = {}
    for change in changes:
        if change.action in _ACTIONS:
            counts[change.action] = counts.get(change.action, 0) + 1
    return ", ".join(f"{counts[name]} to {name}" for name in _ACTIONS if name in counts)
