from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.assess import assess
from controlplane.risk.classify import classify
from controlplane.risk.kinds import KINDS
from controlplane.risk.lowering import lowering
from controlplane.risk.signals import SEVERITIES, Signal, rank
from controlplane.risk.surroundings import Surroundings

CALM = Surroundings(tier=3, environment="dev", dependents=0, traffic=0.0, changes=100, failed=0)


def found(*severities):
    named = [
        Signal(f"{severity}_{i}", severity, "", "", "", "") for i, severity in enumerate(severities)
    ]
    return sorted(named, key=lambda signal: -rank(signal.severity))


def level(signals):
    return assess(signals, KINDS["config"], CALM).level


def test_lowering__one_finding_keeps_it_up__is_named_alone():
    assert lowering(found("high", "low"), level) == {"level": "low", "without": ["high_0"]}


def test_lowering__two_of_the_worst__both_are_named():
    told = lowering(found("high", "high", "medium"), level)
    assert told == {"level": "medium", "without": ["high_0", "high_1"]}


def test_lowering__the_same_mistake_at_two_places__is_named_once():
    twice = [Signal("same", "high", "", where, "", "") for where in ("/a", "/b")]
    assert lowering(twice, level) == {"level": "low", "without": ["same"]}


def test_lowering__nothing_was_found__nothing_would_lower_it():
    assert lowering([], level) is None


def test_lowering__where_it_goes_keeps_it_up__no_finding_is_named():
    grave = Surroundings(
        tier=0, environment="production", dependents=500, traffic=1.0, changes=10, failed=9
    )
    advice = found("low")
    assert lowering(advice, lambda signals: assess(signals, KINDS["config"], grave).level) is None


@given(st.lists(st.sampled_from(SEVERITIES), max_size=8))
def test_lowering__any_findings__without_those_it_is_lower_and_each_of_them_is_needed(severities):
    signals = found(*severities)
    told = lowering(signals, level)
    if told is None:
        return
    remaining = [signal for signal in signals if signal.id not in told["without"]]
    assert level(remaining) == told["level"]
    assert rank(told["level"]) < rank(level(signals))
    for needed in told["without"]:
        kept = [s for s in signals if s.id not in told["without"] or s.id == needed]
        assert rank(level(kept)) >= rank(level(signals))


def test_classify__answer__tells_what_would_lower_it():
    answer = classify(
        {"kind": "deploy", "artefact": {"image": "a/b:latest"}, "before": {"image": "a/b:1.0.0"}}
    )
    assert answer["explanation"]["lower"]["without"] == ["image_tag_moving"]
