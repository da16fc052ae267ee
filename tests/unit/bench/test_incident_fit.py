import numpy as np
import pytest
from incident_choices import HOW, Choice
from incident_faults import FAULTS
from incident_fit import centred, fit, printed
from incident_folds import attributed, folds

from attribution.unexplained import Cause
from attribution.ways import Way

NOTHING: dict[str, float] = {}


def drawn(count=4000, seed=1):
    """Two changes that harm as canaries, or chance; P ∝ exp(2·x), exp(0.5) of chance."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        x = rng.uniform(0, 1, 2)
        raised = np.exp([0.5, *(2 * x)])
        truth = int(rng.choice(3, p=raised / raised.sum()))
        changes = tuple({way: {"way": 1.0, "x": float(each)} for way in Way} for each in x)
        culprit = truth - 1 if truth else None
        fault = "errors" if truth else "noise"
        made.append(Choice(number, 600.0, fault, culprit, changes, (False, False), {"cause": 1.0}))
    return made


def test_fit__choices_drawn_from_a_logit__finds_its_weights():
    found = fit(drawn())
    assert found[Way.CANARY]["x"] == pytest.approx(2.0, abs=0.2)
    chance = found[Cause.CHANCE]["cause"] - found[Way.CANARY]["way"]
    assert chance == pytest.approx(0.5, abs=0.15)


def test_fit__cause_that_never_was__has_what_all_causes_have_in_common():
    found = fit(drawn())
    assert found[Cause.TRAFFIC] == pytest.approx(found[Cause.MONITORING])
    assert found[Cause.TRAFFIC]["cause"] * np.sign(found[Cause.CHANCE]["cause"]) >= 0


def test_fit__way_without_an_example__has_what_all_ways_have_in_common():
    found = fit(drawn())
    own, other = found[Way.CANARY]["x"], found[Way.CALLERS]["x"]
    assert 0.8 * own < other < own


def test_fit__culprit_that_is_vetoed__teaches_nothing():
    good = drawn(400)
    bad = [Choice(0, 600.0, "errors", 0, good[0].changes, (True, False), {"cause": 1.0})] * 400
    assert fit([*good, *bad]) == fit(good)


def test_centred__what_is_said_of_every_change__moves_to_the_way_and_nothing_else_changes():
    sizes = [{"way": 1.0, "time": 1.0, "later": x, "place": 1.0, "calm": 1.0} for x in (0.2, 0.6)]
    changes = tuple(dict.fromkeys(Way, each) for each in sizes)
    one = Choice(0, 600.0, "errors", 0, changes, (False, False), {"cause": 1.0})
    weights = {
        **{way: {"way": 0.5, "later": 2.0, "calm": -1.0} for way in Way},
        **{cause: {"cause": 0.1} for cause in Cause},
    }
    found = centred(weights, [one])
    assert found[Way.CANARY] == pytest.approx(
        {"way": 0.3, "later": 2.0, "calm": -1.0, "time": -0.8, "place": 1.0}
    )
    before, after = (attributed(one, each).probability for each in (weights, found))
    assert after == pytest.approx(before)


def test_folds__each_incident__is_judged_by_weights_that_did_not_see_it():
    seen = []

    def spy(some):
        seen.append({each.seed for each in some})
        return {**dict.fromkeys(Way, NOTHING), **dict.fromkeys(Cause, NOTHING)}

    found = folds(drawn(12), 3, spy)
    assert [choice.seed for choice, _ in found] == list(range(12))
    assert [sorted(set(range(12)) - each) for each in seen] == [
        [part, part + 3, part + 6, part + 9] for part in range(3)
    ]


def test_attributed__weights_of_nothing__gives_every_way_and_cause_the_same():
    weights = {**dict.fromkeys(Way, NOTHING), **dict.fromkeys(Cause, NOTHING)}
    found = attributed(drawn(1)[0], weights)
    assert found.none == pytest.approx(5 / 15)
    assert sum(found.probability.values()) == pytest.approx(10 / 15)


def test_how__every_fault_kind__has_its_way_or_cause():
    assert HOW.keys() == FAULTS.keys()


def test_printed__the_weights__are_what_the_module_is():
    space: dict[str, dict] = {}
    exec(printed(fit(drawn(50))), space)  # noqa: S102
    assert set(space["CHANGE"]) == set(Way)
    assert set(space["NONE"]) == set(Cause)
