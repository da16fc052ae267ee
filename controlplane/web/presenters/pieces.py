"""Evidence as the pages show it: what speaks for a suspect, what against, and how much."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.web import numbers

# A veto's weight fills the bar: nothing weighs more.
HEAVIEST = 10.0


@dataclass(frozen=True)
class Piece:
    kind: str
    summary: str
    # Log-odds; None: it is told without.
    weight: float | None = None
    # Of what may have been instead of any change.
    probability: float | None = None
    veto: bool = False

    @property
    def size(self) -> float:
        if self.weight is None:
            return self.probability or 0.0
        return min(abs(self.weight) / HEAVIEST, 1.0)

    @property
    def tone(self) -> str:
        """Red is what blames, green what clears."""
        if self.weight is None or self.weight == 0:
            return "good" if self.veto else "quiet"
        return "bad" if self.weight > 0 else "good"

    @property
    def side(self) -> str:
        if self.veto or self.weight is None:
            return "veto" if self.veto else ""
        return {"bad": "for", "good": "against"}.get(self.tone, "neither")

    @property
    def number(self) -> str:
        if self.weight is None:
            return "" if self.probability is None else numbers.chance(self.probability)
        return f"{self.weight:+.1f}".replace("-", "−") if self.weight else "0"


def pieces(evidence: Iterable[Mapping[str, Any]], vetoes: Sequence[str] = ()) -> list[Piece]:
    """The heaviest first; before them the vetoes that have no weight of their own."""
    found = [_piece(each, vetoes) for each in evidence]
    told = {each.summary for each in found}
    extra = [Piece("veto", veto, veto=True) for veto in vetoes if veto not in told]
    return extra + sorted(found, key=lambda piece: -piece.size)


def _piece(given: Mapping[str, Any], vetoes: Sequence[str]) -> Piece:
    summary = str(given.get("summary", ""))
    return Piece(
        kind=str(given.get("kind", "")),
        summary=summary,
        weight=_number(given.get("weight")),
        probability=_number(given.get("probability")),
        veto=summary in vetoes,
    )


def _number(given: Any) -> float | None:
    return float(given) if isinstance(given, int | float) else None
