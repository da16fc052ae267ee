"""Likelihoods that this installation's outcomes taught, as assessments use them."""

import logging
from functools import lru_cache

from controlplane.models import RiskModel
from controlplane.risk.classify import learner_of
from controlplane.risk.kinds import KINDS
from controlplane.risk.learned.model import Model

log = logging.getLogger(__name__)


def newest(kind: str) -> RiskModel | None:
    return RiskModel.objects.filter(kind=kind).first()


def models() -> dict[str, Model]:
    """By kind, those that can be used by this version."""
    found = {}
    newest_ids = RiskModel.objects.order_by("kind", "-trained_at", "-id").distinct("kind")
    for pk, kind in newest_ids.values_list("pk", "kind"):
        model = _loaded(pk)
        if model is not None and kind in KINDS:
            found[kind] = model
    return found


@lru_cache(maxsize=64)
def _loaded(pk: int) -> Model | None:
    """A stored model never changes."""
    return model_of(RiskModel.objects.get(pk=pk))


def model_of(stored: RiskModel) -> Model | None:
    """None: it was trained by another version; the published weights or the rules answer."""
    try:
        kind = KINDS[stored.kind]
        return Model.of_json(stored.weights, learner_of(kind).inputs)
    except (KeyError, ValueError) as problem:
        log.warning("model %s of kind %s is not used: %s", stored.pk, stored.kind, problem)
        return None
