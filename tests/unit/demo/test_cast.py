"""The seed decides the story; every story it can decide is one that can be told."""

import pytest

from demo.cast import QUIRK, callers, cast, neighbours, upstream
from demo.fleet.faults import parse_fault
from demo.fleet.layout import SERVICES
from demo.meter import SLOW_BUCKET, TOLERATED_ERRORS

SEEDS = range(200)


def test_cast__same_seed__is_the_same_story():
    assert cast(7) == cast(7)


def test_cast__many_seeds__make_every_service_bad_in_every_way():
    first_rounds = [cast(seed)[0] for seed in SEEDS]
    bad = {(scene.culprit.service, scene.fault["kind"]) for scene in first_rounds}
    assert bad == {(s, kind) for s in SERVICES for kind in ("errors", "latency", "dead")}


@pytest.mark.parametrize("seed", SEEDS)
def test_cast__any_seed__is_a_story_of_three_rounds(seed):
    one, two, three, _ = cast(seed)
    for scene in (one, two, three):
        services = [actor.service for actor in scene.actors]
        assert len(set(services)) == len(services) == 3
        assert sum(scene.pauses) < 60
    for scene in (one, two):
        assert {actor.role for actor in scene.actors} == {"culprit", "good", "innocent"}
        parse_fault(scene.fault)
    innocent = next(a for a in one.actors if a.role == "innocent")
    assert innocent.service in neighbours(one.culprit.service)
    assert innocent.kind == "config"
    assert not two.culprit.guarded
    assert two.alerting in callers(two.culprit.service)
    assert three.culprit is None
    assert three.fault is None


@pytest.mark.parametrize("seed", SEEDS)
def test_round_four__any_seed__is_one_change_on_every_service_and_half_of_them_unguarded(seed):
    scene = cast(seed)[3]
    services = [actor.service for actor in scene.actors]
    assert sorted(services) == sorted(SERVICES)
    assert sum(not actor.guarded for actor in scene.actors) in {2, 3}
    assert sum(actor.kind == "config" for actor in scene.actors) in {2, 3}
    assert sum(actor.quirky for actor in scene.actors) == 2
    assert sum(scene.pauses) < 10
    assert scene.culprit.kind == "deploy"
    assert not scene.culprit.quirky
    assert scene.alerting in {scene.culprit.service, *upstream(scene.culprit.service)}
    parse_fault(scene.fault)


def test_round_four__many_seeds__hide_the_culprit_everywhere():
    scenes = [cast(seed)[3] for seed in SEEDS]
    bad = {(s.culprit.service, s.culprit.guarded, s.fault["kind"]) for s in scenes}
    assert len(bad) == len(SERVICES) * 2 * 3
    places = {scene.actors.index(scene.culprit) for scene in scenes}
    assert places == set(range(5))


def test_quirk__of_a_sound_change__stays_within_what_its_guardrails_tolerate():
    quirk = parse_fault(QUIRK)
    assert quirk.share < TOLERATED_ERRORS / 2
    assert quirk.seconds < float(SLOW_BUCKET) / 10


def test_upstream__of_the_deepest__reaches_the_entry():
    assert upstream("payment") == ("checkout", "frontend")
    assert upstream("frontend") == ()
