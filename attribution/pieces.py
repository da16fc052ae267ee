"""A piece of evidence, and all the pieces on one change. PURE.

A piece has a size (0 to about 1, of cohorts a score of 0 to 8) on one or more scales; the size
times the scale's weight for a way (`weights.py`) is its contribution in log-odds.
"""

import math
from dataclasses import dataclass, field

from attribution.attribute_case import Change
from attribution.ways import Way
from attribution.weights import CHANGE

VETO = -10.0
# Whether a canary is as good as its control is no evidence on harm that both would do alike.
OF_CLEAN_CANARIES = frozenset(
    {"uncompared", "too_early", "unclear", "cleared", "cleared.power", "cleared.hurt"}
)
JUDGED_BY_THESE = (Way.CANARY, Way.WHOLE)

Sizes = dict[str, float]


@dataclass(frozen=True)
class Piece:
    kind: str
    summary: str
    sizes: Sizes

    def weight(self, way: Way) -> float:
        return math.fsum(CHANGE[way].get(scale, 0.0) * size for scale, size in self.sizes.items())


@dataclass
class Suspect:
    """One change and all that speaks for and against it, the ways in which it may have done it."""

    change: Change
    common: list[Piece] = field(default_factory=list)
    by_way: dict[Way, list[Piece]] = field(default_factory=lambda: {way: [] for way in Way})
    vetoes: list[Piece] = field(default_factory=list)
    # Why it must not be taken back yet, however likely it is.
    not_yet: list[str] = field(default_factory=list)
    rarity: float = 0.0  # by how much less likely beforehand, because very many are under way

    def add(self, kind: str, summary: str, sizes: Sizes) -> None:
        self.common.append(Piece(kind, summary, sizes))

    def veto(self, kind: str, summary: str) -> None:
        self.vetoes.append(Piece(kind, summary, {}))

    def pieces(self, way: Way) -> list[Piece]:
        return [*self.common, *self.by_way[way]]

    def sizes(self, way: Way) -> Sizes:
        found: Sizes = {"way": 1.0}
        for piece in self.pieces(way):
            for scale, size in piece.sizes.items():
                if way in JUDGED_BY_THESE or scale not in OF_CLEAN_CANARIES:
                    found[scale] = found.get(scale, 0.0) + size
        return found

    def prior(self, way: Way) -> float:
        return CHANGE[way].get("way", 0.0)

    def logit(self, way: Way) -> float:
        own = self.prior(way) + VETO * bool(self.vetoes) - self.rarity
        return math.fsum([own, *(piece.weight(way) for piece in self.pieces(way))])
