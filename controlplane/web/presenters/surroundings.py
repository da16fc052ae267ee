"""The call graph around an anomaly: where it was noticed, who hurts, where changes are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.web import numbers
from controlplane.web.call_graph import HIGH, WIDE, Arrow, Box, lay_out

LONGEST_LABEL = 20
# Of a score in `localized`, two standard errors: below that a service is as it usually is.
HURTS = 0.1


@dataclass(frozen=True)
class Node:
    box: Box
    label: str
    calls: list[str]
    noticed: bool
    hurts: bool
    # Probability of each change there.
    changes: list[float]

    @property
    def words(self) -> str:
        """What its marks say; a colour never stands alone."""
        told = ["noticed"] if self.noticed else []
        told += ["hurts"] if self.hurts else []
        if self.changes:
            told.append(f"{_changes(len(self.changes))} {numbers.chance(max(self.changes))}")
        return ", ".join(told)


@dataclass(frozen=True)
class Surroundings:
    nodes: list[Node]
    arrows: list[Arrow]
    width: int
    height: int
    left_out: int
    # Of each box.
    wide: int = WIDE
    high: int = HIGH


def surroundings(
    noticed: str,
    calls: Mapping[str, Sequence[str]],
    localized: Sequence[Mapping[str, Any]],
    changes: Mapping[str, Sequence[float]],
) -> Surroundings:
    """`changes`: by service, how likely each change there is the one; the likeliest first."""
    hurting = [place["service"] for place in localized if place["score"] >= HURTS]
    layout = lay_out(noticed, calls, [*changes, *hurting])
    nodes = [
        Node(
            box=box,
            label=_short(box.name),
            calls=sorted(each.callee for each in layout.arrows if each.caller == box.name),
            noticed=box.name == noticed,
            hurts=box.name in hurting,
            changes=list(changes.get(box.name, ())),
        )
        for box in layout.boxes
    ]
    return Surroundings(nodes, layout.arrows, layout.width, layout.height, layout.left_out)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"


def _changes(amount: int) -> str:
    return "change" if amount == 1 else f"{amount} changes"
