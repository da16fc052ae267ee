"""What a change does to one resource, in the words of no tool in particular."""

from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["none", "read", "create", "update", "delete", "replace", "forget"]

REMOVALS: frozenset[Action] = frozenset({"delete", "replace"})


@dataclass(frozen=True, slots=True)
class Operation:
    """`path`: JSON pointer or `line N` of the place in the artefact. `stateful`: the resource
    holds data that its description does not bring back. `reversible`: applying the old
    description again restores what was. `forget`: it lives on, but nobody looks after it.
    """

    resource: str
    action: Action
    path: str
    before: Any
    after: Any
    stateful: bool
    reversible: bool

    @property
    def removes(self) -> bool:
        """What is there now is gone afterwards, whether or not a new one takes its place."""
        return self.action in REMOVALS
