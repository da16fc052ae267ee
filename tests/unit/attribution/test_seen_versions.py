"""Which versions are changes that nobody submitted: looks of a service, one after the other."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.seen_versions import (
    ALONE,
    FEWEST,
    FORGOTTEN,
    GONE,
    LONGEST_SILENCE,
    SETTLED,
    Look,
    Seen,
    look,
    steadied,
)

OLD = {"1.0": 100.0}
BOTH = {"1.0": 75.0, "1.1": 25.0}
NEW = {"1.1": 100.0}


def run(*looks, told=(), before=None, start=0):
    """The steps that looks of a minute each come to."""
    found, steps = before, []
    for n, requests in enumerate(looks, start=start):
        at = 60.0 * (n + 1)
        # What is remembered goes through JSON from look to look.
        found = Seen.from_json(json.loads(json.dumps(found.to_json()))) if found else None
        found, more = look(found, Look(requests, at - 60.0, at, told))
        steps += more
    return found, steps


def shares(steps, version="1.1"):
    return [round(each.share, 3) for each in steps if each.version == version]


def test_look__what_was_there_at_first__is_no_change():
    _, steps = run(BOTH, OLD, BOTH, NEW, BOTH)
    assert steps == []


def test_look__version_that_is_new__begins_when_it_was_seen_twice():
    _, steps = run(OLD, *[BOTH] * (FEWEST - 1))
    assert steps == []
    _, steps = run(OLD, *[BOTH] * FEWEST)
    (begun,) = steps
    assert (begun.version, begun.share) == ("1.1", pytest.approx(0.25))
    # Not later than it was there: what it caused may be as old.
    assert begun.at == begun.since == 60.0


def test_look__one_request_of_a_version__is_a_health_check():
    _, steps = run(OLD, BOTH, *[OLD] * 30)
    assert steps == []


def test_look__grows_to_everybody__is_followed_and_then_only_its_end():
    seen, steps = run(OLD, *[BOTH] * 3, *[NEW] * (ALONE + SETTLED))
    assert shares(steps)[0] == 0.25
    assert shares(steps)[-1] == 1.0
    assert shares(steps) == sorted(shares(steps))
    assert not seen.moving
    _, more = run(*[BOTH] * 5, before=seen, start=50)
    assert more == []
    _, more = run(*[OLD] * LONGEST_SILENCE, before=seen, start=50)
    assert shares(more) == [0.0]


def test_look__gone_while_others_answer__ends():
    _, steps = run(OLD, *[BOTH] * 3, *[OLD] * GONE)
    assert shares(steps) == [0.25, 0.0]


def test_look__nobody_answers__nothing_is_known_and_nothing_ends():
    _, steps = run(OLD, *[BOTH] * 3, *[{}] * 50, BOTH)
    assert shares(steps) == [0.25]


def test_look__small_share_without_a_request_by_chance__does_not_end():
    rare = {"1.0": 99.0, "1.1": 1.0}
    _, steps = run(OLD, *[rare] * 3, *[OLD] * GONE, rare)
    assert 0.0 not in shares(steps)


def test_look__version_of_a_submitted_change__is_none_of_ours():
    _, steps = run(OLD, *[BOTH] * 10, *[NEW] * 10, told=("1.1", "1.0"))
    assert steps == []


def test_look__replaced_version_of_a_submitted_change__is_none_either():
    _, steps = run(NEW, *[BOTH] * 10, told=("1.1", "1.0"))
    assert steps == []


def test_look__submitted_after_it_was_seen__ends_as_the_same():
    seen, steps = run(OLD, *[BOTH] * 4)
    _, more = run(BOTH, BOTH, told=("1.1", "1.0"), before=seen, start=5)
    assert shares(steps) == [0.25]
    (end,) = more
    assert (end.share, end.told) == (0.0, True)


def test_look__submitted_change_replaces_one_that_was_seen__follows_that_to_its_end_only():
    seen, _ = run(OLD, *[BOTH] * 4)
    newest = {"1.0": 50.0, "1.1": 20.0, "1.2": 30.0}
    seen, steps = run(*[newest] * 5, told=("1.2", "1.1"), before=seen, start=5)
    assert steps == []
    _, steps = run(*[{"1.2": 99.0}] * LONGEST_SILENCE, told=("1.2", "1.1"), before=seen, start=10)
    assert shares(steps) == [0.0]


def test_look__old_version_brought_back_after_long__is_a_change():
    seen, _ = run(OLD, *[NEW] * (FORGOTTEN + 1))
    _, steps = run(*[BOTH] * FEWEST, before=seen, start=100)
    assert shares(steps, "1.0") == [0.75]


VERSIONS = st.sampled_from(["1.0", "1.1", "1.2", "1.3"])
LOOKS = st.lists(
    st.tuples(
        st.dictionaries(VERSIONS, st.floats(0, 1000)),
        st.sampled_from([(), ("1.1", "1.0"), ("1.2", "1.1"), ("1.3", "")]),
    ),
    max_size=60,
)


@given(LOOKS)
def test_look__whatever_answers__steps_are_shares_and_every_end_had_a_beginning(looks):
    seen, live, last = None, {}, {}
    for n, (requests, told) in enumerate(looks):
        seen, steps = look(seen, Look(requests, 60.0 * n, 60.0 * (n + 1), told))
        for step in steps:
            assert 0 <= step.share <= 1
            assert (step.share > 0) or live.get(step.version, 0) > 0
            assert step.share != live.get(step.version, 0)
            assert step.at >= last.get(step.version, 0) or live.get(step.version, 0) == 0
            live[step.version], last[step.version] = step.share, step.at
        followed = seen.followed if seen else {}
        assert {v for v, share in live.items() if share > 0} == {
            v for v, one in followed.items() if one.share > 0
        }


@given(LOOKS, st.lists(VERSIONS, min_size=1, max_size=3))
def test_look__what_is_told_or_was_there__never_begins(looks, there):
    seen, _ = look(None, Look(dict.fromkeys(there, 9.0), 0.0, 60.0))
    for n, (requests, told) in enumerate(looks, start=1):
        everybody = {**requests, **dict.fromkeys(there, 1.0)}
        seen, steps = look(seen, Look(everybody, 60.0 * n, 60.0 * (n + 1), told))
        assert not {s.version for s in steps if s.share > 0} & {*there, *told[:1]}


@given(LOOKS)
def test_look__through_json__is_the_same(looks):
    one = two = None
    for n, (requests, told) in enumerate(looks):
        seen = Look(requests, 60.0 * n, 60.0 * (n + 1), told)
        one, steps = look(one, seen)
        again = Seen.from_json(json.loads(json.dumps(two.to_json()))) if two else None
        two, more = look(again, seen)
        assert (one, steps) == (two, more)


@given(LOOKS)
def test_look__only_the_old_one_from_now_on__everything_else_ends(looks):
    seen, live = look(None, Look({"0.9": 5.0}, 0.0, 1.0))[0], {}
    quiet = [({"0.9": 100.0}, ())] * LONGEST_SILENCE
    for n, (requests, told) in enumerate([*looks, *quiet]):
        seen, steps = look(seen, Look({**requests, "0.9": 100.0}, 60.0 * n, 60.0 * (n + 1), told))
        live |= {step.version: step.share for step in steps}
    assert not any(live.values())


@given(st.floats(0, 1), st.floats(0, 1))
def test_steadied__any_share__is_one_of_the_two(share, before):
    assert steadied(share, before) in {share, before}
