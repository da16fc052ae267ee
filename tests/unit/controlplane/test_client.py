import pytest

from controlplane.client.graygate import exit_code, printable
from controlplane.decision import BY_ROLLOUT, BY_STATE, FINAL
from rollout.machine import ChangeState, HoldKind, Phase

CONTRACT = {
    *("allowed", "needs_approval", "rejected", "scheduled", "running", "halted", "paused"),
    *("completed", "rolled_back", "rollback_failed", "failed", "canceled", "expired"),
}


@pytest.mark.parametrize(
    ("decision", "until", "waiting", "code"),
    [
        ("allowed", "allowed", True, 0),
        ("running", "allowed", True, 0),
        ("completed", "completed", True, 0),
        ("allowed", "completed", True, None),
        ("running", "completed", True, None),
        ("running", "completed", False, 4),
        ("scheduled", "completed", False, 4),
        ("needs_approval", "allowed", True, None),
        ("needs_approval", "allowed", False, 2),
        ("halted", "completed", True, None),
        ("halted", "completed", False, 2),
        ("paused", "allowed", False, 2),
        *((bad, until, True, 3)
          for until in ("allowed", "completed")
          for bad in ("rejected", "failed", "canceled", "expired", "rolled_back",
                      "rollback_failed")),
    ],
)  # fmt: skip
def test_exit_code__decision__is_the_contracts(decision, until, waiting, code):
    assert exit_code(decision, until, waiting=waiting) == code


@pytest.mark.parametrize("decision", sorted(CONTRACT))
def test_exit_code__when_the_time_is_up__there_is_always_one(decision):
    assert exit_code(decision, "completed", waiting=False) in (0, 2, 3, 4)


def test_decisions__of_every_state_and_phase__are_words_of_the_contract():
    assert set(BY_STATE) == set(ChangeState)
    assert set(BY_ROLLOUT) == {*Phase, HoldKind.HALTED, HoldKind.PAUSED}
    assert {*BY_STATE.values(), *BY_ROLLOUT.values()} <= CONTRACT
    assert CONTRACT >= FINAL


def test_printable__text_with_lines_and_orders__is_one_line_of_plain_text():
    told = {"reasons": ["no\n::error::yes", "a\x1b[2Jb"], "n": 1, "none": None}
    assert printable(told) == {"reasons": ["no ::error::yes", "a[2Jb"], "n": 1, "none": None}
