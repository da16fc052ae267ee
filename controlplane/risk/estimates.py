"""What a learned model answers about one change, and who asks it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.risk.learned.model import Model
from controlplane.risk.signals import Signal, Source
from controlplane.risk.surroundings import Surroundings

Row = list[float | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """`covers`: ids of signals that say what the model has weighed already; they do not raise
    the likelihood a second time.
    """

    probability: float
    signals: tuple[Signal, ...]
    covers: frozenset[str]
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One change, as its reader and its case describe it."""

    source: Source
    signals: Sequence[Signal]
    around: Surroundings


@dataclass(frozen=True, slots=True)
class Learner:
    """How changes of a kind become numbers, and what a model says about one.

    `row` and `answer` give None for a change of which nothing is known, and raise nothing for
    bad artefacts. `published`: the model that is there before this installation has its own.
    """

    inputs: tuple[str, ...]
    row: Callable[[Asked], Row | None]
    answer: Callable[[Asked, Model], Estimate | None]
    published: Callable[[], Model] | None = None

    def estimate(self, asked: Asked, own: Model | None) -> Estimate | None:
        model = own or (self.published() if self.published else None)
        return self.answer(asked, model) if model else None
