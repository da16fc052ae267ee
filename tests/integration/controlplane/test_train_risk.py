"""What an installation's outcomes teach, and when that is let in."""

import json
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from attribution.clock import database_now
from controlplane import assessing
from controlplane.learned_models import models
from controlplane.models import Assessment, Change, Feedback, Outcome, RiskModel
from controlplane.submission import parse
from tests.factories import ServiceFactory, submission

pytestmark = pytest.mark.django_db

CALM = {"artefact": "shop/cart:1.4.1", "before": "shop/cart:1.4.0"}
MOVING = {"artefact": "shop/cart:latest", "before": "shop/cart:1.4.0"}


def ended(kind, case, *, bad, days_ago):
    change = Change.objects.create(title="x", kind=kind, targets=[], author="ann")
    at = database_now() - timedelta(days=days_ago)
    Assessment.objects.create(
        change=change, version="1", at=at, level="low", score=1, reach=0, hazard=0, likelihood=0,
        reversibility="reversible", policy={}, case={"kind": kind, "context": {}} | case,
    )  # fmt: skip
    result = "rolled_back" if bad else "completed"
    Outcome.objects.create(change=change, result=result, level="low", ended_at=at)
    return change


def history(count, chance, *, until=0, kind="deploy", seed=1):
    """One a day; of the moving tags other shares go wrong than of the calm ones."""
    random = np.random.default_rng(seed)
    for day in range(count):
        moving = random.random() < 0.5
        bad = random.random() < chance[moving]
        ended(kind, MOVING if moving else CALM, bad=bad, days_ago=until + count - day)


def trained(*arguments, kind="deploy"):
    out, err = StringIO(), StringIO()
    call_command("train_risk", "--kind", kind, *arguments, stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue()


HARMLESS = (0.12, 0.15)


def test_train_risk__outcomes_that_the_rules_get_wrong__are_learned_and_used_in_assessments():
    history(260, HARMLESS)
    card, said = trained()
    assert card["accepted"]
    assert card["calibrated"]
    assert "deploy: stored" in said
    service = ServiceFactory()
    found = assessing.assess(parse(submission(service.name)), [service])
    assert found["explanation"]["learned"]["model"] == "own:deploy"
    assert found["likelihood"] < 0.2


def test_train_risk__card__says_what_it_learned_from_and_how_it_compared():
    history(260, HARMLESS)
    card = trained()[0]["card"]
    assert card["rows"] == 260
    assert card["compared"]["held_out"] == 52
    assert card["compared"]["candidate"]["log_loss"] < card["compared"]["present"]["log_loss"]
    assert RiskModel.objects.get().weights["card"] == card


def test_train_risk__below_two_hundred_outcomes__is_said_to_be_uncalibrated():
    history(120, HARMLESS)
    card, said = trained()
    assert card["accepted"]
    assert not card["calibrated"]
    assert "uncalibrated: 120 of 200" in said
    assert not models()["deploy"].calibrated


def test_train_risk__few_outcomes__stores_nothing_and_says_why():
    history(30, HARMLESS)
    card, said = trained()
    assert not card["accepted"]
    assert "50 outcomes are needed" in said
    assert not RiskModel.objects.exists()


def test_train_risk__dry_run__stores_nothing():
    history(260, HARMLESS)
    assert trained("--dry-run")[0]["accepted"]
    assert not RiskModel.objects.exists()


def test_train_risk__nothing_new_since__keeps_the_present_model():
    history(260, HARMLESS)
    trained()
    card, _ = trained()
    assert not card["accepted"]
    assert RiskModel.objects.count() == 1


def test_train_risk__present_model_is_better_on_what_came_since__is_kept():
    """It learned that moving tags fail; thirty outcomes that still say so are no reason."""
    history(400, (0.02, 0.8), until=60)
    assert trained()[0]["accepted"]
    history(30, (0.02, 0.8), seed=2)
    assert not trained()[0]["accepted"]
    assert RiskModel.objects.count() == 1


def test_train_risk__persons_word__counts_more_than_how_it_ended():
    history(260, HARMLESS)
    for outcome in Outcome.objects.filter(result="rolled_back"):
        said = {"decision_id": outcome.change_id, "change_id": outcome.change_id, "actor": "ann"}
        Feedback.objects.create(answer="wrong", **said)
    missed = [ended("deploy", CALM, bad=False, days_ago=400 + day) for day in range(7)]
    for change in missed:
        Feedback.objects.create(
            decision_id=change.pk, change_id=change.pk, actor="ann", answer="missed"
        )
    assert trained()[0]["outcomes"] == 267
    assert trained()[1].count("needed")  # all the later ones are good now


def test_train_risk__code_changes__start_from_the_published_weights():
    quiet = {"ns": 1, "nd": 1, "nf": 1, "entropy": 0, "la": 4, "ld": 1}
    random = np.random.default_rng(3)
    for day in range(260):
        lines = int(random.choice((4, 900)))
        # Here the large ones are generated: harmless, unlike everywhere else.
        bad = random.random() < (0.3 if lines == 4 else 0.02)
        ended("code_diff", {"artefact": quiet | {"la": lines}}, bad=bad, days_ago=260 - day)
    card, _ = trained(kind="code_diff")
    assert card["accepted"]
    assert card["card"]["compared"]["candidate"]["auc"] > card["card"]["compared"]["present"]["auc"]


def test_models__weights_of_another_version__are_passed_over():
    history(260, HARMLESS)
    trained()
    stored = RiskModel.objects.get()
    RiskModel.objects.create(
        kind="deploy", trained_at=database_now(), learned_until=stored.learned_until,
        weights=stored.weights | {"format": 0},
    )  # fmt: skip
    assert models() == {}
