import pytest

from controlplane.risk.classify import classify
from controlplane.risk.code.estimate import of_features, published
from controlplane.risk.code.features import FEATURES
from controlplane.risk.surroundings import Surroundings
from tests.unit.risk.code.diffs import diff_of
from tests.unit.risk.code.test_reader import QUIET

BIG = QUIET | {"nf": 14, "nd": 6, "entropy": 3.2, "la": 420, "ld": 60, "lt": 9000, "nuc": 900,
               "ndev": 40, "age": 3}  # fmt: skip


def likelihood(artefact, **context):
    return classify({"kind": "code_diff", "artefact": artefact, "context": context})["likelihood"]


def learned(artefact, **context):
    found = classify({"kind": "code_diff", "artefact": artefact, "context": context})
    return found["explanation"]["learned"]


def test_code_diff__large_spread_change__is_likelier_to_go_wrong_than_a_small_one():
    assert likelihood(BIG) > 2 * likelihood(QUIET)


def test_code_diff__features_alone__the_likelihood_is_the_models_and_no_signal_counts_twice():
    estimate = of_features(BIG, Surroundings(), published())
    assert likelihood(BIG) == pytest.approx(estimate.probability, abs=0.001)


def test_code_diff__signal_that_the_model_cannot_see__raises_the_likelihood():
    calm, danger = diff_of(("a.py", ["x = 1"])), diff_of(("a.py", ["<<<<<<<"]))
    assert likelihood(danger) > likelihood(calm) + 0.2


def test_code_diff__among_the_riskiest_fifth__is_flagged_with_reasons():
    found = classify({"kind": "code_diff", "artefact": BIG})
    (signal,) = [one for one in found["signals"] if one["id"] == "learned_risk"]
    assert signal["severity"] == "medium"
    assert "lines added (420)" in signal["summary"]
    quiet = classify({"kind": "code_diff", "artefact": QUIET})
    assert "learned_risk" not in {one["id"] for one in quiet["signals"]}


def test_code_diff__explanation__names_features_by_weight_and_what_is_unknown():
    found = learned({"la": 400, "ld": 3})
    weights = [abs(part["log_odds"]) for part in found["contributions"]]
    assert weights == sorted(weights, reverse=True)
    assert found["unknown"] == [name for name in FEATURES if name not in ("la", "ld")]
    assert found["model"] == "published"


def test_code_diff__published_weights__are_called_uncalibrated():
    found = classify({"kind": "code_diff", "artefact": QUIET})["explanation"]
    assert found["learned"]["calibrated"] is False
    (part,) = [one for one in found["contributions"] if one["name"] == "likelihood"]
    assert "uncalibrated" in part["why"]


def test_code_diff__record_of_the_service__moves_the_likelihood():
    def with_record(failed):
        return likelihood(QUIET, record={"changes": 50, "failed": failed})

    assert with_record(0) < likelihood(QUIET) < with_record(40)


def test_code_diff__unknown_history__lies_between_a_good_and_a_bad_one():
    diff_only = {name: BIG[name] for name in ("ns", "nd", "nf", "entropy", "la", "ld")}
    every = [likelihood(diff_only | {"lt": lt, "exp": 500}) for lt in (0, 100, 3000, 90_000)]
    assert min(every) < likelihood(diff_only) < max(every)


def test_code_diff__unreadable__has_no_learned_likelihood():
    assert learned("not a diff") is None


def test_published__model_card__says_what_it_was_fitted_on_and_how_it_does_elsewhere():
    card = published().card
    assert card["rows"] == sum(card["projects"].values())
    assert card["left_out"].keys() == card["projects"].keys()
    assert not published().calibrated
