"""Production, as far as an executor can change it: targets with a share, and calls on their way.

Three kinds: `sim` refuses a call that is older than the newest it has seen; `sim_loose` cannot, so
that a late call lands whenever it lands; `sim_shared` has one share for whoever sets it, as a load
balancer has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from rollout.executors.base import Desired, ExecutorError, Key, Observed

TIMEOUT_S = 5.0
Place = tuple[str, str]  # rollout ("" of a shared target), target


@dataclass(frozen=True)
class Call:
    """On its way: nobody waits for it any more."""

    executor: str
    key: Key
    desired: Desired
    lands_at: datetime


@dataclass
class Production:
    now: Callable[[], datetime]
    shown: dict[Place, Observed] = field(default_factory=dict)
    before: dict[Place, Observed] = field(default_factory=dict)
    newest: dict[Place, int] = field(default_factory=dict)
    on_their_way: list[Call] = field(default_factory=list)
    down: set[str] = field(default_factory=set)

    def at(self, place: Place) -> Observed:
        return self.shown.get(place, Observed(0.0))

    def set(self, place: Place, shown: Observed) -> None:
        self.before[place] = self.at(place)
        self.shown[place] = shown

    def land(self, executor: str, key: Key, desired: Desired) -> None:
        """Raises ExecutorError: refused."""
        place = place_of(executor, key)
        if executor == "sim":
            if key.generation < self.newest.get(place, 0):
                raise ExecutorError(f"refused: a newer call than {key} was seen", permanent=True)
            self.newest[place] = key.generation
        generation = key.generation if executor == "sim" else 0
        share, units = desired.share, desired.units
        if executor == "sim_shared":
            share, units = round(share / Shared.grain) * Shared.grain, ()
        self.set(place, Observed(share, units, generation))

    def due_calls(self) -> list[Call]:
        return [call for call in self.on_their_way if call.lands_at <= self.now()]


def place_of(executor: str, key: Key) -> Place:
    return ("" if executor == "sim_shared" else key.rollout, key.target)


class Stage:
    """What the schedule does with each call; set while one runs."""

    apply: Callable[[str, Desired, Key], None]
    observe: Callable[[str, Key], Observed]


STAGE = Stage()


class Fenced:
    name = "sim"
    # Its calls end, and in the thread whose turn it is.
    bounded = True
    fencing: Literal["target", "none"] = "target"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = TIMEOUT_S
    grain = 0.0
    exclusive = False

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        return []

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        STAGE.apply(self.name, desired, key)

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        return STAGE.observe(self.name, key)


class Loose(Fenced):
    name = "sim_loose"
    fencing: Literal["target", "none"] = "none"


class Shared(Loose):
    name = "sim_shared"
    grain = 0.01
    exclusive = True


EXECUTORS = {
    "sim": "tests.simulation.targets.Fenced",
    "sim_loose": "tests.simulation.targets.Loose",
    "sim_shared": "tests.simulation.targets.Shared",
}
LATEST_LANDING = timedelta(seconds=60)
