import pytest

from attribution.errors import CaseError
from controlplane.risk.policy import DEFAULT_POLICIES
from controlplane.risk.policy_backtest import backtest, ended_of
from controlplane.risk.policy_rows import rows_of

STAGES = [{"share": 0.5, "min_s": 600}, {"share": 1, "min_s": 600}]
FREE = {"control_level": "L3", "approvals": 0, "stages": STAGES}


def ended(level, harmful, kind="deploy", **more):
    return ended_of({"level": level, "kind": kind, "harmful": harmful, **more})


def effect(history, *rows):
    return backtest(history, rows_of(list(rows)))


HISTORY = [
    ended("high", True),
    ended("high", False),
    ended("low", True),
    ended("low", False),
    ended("low", False),
]


def test_backtest__high_waits_for_a_person__caught_and_needless_are_counted():
    found = effect(HISTORY, FREE, {**FREE, "level": "high", "approvals": 2})
    assert (found.caught, found.caught_share) == (1, 0.5)
    assert (found.needless, found.needless_share) == (1, pytest.approx(1 / 3, abs=1e-4))
    assert (found.approvals, found.rejected) == (4, 0)


def test_backtest__high_is_rejected__asks_nobody_and_costs_it_no_minutes():
    found = effect(HISTORY, FREE, {**FREE, "level": "high", "reject": True})
    assert (found.rejected, found.caught, found.needless, found.approvals) == (2, 1, 1, 0)
    assert found.minutes == 20


def test_backtest__stages_alone__stop_nobody():
    found = effect(HISTORY, FREE)
    assert (found.caught, found.needless, found.minutes) == (0, 0, 20)


def test_backtest__nothing_covers_a_change__the_built_in_policy_does():
    assert backtest(HISTORY, ()) == backtest(HISTORY, DEFAULT_POLICIES)


def test_backtest__kind_that_goes_in_one_step__has_that_step_only():
    assert effect([ended("low", False, kind="sql_migration")], FREE).minutes == 10


def test_backtest__tier_named__counts_only_there():
    row = {**FREE, "tier": 0, "approvals": 1}
    found = effect([ended("low", True, tier=0), ended("low", True, tier=3)], FREE, row)
    assert found.caught == 1


def test_backtest__no_history__has_no_shares():
    found = effect([], FREE)
    assert (found.caught_share, found.needless_share, found.minutes) == (None, None, None)


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        ({"level": "huge", "kind": "deploy", "harmful": True}, "line 3/level"),
        ({"level": "low", "kind": "deploy"}, "line 3/harmful"),
        ({"level": "low", "kind": "deploy", "harmful": 1}, "line 3/harmful"),
        ({"level": "low", "kind": "deploy", "harmful": True, "tier": 9}, "line 3/tier"),
        ({"level": "low", "kind": "deploy", "harmful": True, "tier": True}, "line 3/tier"),
        ({"level": "low", "kind": "unheard", "harmful": True}, "/kind"),
    ],
)
def test_ended_of__malformed__is_refused_with_its_place(row, pointer):
    with pytest.raises(CaseError) as raised:
        ended_of(row, "line 3")
    assert raised.value.pointer == pointer
