import numpy as np
import pytest
from incident_fit import Choice, centred, fit


def choices(count=400, weight=2.0, seed=1):
    """Two changes and none; P ∝ exp(weight·x)."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        x = rng.uniform(0, 1, 2)
        logits = np.array([0.5, *(weight * x)])
        p = np.exp(logits) / np.exp(logits).sum()
        options = ({"none:none": 1.0}, {"x": x[0]}, {"x": x[1]})
        made.append(Choice("f", options, (False,) * 3, int(rng.choice(3, p=p))))
    return made


def test_fit__choices_drawn_from_a_logit__finds_its_weights():
    found = fit(choices(4000))
    assert found["x"] == pytest.approx(2.0, abs=0.2)
    assert found["none:none"] == pytest.approx(0.5, abs=0.15)


def test_centred__what_is_said_of_every_change__moves_to_none_and_nothing_else_changes():
    weights = {"none:none": 0.5, "cleared": 1.0, "worse": 3.0}
    one = Choice("f", ({"none:none": 1.0}, {"cleared": 1.0}, {"worse": 1.0}), (False,) * 3, 1)
    found = centred(weights, [one])
    assert found == {"none:none": -1.5, "cleared": -1.0, "worse": 1.0}
