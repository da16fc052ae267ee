"""A learned likelihood as plain JSON: forest, calibration, thresholds by capacity, model card."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.risk.learned.forest import Forest, Tree

FORMAT = 1
# An installation's own probabilities mean little before about so many outcomes.
CALIBRATED_FROM = 200
# How many changes of a service weigh as much as what is known of changes in general.
PRIOR_CHANGES = 10.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """Gate the top share of changes: from this margin on; on later data it caught so many."""

    top: float
    above: float
    caught: float


@dataclass(frozen=True, slots=True)
class Model:
    """p = σ(slope·margin + intercept + logit(rate)), `rate`: the share of bad changes here, by
    default the one of the training data. `outcomes`: how many of this installation's own it was
    fitted on; 0 for published weights.
    """

    name: str
    inputs: tuple[str, ...]
    forest: Forest
    slope: float
    intercept: float
    base_rate: float
    outcomes: int
    capacity: tuple[Capacity, ...]
    card: Mapping[str, Any]

    @property
    def calibrated(self) -> bool:
        return self.outcomes >= CALIBRATED_FROM

    def probability(self, margin: float, rate: float) -> float:
        """What differs most from place to place is how many changes are bad at all; that part
        is replaced by the place's own (Elkan, IJCAI 2001).
        """
        return _sigmoid(self.slope * margin + self.intercept + logit(rate))

    def rate(self, changes: int | None, failed: int | None) -> float:
        """The record drawn towards the training's rate; without one that rate itself."""
        if changes is None or failed is None:
            return self.base_rate
        return (failed + PRIOR_CHANGES * self.base_rate) / (changes + PRIOR_CHANGES)

    def reached(self, margin: float) -> Capacity | None:
        """The smallest share of changes that this one is among."""
        fitting = [row for row in self.capacity if margin >= row.above]
        return min(fitting, key=lambda row: row.top, default=None)

    def told(self, rate: float, margin: float) -> dict[str, Any]:
        reached = self.reached(margin)
        return {
            "model": self.name,
            "calibrated": self.calibrated,
            "outcomes": self.outcomes,
            "base_rate": round(rate, 3),
            "among_top": reached.top if reached else None,
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "card": dict(self.card),
            "base_rate": self.base_rate,
            "slope": self.slope,
            "intercept": self.intercept,
            "outcomes": self.outcomes,
            "capacity": [
                {"top": row.top, "above": row.above, "caught": row.caught} for row in self.capacity
            ],
            "inputs": list(self.inputs),
            "trees": [tree.as_json() for tree in self.forest.trees],
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any], inputs: Sequence[str]) -> "Model":
        """Raises ValueError for weights of another format or of other inputs than `inputs`."""
        if data.get("format") != FORMAT or data.get("inputs") != list(inputs):
            raise ValueError("the weights are of another version of Graygate: train again")
        return cls(
            name=data["name"],
            inputs=tuple(inputs),
            forest=Forest(tuple(Tree.of_json(tree) for tree in data["trees"])),
            slope=data["slope"],
            intercept=data["intercept"],
            base_rate=data["base_rate"],
            outcomes=data["outcomes"],
            capacity=tuple(Capacity(**row) for row in data["capacity"]),
            card=data["card"],
        )


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
