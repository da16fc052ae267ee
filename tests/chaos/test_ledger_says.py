"""What the checks make of a chain: those that no break of a whole run shows."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.chaos.balancer import Seen
from tests.chaos.checks import above, came_back
from tests.chaos.ledger_says import Entry, grown_while_paused, last_order, unproved
from tests.chaos.plan import GOOD, Actor
from tests.chaos.schedule import Part

PART = Part(Actor("north0", GOOD, 0.0), "north0 in schedule 3")


def chain(*decisions, share=0.5, verdict="pass"):
    """One entry a second, from second 1 on."""
    return [
        Entry(n, datetime.fromtimestamp(n, UTC), decision, "graygate", inputs(share, verdict))
        for n, decision in enumerate(decisions, 1)
    ]


def inputs(share, verdict):
    stages = [
        {"index": 0, "share": share, "state": "pre_check"},
        {"index": 1, "share": 1.0, "state": "baking"},
    ]
    return {"snapshot": {"stages": stages}, "evidence": {"verdict": verdict}}


@pytest.mark.parametrize(
    ("decisions", "share"),
    [
        (("create", "start"), 0.0),
        (("create", "start", "open", "bake"), 0.5),
        (("create", "start", "open", "halt", "rollback", "rolled_back"), 0.0),
        (("create", "start", "open", "abort"), 0.0),
    ],
)
def test_last_order__of_a_chain__is_what_its_entries_ordered_last(decisions, share):
    assert last_order(chain(*decisions)) == share


@pytest.mark.parametrize("growth", ["open", "promote", "watch", "start", "resume"])
def test_grown_while_paused__without_a_person__names_the_entry(growth):
    pause, grown = chain("pause", growth)
    assert f"entry 2, {growth}" in grown_while_paused([pause, grown])
    resumed = replace(grown, decision="resume", actor="ann")
    assert grown_while_paused([pause, resumed, grown]) == ""


def test_unproved__passed_on_another_verdict_or_by_no_decision__says_so():
    assert unproved(chain("watch"), 1) == ""
    assert unproved(chain("watch", verdict="inconclusive"), 1) == "passed on inconclusive"
    assert "no decision" in unproved(chain("open", "bake"), 1)


def test_came_back__exposure_after_the_last_rolled_back__is_told():
    entries = chain("open", "rollback", "rolled_back")
    assert came_back(PART, entries, [Seen(2.9, "north0", 0.5), Seen(3.2, "north0", 0.0)]) == ""
    assert "after it was rolled back" in came_back(PART, entries, [Seen(9.0, "north0", 0.1)])


def test_above__more_than_was_ordered_by_then__is_told():
    entries = chain("create", "open")
    assert above(PART, entries, [Seen(2.5, "north0", 0.5)]) == ""
    assert "at most 0.0%" in above(PART, entries, [Seen(1.5, "north0", 0.5)])
    assert "at most 50.0%" in above(PART, entries, [Seen(2.5, "north0", 0.6)])
