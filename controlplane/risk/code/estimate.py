"""How likely a code change is to go wrong, by the learned model, and which features say so."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from controlplane.risk.code.diff import UnreadableDiffError
from controlplane.risk.code.features import FEATURES, INPUTS, MEANING, inputs
from controlplane.risk.code.measured import measured
from controlplane.risk.estimates import Asked, Estimate, Learner, Row
from controlplane.risk.learned.model import Capacity, Model
from controlplane.risk.signals import Signal, Source
from controlplane.risk.surroundings import Surroundings

# Signals that name what the features hold already.
COVERS = frozenset({
    "large_diff", "wide_diff", "author_new", "author_new_to_files", "busy_files", "learned_risk",
})  # fmt: skip
# Gated by capacity: the fifth of changes that holds most of the bad ones.
FLAGGED = 0.2
MOST_NAMED = 3


@cache
def published() -> Model:
    """The weights that come with Graygate (bench/code_risk_fit.py)."""
    text = resources.files("controlplane.risk.code").joinpath("weights.json").read_text("utf-8")
    return Model.of_json(json.loads(text), tuple(INPUTS))


def row(asked: Asked) -> Row | None:
    features = _features(asked.source)
    return None if features is None else inputs(features)


def answer(asked: Asked, model: Model) -> Estimate | None:
    features = _features(asked.source)
    return None if features is None else of_features(features, asked.around, model)


def _features(source: Source) -> Mapping[str, float] | None:
    try:
        return measured(source).features
    except UnreadableDiffError:
        return None


def of_features(features: Mapping[str, float], around: Surroundings, model: Model) -> Estimate:
    by_feature = _by_feature(model.forest.contributions(inputs(features)))
    margin = model.forest.bias + sum(by_feature.values())
    named = [name for name in by_feature if by_feature[name] > 0 and name in features]
    rate = model.rate(around.changes, around.failed)
    return Estimate(
        probability=model.probability(margin, rate),
        signals=_flag(model.reached(margin), named[:MOST_NAMED], features),
        covers=COVERS,
        explanation=model.told(rate, margin)
        | {
            "contributions": [
                {"feature": name, "value": features.get(name), "log_odds": round(step, 3)}
                for name, step in by_feature.items()
            ],
            "unknown": [name for name in FEATURES if name not in features],
        },
    )


def _by_feature(contributions: Mapping[int, float]) -> dict[str, float]:
    """Of an input made of two features the first one is named. The largest first."""
    names = [of[0] for of in INPUTS.values()]
    found = dict.fromkeys(FEATURES, 0.0)
    for index, step in contributions.items():
        found[names[index]] += step
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def _flag(
    reached: Capacity | None, named: list[str], features: Mapping[str, Any]
) -> tuple[Signal, ...]:
    if reached is None or reached.top > FLAGGED:
        return ()
    reasons = ", ".join(f"{MEANING[name]} ({features[name]:,.4g})" for name in named)
    return (
        Signal(
            id="learned_risk",
            severity="medium",
            summary=f"Among the riskiest {reached.top:.0%} of code changes: {reasons}",
            where="/artefact",
            why=f"On later changes of known outcome, that share held {reached.caught:.0%} "
            "of those that brought a defect.",
            remedy="Split the change, have somebody review it who knows the files, "
            "and release it in more stages.",
        ),
    )


LEARNER = Learner(tuple(INPUTS), row, answer, published)
