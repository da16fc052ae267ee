"""Which transitions of the machines' tables and which kinds of faults the schedules have met."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rollout import machine
from tests.simulation.faults import KINDS
from tests.simulation.people import ACTIONS
from tests.simulation.source import MOODS, STATES

# Of changes that others carry out, of break-glass (nothing takes it yet), and of the floor above.
ELSEWHERE = {
    ("rollout", "pending", "expire"): "only of changes that are watched (tests/integration)",
    ("stage", "pre_check", "skip"): "nothing skips a stage yet",
    ("stage", "pending", "skip"): "nothing skips a stage yet",
    ("stage", "applying", "step_down"): "telling two suspects apart (tests/integration)",
    ("stage", "baking", "step_down"): "telling two suspects apart (tests/integration)",
}
SPOKEN = {"source_changes": STATES, "mood_changes": ()}


class Noting(dict):
    """machine's table; what is looked up and found was a step of a machine."""

    def __init__(self, table: dict, counted: Counter[str]) -> None:
        super().__init__(table)
        self.counted = counted

    def __getitem__(self, key: tuple[str, str, str]) -> str:
        found = super().__getitem__(key)
        self.counted[name_of(key)] += 1
        return found


def name_of(key: tuple[str, str, str]) -> str:
    which, state, event = key
    return f"transition {which}: {state} –{event}→"


@contextmanager
def noted(counted: Counter[str]) -> Iterator[None]:
    table = machine._TARGET
    machine._TARGET = Noting(table, counted)
    try:
        yield
    finally:
        machine._TARGET = table


def wanted() -> dict[str, str]:
    """What there is to cover; with the reason where the simulation does not reach it."""
    steps = {
        name_of((which, row.source, row.event)): ELSEWHERE.get((which, row.source, row.event), "")
        for which in ("rollout", "stage")
        for row in machine.MACHINES[which]
    }
    faults = [k for k in KINDS if k not in SPOKEN]
    faults += [f"source_{state}" for state in STATES] + [f"change_turns_{mood}" for mood in MOODS]
    return steps | {f"fault {k}": "" for k in faults} | {f"person {a}": "" for a in ACTIONS}


def not_covered(counted: Counter[str]) -> list[str]:
    return [
        f"{what}{f' ({why})' if why else ''}" for what, why in wanted().items() if not counted[what]
    ]
