import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk import circumstances
from controlplane.risk.classify import asked_of, classify
from controlplane.risk.learned.boosting import Settings
from controlplane.risk.learned.training import DAY, Outcomes, train
from controlplane.risk.signals import SEVERITIES, Signal
from controlplane.risk.surroundings import Surroundings

NAMES = circumstances.INPUTS
SETTINGS = Settings(trees=40, rate=0.2, depth=1, least=1.0, rising=True)


def taught():
    """Outcomes of chance, so that trees free to fall would fall somewhere."""
    rng = np.random.default_rng(4)
    rows = rng.uniform(0, 3, (400, len(NAMES)))
    true = (rng.random(400) < 0.3).astype(float)
    outcomes = Outcomes(rows, true, np.arange(400) * DAY, np.zeros(400, dtype=int))
    return train("own:deploy", NAMES, outcomes, SETTINGS)


MODEL = taught()
severities = st.lists(st.sampled_from(SEVERITIES), max_size=5)


def probability(present, failed=1):
    signals = [Signal("x", severity, "", "", "", "") for severity in present]
    _, asked = asked_of({"kind": "deploy", "artefact": "1.4.1", "before": "1.4.0"})
    around = Surroundings(changes=20, failed=failed)
    return circumstances.answer(type(asked)(asked.source, signals, around), MODEL).probability


def test_taught__trees__exist_at_all():
    assert any(len(tree.feature) > 1 for tree in MODEL.forest.trees)


@given(severities, st.sampled_from(SEVERITIES))
def test_answer__one_more_signal__never_lowers_the_likelihood(present, added):
    assert probability([*present, added]) >= probability(present) - 1e-12


@given(severities, st.integers(0, 19))
def test_answer__worse_record__never_lowers_the_likelihood(present, failed):
    assert probability(present, failed + 1) >= probability(present, failed) - 1e-12


def test_classify__model_of_the_kind__gives_the_likelihood_and_says_so():
    case = {"kind": "deploy", "artefact": "1.4.1", "before": "1.4.0"}
    without, found = classify(case), classify(case, models={"deploy": MODEL})
    assert without["explanation"]["learned"] is None
    learned = found["explanation"]["learned"]
    assert (learned["model"], learned["calibrated"]) == ("own:deploy", True)
    assert found["likelihood"] != without["likelihood"]
    assert {"tier", "record"} <= set(found["explanation"]["unknown"])
    assert {"importance", "failed_share"} <= set(learned["unknown"])


def test_classify__model_of_another_kind__is_not_asked():
    case = {"kind": "config", "artefact": {"a": 1}, "before": {"a": 2}}
    assert classify(case, models={"deploy": MODEL}) == classify(case)
