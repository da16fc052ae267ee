"""Signals and surroundings → reach, hazard, likelihood, reversibility → score → risk level.

    hazard      1 − ∏(1 − w) over the signals: a further signal never lowers it. Of several of
                one id the worst counts, and all advice together as two pieces of it at most
    reach       environment × (1 − ∏(1 − x)) over tier, dependents, traffic
    likelihood  1 − (1 − base)·∏(1 − p); base = (failed + 1.5) / (changes + 10), or, where a
                learned model knows the change, its probability (and the product is over the
                signals that the model has not weighed)
    score       45·hazard + 25·reach + 20·likelihood + 10·(costly ½, irreversible 1)
    level       max(severity of the worst signal, level of the score)

The weights are priors set by hand, not learned from outcomes. A score is a sum so that each
part can be shown; the maximum keeps a critical signal from being averaged away.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.risk.estimates import Estimate
from controlplane.risk.kinds import ChangeKind
from controlplane.risk.places import HARMLESS_PLACES
from controlplane.risk.signals import (
    Level,
    Reversibility,
    Severity,
    Signal,
    least_reversible,
    rank,
    worst,
)
from controlplane.risk.surroundings import Surroundings

ASSESSMENT_VERSION = "2"

HAZARD: dict[Severity, float] = {"low": 0.05, "medium": 0.3, "high": 0.6, "critical": 0.9}
TROUBLE: dict[Severity, float] = {"low": 0.02, "medium": 0.15, "high": 0.35, "critical": 0.5}
POINTS = {"hazard": 45, "reach": 25, "likelihood": 20, "reversibility": 10}
BURDEN: dict[Reversibility, float] = {"reversible": 0.0, "costly": 0.5, "irreversible": 1.0}
ADVICE: Severity = "low"
MOST_ADVICE = 2
THRESHOLDS: tuple[tuple[float, Level], ...] = ((80, "critical"), (55, "high"), (30, "medium"))

TIER = {0: 0.8, 1: 0.55, 2: 0.3, 3: 0.15}
TIER_UNKNOWN = 0.55
DEPENDENT = 0.15
DEPENDENTS_UNKNOWN = 0.2
TRAFFIC = 0.5
TRAFFIC_UNKNOWN = 0.2
UNREAD = frozenset({"unparsed", "no_artefact"})
PRIOR_CHANGES, PRIOR_FAILED = 10, 1.5
RECORD_UNKNOWN = 0.3


@dataclass(frozen=True, slots=True)
class Assessment:
    """Shares 0…1; `score` 0…100, not rounded."""

    level: Level
    rule_level: Level
    score_level: Level
    score: float
    reach: float
    hazard: float
    likelihood: float
    reversibility: Reversibility
    unknown: tuple[str, ...]
    learned: Mapping[str, Any] | None = None

    def explanation(self) -> dict[str, Any]:
        return {
            "assessment_version": ASSESSMENT_VERSION,
            "rule_level": self.rule_level,
            "score_level": self.score_level,
            "contributions": self._contributions(),
            "unknown": list(self.unknown),
            "learned": dict(self.learned) if self.learned else None,
        }

    def _contributions(self) -> list[dict[str, Any]]:
        parts = {
            "hazard": (self.hazard, "how bad the signals are"),
            "reach": (self.reach, "tier, dependents, traffic and environment"),
            "likelihood": (self.likelihood, self._likelihood_by()),
            "reversibility": (BURDEN[self.reversibility], f"the change is {self.reversibility}"),
        }
        found = [
            {"name": name, "points": round(POINTS[name] * share, 1), "why": why}
            for name, (share, why) in parts.items()
        ]
        return sorted(found, key=lambda part: -float(str(part["points"])))

    def _likelihood_by(self) -> str:
        if self.learned is None:
            return "the service's record and the signals"
        doubt = "" if self.learned["calibrated"] else " (uncalibrated)"
        return f"what outcomes of such changes taught{doubt}, and the signals"


def assess(
    signals: Sequence[Signal],
    kind: ChangeKind,
    around: Surroundings,
    learned: Estimate | None = None,
) -> Assessment:
    shares = {
        "hazard": _any_of(HAZARD[severity] for severity in counted(signals)),
        "reach": reach(around),
        "likelihood": likelihood(signals, around, learned),
    }
    reversibility = _reversibility(signals, kind)
    score = sum(POINTS[name] * share for name, share in shares.items())
    score = min(100.0, score + POINTS["reversibility"] * BURDEN[reversibility])
    rule_level, score_level = worst(signal.severity for signal in signals), level_of(score)
    return Assessment(
        level=max(rule_level, score_level, key=rank),
        rule_level=rule_level,
        score_level=score_level,
        score=score,
        reversibility=reversibility,
        unknown=tuple(around.unknown),
        learned=learned.explanation if learned else None,
        **shares,
    )


def _reversibility(signals: Sequence[Signal], kind: ChangeKind) -> Reversibility:
    """A reader says of each finding whether it can be undone. Where nobody read, the kind says."""
    unread = not kind.has_reader or any(signal.id in UNREAD for signal in signals)
    by_kind: Reversibility = "reversible" if kind.reversible or not unread else "irreversible"
    return least_reversible([by_kind, *(signal.reversibility for signal in signals)])


def level_of(score: float) -> Level:
    return next((level for least, level in THRESHOLDS if score >= least), "low")


def reach(around: Surroundings) -> float:
    tier = TIER_UNKNOWN if around.tier is None else TIER[around.tier]
    dependents = (
        DEPENDENTS_UNKNOWN
        if around.dependents is None
        else 1 - (1 - DEPENDENT) ** min(around.dependents, 1000)
    )
    traffic = TRAFFIC_UNKNOWN if around.traffic is None else TRAFFIC * around.traffic
    place = HARMLESS_PLACES.get((around.environment or "").lower(), 1.0)
    return place * _any_of((tier, dependents, traffic))


def likelihood(
    signals: Sequence[Signal], around: Surroundings, learned: Estimate | None = None
) -> float:
    covered = learned.covers if learned else frozenset()
    signals = [signal for signal in signals if signal.id not in covered]
    if learned is not None:
        base = learned.probability
    elif around.changes is None or around.failed is None:
        base = RECORD_UNKNOWN
    else:
        base = (around.failed + PRIOR_FAILED) / (around.changes + PRIOR_CHANGES)
    return _any_of([base, *(TROUBLE[severity] for severity in counted(signals))])


def counted(signals: Sequence[Signal]) -> list[Severity]:
    """One mistake made fifty times is one, and no amount of advice makes a change dangerous."""
    by_id: dict[str, Severity] = {}
    for signal in signals:
        by_id[signal.id] = worst([by_id.get(signal.id, "low"), signal.severity])
    grave = [severity for severity in by_id.values() if severity != ADVICE]
    return grave + [ADVICE] * min(len(by_id) - len(grave), MOST_ADVICE)


def _any_of(shares: Iterable[float]) -> float:
    """1 − ∏(1 − x): at least one of several independent things."""
    return 1.0 - math.prod(1.0 - share for share in shares)
