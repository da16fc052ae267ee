import json

import numpy as np
import pytest

from controlplane.risk.learned import scores
from controlplane.risk.learned.boosting import Settings, margins
from controlplane.risk.learned.model import Capacity, Model
from controlplane.risk.learned.training import (
    DAY,
    Outcomes,
    TooFewError,
    offsets,
    rates_of,
    train,
    weights,
)

QUICK = Settings(trees=30, rate=0.2, depth=2, least=1.0, columns=1.0)
NAMES = ("a", "b")


def outcomes(rows=2000, seed=1, shift=-1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    p = 1 / (1 + np.exp(-(2 * x[:, 0] + shift)))
    true = (rng.random(rows) < p).astype(float)
    return Outcomes(x, true, np.arange(rows) * DAY / 10, np.zeros(rows, dtype=int))


def probabilities(model, rows):
    return np.array([model.probability(m, model.base_rate) for m in margins(model.forest, rows)])


def test_split__later_part__comes_after_everything_else_in_its_group():
    one, other = outcomes(100), outcomes(50)
    both = Outcomes(
        np.concatenate([one.rows, other.rows]),
        np.concatenate([one.true, other.true]),
        np.concatenate([one.at[::-1], other.at + 1e9]),
        np.repeat([0, 1], [100, 50]),
    )
    early, late = both.split(0.2)
    assert (len(early), len(late)) == (120, 30)
    for group in (0, 1):
        assert early.at[early.group == group].max() < late.at[late.group == group].min()


def test_train__on_a_later_time__ranks_and_means_what_it_says():
    early, late = outcomes(4000).split(0.25)
    model = train("own", NAMES, early, QUICK)
    p = probabilities(model, late.rows)
    assert scores.auc(p, late.true) > 0.8
    assert p.mean() == pytest.approx(late.true.mean(), abs=0.05)


def test_train__labels_of_a_later_time__have_no_part_in_what_they_are_scored_with():
    """Its last fifth is turned round: were it learned from, it would be ranked well."""
    data = outcomes(2000)
    late = np.arange(2000) >= 1600
    turned = Outcomes(data.rows, np.where(late, 1 - data.true, data.true), data.at, data.group)
    assert train("own", NAMES, turned, QUICK).card["later"]["auc"] < 0.3


def test_train__starting_trees__are_kept_and_added_to():
    start = train("published", NAMES, outcomes(2000, seed=5), QUICK).forest
    model = train("own", NAMES, outcomes(200), Settings(trees=5), start)
    assert model.forest.trees[: len(start.trees)] == start.trees
    assert len(model.forest.trees) == len(start.trees) + 5


def test_train__few_outcomes_or_one_sided_ones__are_refused():
    data = outcomes(200)
    with pytest.raises(TooFewError):
        train("own", NAMES, data.part(np.arange(20)), QUICK)
    with pytest.raises(TooFewError):
        train("own", NAMES, data.part(data.true == 0), QUICK)


def test_train__places_with_other_rates__are_told_apart_by_the_offset_not_by_the_trees():
    often, seldom = outcomes(2000, shift=1.0), outcomes(2000, seed=2, shift=-3.0)
    both = Outcomes(
        np.concatenate([often.rows, seldom.rows]),
        np.concatenate([often.true, seldom.true]),
        np.concatenate([often.at, seldom.at]),
        np.repeat([0, 1], 2000),
    )
    rates = rates_of(both)
    assert rates[0] == pytest.approx(often.true.mean(), abs=0.05)
    assert rates[1] == pytest.approx(seldom.true.mean(), abs=0.05)
    assert offsets(both, rates)[0] > 0 > offsets(both, rates)[-1]


def test_weights__old_row_and_recent_good_one__weigh_less():
    data = Outcomes(
        np.zeros((4, 2)), np.array([1.0, 1, 0, 0]), np.array([0.0, 365, 365, 275]) * DAY,
        np.zeros(4, dtype=int),
    )  # fmt: skip
    old_bad, bad, unsettled, settled = weights(data)
    assert bad == 1.0
    assert old_bad == pytest.approx(0.5)
    assert unsettled == pytest.approx(0.5)
    assert settled == pytest.approx(0.5 ** (90 / 365))


@pytest.mark.parametrize(
    ("ranking", "auc", "caught"),
    [([4, 3, 2, 1, 0], 1.0, 0.5), ([0, 1, 2, 3, 4], 0.0, 0.0), ([1, 1, 1, 1, 1], 0.5, 0.2)],
)
def test_scores__best_worst_and_constant_ranking__are_what_they_must_be(ranking, auc, caught):
    margin, true = np.array(ranking, dtype=float), np.array([1.0, 1, 0, 0, 0])
    assert scores.auc(margin, true) == pytest.approx(auc)
    assert scores.caught(margin, true, 0.2) == pytest.approx(caught)


def test_model__through_json__answers_the_same():
    model = train("own", NAMES, outcomes(500), QUICK)
    again = Model.of_json(json.loads(json.dumps(model.as_json())), NAMES)
    assert again == model


@pytest.mark.parametrize("change", [{"format": 99}, {"inputs": ["b", "a"]}])
def test_model__weights_of_another_version__are_refused(change):
    data = train("own", NAMES, outcomes(500), QUICK).as_json()
    with pytest.raises(ValueError, match="train again"):
        Model.of_json(data | change, NAMES)


def test_model__record_of_the_place__moves_the_probability_not_the_ranking():
    model = train("own", NAMES, outcomes(500), QUICK)
    low, high = model.rate(100, 1), model.rate(100, 60)
    assert low < model.rate(None, None) == model.base_rate < high
    for margin in (-1.0, 0.0, 1.0):
        assert model.probability(margin, low) < model.probability(margin, high)
    assert model.probability(0.0, low) < model.probability(1.0, low)


def test_model__capacity__is_the_smallest_share_that_the_change_is_among():
    model = train("own", NAMES, outcomes(500), QUICK)
    rows = (Capacity(0.05, 2.0, 0.2), Capacity(0.2, 1.0, 0.5))
    model = Model(**{f: getattr(model, f) for f in model.__dataclass_fields__} | {"capacity": rows})
    assert [model.reached(m) and model.reached(m).top for m in (0.5, 1.0, 3.0)] == [None, 0.2, 0.05]


def test_model__few_outcomes__says_that_it_is_not_calibrated():
    assert train("own", NAMES, outcomes(2000), QUICK).calibrated
    assert not train("own", NAMES, outcomes(150), QUICK).calibrated
