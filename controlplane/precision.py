"""How often a guardrail was right when it stopped a change, by the word of people. PURE.

An intervention is a change that was halted or rolled back, or would have been in shadow, with the
guardrail's metric failing. It counts once, however many decisions it took, and the newest word on
it counts.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from controlplane.standardisation import PRECISE

# 95%, two-sided.
Z = 1.959964
# Fewer words than this are a mood. With three, all wrong, the interval ends at 0.56.
FEWEST_JUDGED = 3
# Whoever is sure to be right less often than this is no longer believed by the people it wakes:
# two alarms of seven in vain is about what on-call takes before it stops to look.
NOISY_BELOW = 0.7


@dataclass(frozen=True, slots=True)
class Intervention:
    service: str
    guardrail: str
    # "right", "wrong" or "": nobody has said.
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one guardrail of one service. `precision` None: nobody has judged it."""

    service: str
    guardrail: str
    right: int
    wrong: int
    unanswered: int

    @property
    def judged(self) -> int:
        return self.right + self.wrong

    @property
    def precision(self) -> float | None:
        return round(self.right / self.judged, PRECISE) if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.judged)

    @property
    def noisy(self) -> bool:
        return self.judged >= FEWEST_JUDGED and self.interval[1] < NOISY_BELOW


def wilson(right: int, judged: int) -> tuple[float, float]:
    """The interval of a share by few counts (Wilson 1927). Without any: everything is possible."""
    if judged == 0:
        return 0.0, 1.0
    share, square = right / judged, Z * Z / judged
    middle = (share + square / 2) / (1 + square)
    half = Z * sqrt(share * (1 - share) / judged + square / (4 * judged)) / (1 + square)
    return round(max(0.0, middle - half), PRECISE), round(min(1.0, middle + half), PRECISE)


def standings_of(interventions: Iterable[Intervention]) -> list[Standing]:
    """The noisy ones first, then those that were wrong most often."""
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in interventions:
        counts[each.service, each.guardrail][each.answer] += 1
    found = [
        Standing(service, guardrail, of["right"], of["wrong"], of[""])
        for (service, guardrail), of in counts.items()
    ]
    return sorted(found, key=lambda one: (not one.noisy, -one.wrong, one.service, one.guardrail))


def as_json(one: Standing) -> dict[str, Any]:
    low, high = one.interval
    return {
        "service": one.service,
        "guardrail": one.guardrail,
        "right": one.right,
        "wrong": one.wrong,
        "unanswered": one.unanswered,
        "precision": one.precision,
        "low": low,
        "high": high,
        "noisy": one.noisy,
    }
