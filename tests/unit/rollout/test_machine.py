import itertools

import pytest

from rollout.machine import (
    MACHINES,
    ChangeState,
    HoldKind,
    IllegalTransitionError,
    Phase,
    StageState,
    may_grow,
    shown_state,
    step,
)

STATES = {"rollout": Phase, "stage": StageState, "change": ChangeState}
LEGAL = [(m, t.source, t.event, t.target) for m, rows in MACHINES.items() for t in rows]
ILLEGAL = [
    (machine, state, event)
    for machine, rows in MACHINES.items()
    for state, event in itertools.product(STATES[machine], sorted({t.event for t in rows}))
    if not any(t.source == state and t.event == event for t in rows)
]


@pytest.mark.parametrize(("machine", "state", "event", "target"), LEGAL)
def test_step__legal_pair__gives_the_tables_target(machine, state, event, target):
    assert step(machine, state, event) == target


@pytest.mark.parametrize(("machine", "state", "event"), ILLEGAL)
def test_step__illegal_pair__is_refused_by_name(machine, state, event):
    with pytest.raises(IllegalTransitionError, match=event):
        step(machine, state, event)


@pytest.mark.parametrize("machine", MACHINES)
def test_table__every_row__names_known_states_once(machine):
    pairs = [(t.source, t.event) for t in MACHINES[machine]]
    assert len(pairs) == len(set(pairs))
    assert {t.source for t in MACHINES[machine]} | {t.target for t in MACHINES[machine]} <= set(
        STATES[machine]
    )


@pytest.mark.parametrize(
    ("phase", "holds", "shown"),
    [
        (Phase.RUNNING, {HoldKind.HALTED, HoldKind.PAUSED}, "halted"),
        (Phase.RUNNING, {HoldKind.PAUSED, HoldKind.FROZEN}, "paused"),
        (Phase.RUNNING, {HoldKind.FROZEN}, "running"),
        (Phase.ROLLING_BACK, {HoldKind.HALTED, HoldKind.PAUSED}, "rolling_back"),
        (Phase.COMPLETED, {HoldKind.PAUSED}, "completed"),
    ],
)
def test_shown_state__phase_and_holds__follows_the_precedence(phase, holds, shown):
    assert shown_state(phase, frozenset(holds)) == shown


def test_may_grow__any_hold_or_other_phase__is_false():
    assert may_grow(Phase.RUNNING, frozenset())
    assert not any(may_grow(Phase.RUNNING, frozenset({hold})) for hold in HoldKind)
    assert not any(may_grow(phase, frozenset()) for phase in Phase if phase != Phase.RUNNING)
