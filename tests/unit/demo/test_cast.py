"""The seed decides the story; every story it can decide is one that can be told."""

import pytest

from demo.cast import callers, cast, neighbours
from demo.fleet.faults import parse_fault
from demo.fleet.layout import SERVICES

SEEDS = range(200)


def test_cast__same_seed__is_the_same_story():
    assert cast(7) == cast(7)


def test_cast__many_seeds__make_every_service_bad_in_every_way():
    first_rounds = [cast(seed)[0] for seed in SEEDS]
    bad = {(scene.culprit.service, scene.fault["kind"]) for scene in first_rounds}
    assert bad == {(s, kind) for s in SERVICES for kind in ("errors", "latency", "dead")}


@pytest.mark.parametrize("seed", SEEDS)
def test_cast__any_seed__is_a_story_of_three_rounds(seed):
    one, two, three = cast(seed)
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
