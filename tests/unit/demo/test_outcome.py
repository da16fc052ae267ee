"""A demo that cannot fail shows nothing: each expectation is false when its fact is missing."""

from demo.cast import cast
from demo.infrastructure import World
from demo.outcome import checks
from demo.played import Played

WELL = {"decision": "completed"}


class NothingHappened:
    """Production, its edge and on-call without a single exposure, fault or page."""

    name = "router"

    def exposure(self, *_):
        return 0.0

    def exposure_log(self, *_):
        return []

    def report(self, _):
        nothing = {"first_fault_at": None, "last_fault_at": None, "faults": 0, "windows": []}
        return {"started_at": 0.0, **nothing}


class NobodyCalled:
    name = "on-call"

    def told(self, _):
        return []

    def resolved(self, _):
        return False


def played(scene, decision, rollout):
    return [
        Played(actor, f"change-{actor.service}", actor.service, "1.0.1", decision, rollout)
        for actor in scene.actors
    ]


def failing(scene, decision, rollout):
    nothing = NothingHappened()
    world = World(nothing, nothing, (NobodyCalled(),))
    found = checks(scene, played(scene, decision, rollout), world)
    return [check.what for check in found if not check.holds]


def test_outcome__culprit_completed__fails():
    scene = cast(1)[0]
    name = scene.culprit.service
    wrong = failing(scene, WELL, {"id": "r", "decisions": []})
    assert f"{name}: API says rolled back" in wrong
    assert f"{name}: it was exposed" in wrong
    assert f"{name}: on-call was paged, and it resolved" in wrong
    assert f"{name}: visitors are well again" in wrong


def test_outcome__api_claims_completion_but_router_shows_none__fails():
    scene = cast(1)[2]
    wrong = failing(scene, WELL, {"id": "r", "decisions": []})
    assert len([what for what in wrong if "router exposes 100%" in what]) == 3


def test_outcome__innocent_halted__fails():
    scene = cast(1)[2]
    rollout = {"id": "r", "decisions": [{"decision": "halt", "reasons": []}]}
    wrong = failing(scene, {"decision": "rolled_back"}, rollout)
    assert len([what for what in wrong if "never halted" in what]) == 3
    assert len([what for what in wrong if "API says completed" in what]) == 3


def test_outcome__rolled_back_without_attributions_word__fails_round_two():
    scene = cast(1)[1]
    rollout = {"id": "r", "decisions": [{"decision": "rollback", "reasons": ["abort"]}]}
    wrong = failing(scene, {"decision": "rolled_back"}, rollout)
    assert f"{scene.culprit.service}: attribution alone named it" in wrong


def test_outcome__halted_for_a_while_in_round_four__is_forgiven_and_a_rollback_is_not():
    scene = cast(1)[3]
    halted = {"id": "r", "decisions": [{"decision": "halt", "reasons": []}]}
    assert not [what for what in failing(scene, WELL, halted) if "never" in what]
    taken_back = {"id": "r", "decisions": [{"decision": "rollback", "reasons": []}]}
    wrong = failing(scene, {"decision": "rolled_back"}, taken_back)
    assert len([what for what in wrong if "never rolled back" in what]) == 4


def test_outcome__halted_and_never_released_in_round_four__fails():
    halted = {"id": "r", "decisions": [{"decision": "halt", "reasons": []}]}
    wrong = failing(cast(1)[3], {"decision": "halted"}, halted)
    assert len([what for what in wrong if "API says completed" in what]) == 4
