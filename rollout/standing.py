"""How a change stands in one finding, once what was done about the anomaly is counted. PURE.

Attribution ranks; what becomes of it is decided here. A suspect that was taken back while the
metric stayed bad is believed less: by Bayes' rule its probability counts OUTLASTS times, and all
are scaled to sum to one again, "none of them" included.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import fsum
from typing import Any

# From this probability on a change is halted: on generated incidents about one harmless change in
# a hundred is, and one culprit in fifty is not (docs/attribution.md).
SERIOUS_PROBABILITY = 0.2
# Below it the halt ends. Lower, so that a probability that wavers about one limit halts once.
CLEARED_PROBABILITY = 0.1
# From here on the leader is taken back.
CULPRIT_PROBABILITY = 0.8
# So far ahead of the next one: of two that are about as likely neither is taken back, nor does
# the own verdict of one take it back while the other leads it by as much.
MARGIN = 0.3
# How much less harm that outlasts its change's exposure is expected: queues and caches drain,
# wrong data stays. Judged, not measured.
OUTLASTS = 0.1


class Turn(StrEnum):
    """What became of a suspect for this anomaly."""

    NONE = ""
    # Its exposure is going to zero, or is there and the metric has time to recover.
    UNDER_WAY = "under_way"
    # Zero, and the metric did not recover in time.
    IN_VAIN = "in_vain"


@dataclass(frozen=True)
class Suspect:
    change: str
    probability: float
    vetoes: tuple[str, ...] = ()
    turn: str = Turn.NONE


@dataclass(frozen=True)
class Line:
    """One finding's suspects as they were told, and what was done about each."""

    suspects: tuple[Suspect, ...]
    none_of_them: float
    # Taken back now for this anomaly, though its finding does not name them any more.
    unnamed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Line":
        suspects = (Suspect(**{**s, "vetoes": tuple(s["vetoes"])}) for s in value["suspects"])
        return cls(tuple(suspects), value["none_of_them"], tuple(value["unnamed"]))


@dataclass(frozen=True)
class Standing:
    """Of one change in a line."""

    probability: float
    next_probability: float
    under_way: str


def standing(line: Line, change: str) -> Standing | None:
    """None: it is not among the suspects."""
    handed = handed_on(line)
    if change not in handed:
        return None
    others = [p for other, p in handed.items() if other != change]
    busy = under_way(line)
    return Standing(
        probability=handed[change],
        next_probability=max(others, default=0.0),
        under_way=next((other for other in busy if other != change), ""),
    )


def under_way(line: Line) -> list[str]:
    """The changes that are taken back now for this anomaly."""
    named = (s.change for s in line.suspects if s.turn == Turn.UNDER_WAY)
    return sorted({*named, *line.unnamed})


def handed_on(line: Line) -> dict[str, float]:
    """Each suspect's probability; as it was told unless somebody was taken back in vain."""
    if not any(s.turn == Turn.IN_VAIN for s in line.suspects):
        return {s.change: s.probability for s in line.suspects}
    weights = {s.change: _weight(s) for s in line.suspects}
    # fsum: the same in any order of the suspects.
    total = fsum([*weights.values(), line.none_of_them])
    return {change: weight / total if total else 0.0 for change, weight in weights.items()}


def none_after(line: Line) -> float:
    """Of "none of them", scaled as the suspects are."""
    if not any(s.turn == Turn.IN_VAIN for s in line.suspects):
        return line.none_of_them
    return max(0.0, 1.0 - fsum(handed_on(line).values()))


def leader(line: Line) -> Suspect | None:
    """Whom to hold responsible, with the probability after handing on; None: nobody yet."""
    handed = handed_on(line)
    if under_way(line):
        return None
    for suspect in line.suspects:
        stands = standing(line, suspect.change)
        if stands is None or suspect.vetoes or suspect.turn:
            continue
        if names_culprit(stands.probability, stands.next_probability):
            return replace(suspect, probability=handed[suspect.change])
    return None


def names_culprit(probability: float, following: float) -> bool:
    """Likely enough, and far enough ahead of the next."""
    return probability >= CULPRIT_PROBABILITY and probability - following >= MARGIN


def _weight(suspect: Suspect) -> float:
    return suspect.probability * (OUTLASTS if suspect.turn == Turn.IN_VAIN else 1.0)
