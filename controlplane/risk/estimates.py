"""What a learned model answers about one change, and who asks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from controlplane.risk.learned.model import Model
from controlplane.risk.signals import Signal, Source
from controlplane.risk.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Estimate:
    """`covers`: ids of signals that say what the model has weighed already; they do not raise
    the likelihood a second time.
    """

    probability: float
    signals: tuple[Signal, ...]
    covers: frozenset[str]
    explanation: Mapping[str, Any]


class Estimator(Protocol):
    """None: nothing that the model knows is known of this change. Raises nothing for bad
    artefacts. `model`: the installation's own, in place of the published one.
    """

    def __call__(
        self, source: Source, around: Surroundings, model: Model | None, /
    ) -> Estimate | None: ...
