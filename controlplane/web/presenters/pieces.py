"""Evidence as the pages show it: what speaks for a suspect, what against, and how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# A veto's weight fills the bar: nothing weighs more.
HEAVIEST = 10.0


@dataclass(frozen=True)
class Piece:
    kind: str
    summary: str
    # Log-odds.
    weight: float
    veto: bool = False

    @property
    def size(self) -> float:
        return min(abs(self.weight) / HEAVIEST, 1.0)

    @property
    def tone(self) -> str:
        """Red is what blames, green what clears."""
        return "bad" if self.weight > 0 else "good" if self.weight < 0 else "quiet"

    @property
    def side(self) -> str:
        return "for" if self.weight > 0 else "against" if self.weight < 0 else "neither"

    @property
    def number(self) -> str:
        return f"{self.weight:+.1f}".replace("-", "−")


def pieces(evidence: Iterable[Mapping[str, Any]], vetoes: Iterable[str] = ()) -> list[Piece]:
    """The heaviest first; a veto that has no weight of its own comes before."""
    barred = list(vetoes)
    found = [_piece(each, barred) for each in evidence]
    told = {each.summary for each in found}
    extra = [Piece("veto", veto, -HEAVIEST, veto=True) for veto in barred if veto not in told]
    return extra + sorted(found, key=lambda piece: -abs(piece.weight))


def _piece(given: Mapping[str, Any], vetoes: list[str]) -> Piece:
    summary = str(given.get("summary", ""))
    weight = float(given.get("weight") or 0.0)
    return Piece(str(given.get("kind", "")), summary, weight, veto=summary in vetoes)
