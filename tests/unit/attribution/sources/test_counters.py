"""Two looks at the newest samples. `scrape(instance, at, {labels: value})` is what one showed."""

import json

import pytest

from attribution.sources.answers import Found
from attribution.sources.counters import KEEP_S, Look, Shown
from attribution.sources.promql import selector

TOTAL = selector("m{}")
EVENTS = selector('m{code="500"}')
CANARY = selector('m{track="canary"}')
CONTROL = selector('m{track="old"}')
GAUGE = selector("depth{}")


def one(instance: str, at: float, value: float, **labels: str) -> Found:
    named = {"job": "x", "instance": instance, **labels}
    return Found(tuple(sorted(named.items())), value, at)


def look(counters, before, now, leading=None, gauges=None) -> Look:
    shown = Shown(counters, gauges or {}, counters.keys() if leading is None else leading)
    return Look(shown, json.loads(json.dumps(before)), now, interval_s=5.0)


def total(look: Look, which) -> float | None:
    growth = look.growth(which)
    return None if growth is None else sum(increase for _one, increase in growth)


def after(*looks: dict) -> Look:
    """Each a mapping of counters, five seconds apart from 100 on."""
    state: dict = {}
    for index, counters in enumerate(looks):
        last = look(counters, state, 100.0 + 5 * index)
        state = last.state()
    return last


def test_growth__first_look__is_not_known():
    assert after({TOTAL: [one("a", 99, 70_000)]}).growth(TOTAL) is None


def test_growth__second_look__is_exact():
    first = {TOTAL: [one("a", 99, 10), one("b", 98, 2**53 - 1)]}
    second = {TOTAL: [one("a", 104, 17), one("b", 103, 2**53)]}
    assert total(after(first, second), TOTAL) == 8


def test_growth__one_instance_restarted__is_that_of_the_others():
    first = {TOTAL: [one("a", 99, 10, code="200"), one("a", 99, 5, code="500"), one("b", 99, 1)]}
    second = {TOTAL: [one("a", 104, 3, code="200"), one("a", 104, 9, code="500"), one("b", 104, 4)]}
    assert total(after(first, second), TOTAL) == 3


def test_growth__instance_lost_a_series__says_nothing_of_it():
    first = {TOTAL: [one("a", 99, 10, code="200"), one("a", 99, 5, code="500"), one("b", 99, 1)]}
    second = {TOTAL: [one("a", 104, 13, code="200"), one("b", 104, 4)]}
    assert total(after(first, second), TOTAL) == 3


def test_growth__new_series_of_the_same_scrape__counts_from_zero():
    first = {TOTAL: [one("a", 99, 10, code="200")], EVENTS: []}
    bad = one("a", 104, 3, code="500")
    second = {TOTAL: [one("a", 104, 12, code="200"), bad], EVENTS: [bad]}
    assert total(after(first, second), TOTAL) == 5
    assert total(after(first, second), EVENTS) == 3


def test_growth__relabelled_target_beside_its_old_series__does_not_count_from_zero():
    first = {TOTAL: [one("a", 99, 70_000, track="old")]}
    second = {TOTAL: [one("a", 99, 70_000, track="old"), one("a", 104, 70_010, track="canary")]}
    assert not total(after(first, second), TOTAL)


def test_growth__new_instance__says_nothing_until_its_second_look():
    first = {TOTAL: [one("a", 99, 10)]}
    second = {TOTAL: [one("a", 104, 11), one("b", 104, 70_000)]}
    third = {TOTAL: [one("a", 109, 12), one("b", 109, 70_003)]}
    assert total(after(first, second), TOTAL) == 1
    assert total(after(first, second, third), TOTAL) == 4


def test_growth__selector_asked_for_the_first_time__is_not_known():
    series = one("a", 104, 5, code="500")
    second = {TOTAL: [one("a", 104, 12), series], EVENTS: [series]}
    found = after({TOTAL: [one("a", 99, 10)]}, second)
    assert found.growth(EVENTS) is None


def test_growth__selector_of_another_name__does_not_blind_the_known():
    other = selector("other{}")
    second = {TOTAL: [one("a", 104, 12)], other: [one("a", 104, 70_000)]}
    found = after({TOTAL: [one("a", 99, 10)]}, second)
    assert total(found, TOTAL) == 2
    assert found.growth(other) is None


def test_growth__selector_no_longer_asked__is_no_lost_series():
    first = {TOTAL: [one("a", 99, 10)], selector("other{}"): [one("a", 99, 7)]}
    assert total(after(first, {TOTAL: [one("a", 104, 12)]}), TOTAL) == 2


def test_growth__instance_away_for_a_while__is_counted_on_its_return():
    a, b = one("a", 99, 10), one("b", 99, 10)
    back = {TOTAL: [one("a", 109, 12), one("b", 109, 17)]}
    assert total(after({TOTAL: [a, b]}, {TOTAL: [one("a", 104, 11)]}, back), TOTAL) == 8


def test_growth__instance_away_for_long__is_a_new_one():
    first = look({TOTAL: [one("a", 99, 10), one("b", 99, 10)]}, {}, 100.0)
    late = 101.0 + KEEP_S
    second = look({TOTAL: [one("a", late, 11)]}, first.state(), late)
    third = look({TOTAL: [one("a", late + 5, 12), one("b", late, 90)]}, second.state(), late + 5)
    assert total(third, TOTAL) == 1


def test_growth__selectors_changed_while_an_instance_was_away__it_is_a_new_one():
    first = {TOTAL: [one("a", 99, 10), one("b", 99, 10)]}
    second = {TOTAL: [one("a", 104, 11)], EVENTS: []}
    bad = one("b", 109, 50, code="500")
    third = {TOTAL: [one("a", 109, 12), one("b", 109, 11), bad], EVENTS: [bad]}
    assert total(after(first, second, third), EVENTS) == 0


def test_held__one_cohort_was_scraped_the_other_not_yet__tells_nobody():
    first = {CANARY: [one("a", 96, 10)], CONTROL: [one("b", 99, 10)]}
    second = {CANARY: [one("a", 96, 10)], CONTROL: [one("b", 104, 20)]}
    third = {CANARY: [one("a", 106, 13)], CONTROL: [one("b", 109, 30)]}
    held = after(first, second)
    assert held.held
    assert held.growth(CONTROL) is None
    told = after(first, second, third)
    assert not told.held
    assert (total(told, CANARY), total(told, CONTROL)) == (3, 20)


def test_held__canary_brings_nothing_new_for_too_long__the_control_is_told_again():
    state = after(
        {CANARY: [one("a", 97, 1)], CONTROL: [one("b", 99, 1)]},
        {CANARY: [one("a", 102, 2)], CONTROL: [one("b", 104, 2)]},
    ).state()
    shown = {CANARY: [one("a", 102, 2)], CONTROL: [one("b", 124, 9)]}
    assert look(shown, state, 125.0).held
    shown = {CANARY: [one("a", 102, 2)], CONTROL: [one("b", 129, 10)]}
    late = look(shown, state, 130.0)
    assert (late.held, total(late, CONTROL)) == (False, 8)
    assert not total(late, CANARY)


def test_held__a_new_canary__does_not_hold_the_control():
    first = {CANARY: [], CONTROL: [one("b", 99, 1)]}
    second = {CANARY: [one("a", 104, 1)], CONTROL: [one("b", 104, 4)]}
    found = after(first, second)
    assert (found.held, total(found, CONTROL)) == (False, 3)


def test_held__canary_gone__is_not_waited_for():
    first = {CANARY: [one("a", 99, 1)], CONTROL: [one("b", 99, 1)]}
    found = after(first, {CANARY: [], CONTROL: [one("b", 104, 4)]})
    assert (found.held, total(found, CONTROL)) == (False, 3)
    assert found.gone == ["x/a"]


def test_stopped__no_instance_brings_anything_new__says_for_how_long():
    state = after({TOTAL: [one("a", 99, 1)]}, {TOTAL: [one("a", 104, 2)]}).state()
    same = {TOTAL: [one("a", 104, 2)]}
    assert look(same, state, 110.0).stopped == ""
    assert look(same, state, 110.0).held
    assert "no new samples for 25 s" in look(same, state, 130.0).stopped


def test_stopped__scraped_seldom__is_waited_for_longer():
    state = after({TOTAL: [one("a", 70, 1)]}, {TOTAL: [one("a", 100, 2)]}).state()
    waiting = look({TOTAL: [one("a", 100, 2)]}, state, 145.0)
    assert (waiting.stopped, waiting.held, waiting.slowest_gap) == ("", True, 30.0)


def test_stopped__clocks_differ__matters_not():
    """All times of samples are an hour behind: what counts is that they move."""
    first = {TOTAL: [one("a", -3500, 1)]}
    second = {TOTAL: [one("a", -3495, 4)]}
    found = after(first, second)
    assert (found.stopped, total(found, TOTAL)) == ("", 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_look__number_that_is_no_count__is_told_and_not_kept(value):
    found = after({TOTAL: [one("a", 99, value), one("b", 99, 1)]})
    assert found.broken == ["x/a"]
    assert list(found.state()["instances"]) == ["x/b"]


@pytest.mark.parametrize("label", ["nul\0", "half\ud800"])
def test_look__label_that_no_row_can_hold__is_told_and_not_kept(label):
    assert after({TOTAL: [one("a", 99, 1, path=label)]}).broken == ["x/a"]


def test_look__gauge__may_fall_and_be_negative():
    first = look({TOTAL: [one("a", 99, 1)]}, {}, 100.0, gauges={GAUGE: [one("a", 99, -5)]})
    second = look(
        {TOTAL: [one("a", 104, 3)]}, first.state(), 105.0, gauges={GAUGE: [one("a", 104, -9)]}
    )
    assert total(second, TOTAL) == 2
    assert [found.value for found in second.live(GAUGE)] == [-9]
