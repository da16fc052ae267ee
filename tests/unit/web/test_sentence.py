"""The first sentence answers the question of three in the morning."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.web.presenters.sentence import Facts, left_to_do, sentences
from controlplane.web.wording import DECISIONS, HOLDS, STAGES, STATES, in_words
from rollout.machine import ChangeState, HoldKind, Phase, StageState
from rollout.snapshot import Do

NOW = datetime(2026, 3, 1, 3, 13, tzinfo=UTC)
ROLLED_BACK = Facts(
    state=Phase.ROLLED_BACK,
    now=NOW,
    turned_at_share=0.25,
    targets=1,
    at_zero=1,
    numbers="canary 5.2% errors against 0.2% control",
    verdict="fail",
    evidence_at=NOW - timedelta(seconds=80),
    zero_at=NOW - timedelta(seconds=66),
    recovered_at=NOW - timedelta(seconds=20),
    measured=True,
)


def test_rolled_back__by_evidence__says_share_delay_numbers_zero_and_recovery():
    assert sentences(ROLLED_BACK) == [
        (
            "Rolled back at 25% exposure, 14 s after the evidence sufficed: "
            "canary 5.2% errors against 0.2% control."
        ),
        "Exposure is zero on 1 of 1 target.",
        "The metric recovered at 03:12:40.",
    ]
    assert left_to_do(ROLLED_BACK) == ["Find the defect before this change is submitted again."]


def test_rolled_back__not_recovered__says_so_and_asks_to_watch():
    facts = replace(ROLLED_BACK, recovered_at=None)
    assert sentences(facts)[-1] == "The metric has not recovered yet."
    assert left_to_do(facts)[0] == "Watch the metric: it has not recovered yet."


def test_rolled_back__by_attribution_alone__names_its_probability():
    facts = replace(ROLLED_BACK, numbers="", verdict="", probability=0.97, reason="")
    assert "attribution names this change with 97%" in sentences(facts)[0]


def test_rolled_back__ordered_by_a_person__is_called_aborted_and_names_them():
    facts = replace(ROLLED_BACK, actor="olga", reason="totals are wrong")
    assert sentences(facts)[0] == ("Aborted at 25% exposure: ordered by olga (“totals are wrong”).")


def test_rolled_back__superseded__leaves_nothing_to_do():
    facts = replace(ROLLED_BACK, superseded=True)
    assert "a newer version" in sentences(facts)[0]
    assert left_to_do(facts) == []


def test_rollback_failed__some_exposure_left__names_targets_error_and_the_way_out():
    facts = replace(
        ROLLED_BACK,
        state=Phase.ROLLBACK_FAILED,
        observed=0.25,
        at_zero=1,
        targets=2,
        not_at_zero=["router-b"],
        last_error="HTTP 503",
    )
    told = sentences(facts)
    assert told[0] == "The rollback failed: exposure is still 25% on router-b."
    assert "Last error: HTTP 503." in told
    assert "router-b" in left_to_do(facts)[0]


def test_halted__unattended__says_when_it_rolls_back_by_itself():
    facts = Facts(state=HoldKind.HALTED, now=NOW, reason="errors", rolls_back_at=NOW)
    assert "it rolls back at 03:13:00 UTC." in sentences(facts)[1]


def test_halted__cleared_by_attribution__says_that_it_is_not_rolled_back():
    facts = Facts(state=HoldKind.HALTED, now=NOW, exonerated=True, rolls_back_at=NOW)
    assert "clears this change" in sentences(facts)[1]


def test_running__held__says_what_it_waits_for():
    facts = Facts(
        state=Phase.RUNNING, now=NOW, stage=2, stages=4, observed=0.25, other_holds=["frozen (x)"]
    )
    assert sentences(facts) == [
        "Running: stage 2 of 4, 25% exposed.",
        "Exposure does not grow: frozen (x).",
    ]


@pytest.mark.parametrize("state", [*Phase, *ChangeState, HoldKind.HALTED, HoldKind.PAUSED])
def test_sentence__any_state_and_no_facts__is_never_empty(state):
    assert all(sentences(Facts(state=state, now=NOW)))


def test_words__every_state_of_the_machines__has_one():
    assert set(STATES) >= {*Phase, *ChangeState}
    assert set(HOLDS) == set(HoldKind)
    assert set(STAGES) == set(StageState)
    assert set(DECISIONS) >= set(Do) - {Do.WAIT, Do.LOOK_AGAIN}


def test_reason__of_the_judge__is_put_in_words_and_figures_stay():
    told = in_words("harm_shown; slow_requests: canary 5.11% of 2013")
    assert told == "harm is shown; slow_requests: canary 5.11% of 2013"


SUSPECTED = Facts(
    state=HoldKind.HALTED,
    now=NOW,
    stage=1,
    stages=2,
    observed=0.25,
    reason="attribution suspects this change with probability 0.35",
    by_itself=True,
)


def test_halted__on_suspicion__says_that_it_ends_by_itself_and_asks_for_nothing():
    told = sentences(SUSPECTED)
    assert told[0].startswith("Halted at stage 1 of 2, 25% exposed: attribution suspects")
    assert "goes on by itself when attribution clears it" in told[1]
    assert "Unless somebody answers" not in " ".join(told)
    assert left_to_do(SUSPECTED)[0].startswith("Nothing")


def test_paused__to_tell_two_apart__says_by_whom_and_until_when():
    facts = replace(
        SUSPECTED, state=HoldKind.PAUSED, actor="olga", reason="why", held_until=NOW, verdict=""
    )
    assert sentences(facts)[0] == (
        "Held by olga until 03:13:00 UTC at stage 1 of 2, 25% exposed, to tell two suspects "
        "apart: why."
    )
    assert left_to_do(facts) == ["Nothing: it ends by itself. `resume` ends it now."]


def test_rolled_back__in_vain__says_that_suspicion_went_on():
    facts = replace(ROLLED_BACK, recovered_at=None, in_vain_at=NOW)
    assert sentences(facts)[-1] == (
        "The metric had not recovered by 03:13:00: suspicion went to the next change."
    )
