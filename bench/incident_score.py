"""How right a set of attributions was: hits, false rollbacks, calibration. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z = 1.96


@dataclass(frozen=True)
class Attributed:
    """One incident at one look, as one way to attribute it sees it."""

    fault: str
    culprit: str | None
    twins: bool
    ranked: tuple[str, ...]
    # By change; empty of a rival, which tells none.
    probability: dict[str, float]
    none: float = 0.0
    vetoed: frozenset[str] = frozenset()

    @property
    def first(self) -> bool:
        """The culprit leads, before "none of them" too; without a culprit: that one leads."""
        highest = max(self.probability.values(), default=0.0)
        if self.culprit is None:
            return bool(self.probability or not self.ranked) and self.none >= highest
        return self.ranked[:1] == (self.culprit,) and highest >= self.none

    @property
    def in_three(self) -> bool:
        return self.culprit in self.ranked[:3]


def share(hits: Sequence[bool]) -> str:
    """With Wilson's 95% interval."""
    n = len(hits)
    if not n:
        return "-"
    p = sum(hits) / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return f"{p:.3f} ({middle - half:.3f}-{middle + half:.3f})"


def harmless_rolled_back(rows: Sequence[Attributed], at_least: float) -> list[bool]:
    """Of each change that is not the culprit: would it have been rolled back?"""
    return [
        p >= at_least and change not in row.vetoed
        for row in rows
        for change, p in row.probability.items()
        if change != row.culprit and not (row.twins and change == "twin")
    ]


def culprits_from(rows: Sequence[Attributed], at_least: float) -> list[bool]:
    """Of each incident with a culprit: does it have so much, and no veto?"""
    return [
        row.probability.get(row.culprit, 0.0) >= at_least and row.culprit not in row.vetoed
        for row in rows
        if row.culprit and not row.twins
    ]


def pairs(rows: Sequence[Attributed]) -> tuple["np.ndarray", "np.ndarray"]:
    """(probability, was it so) of every change."""
    told = [
        (p, change == row.culprit)
        for row in rows
        if not row.twins
        for change, p in row.probability.items()
    ]
    return np.array([p for p, _ in told]), np.array([true for _, true in told], dtype=float)


def calibration_error(p: "np.ndarray", true: "np.ndarray", bins: int = 15) -> float:
    """Debiased root-mean-square calibration error (Kumar, Liang & Ma, NeurIPS 2019, section 5):
    per bin of equal numbers (p̄ − ȳ)² − ȳ(1 − ȳ)/(n − 1), weighted by size.
    """
    order = np.argsort(p, kind="stable")
    total = 0.0
    for place in np.array_split(order, bins):
        if place.size < 2:
            continue
        mean, rate = p[place].mean(), true[place].mean()
        total += place.size * ((mean - rate) ** 2 - rate * (1 - rate) / (place.size - 1))
    return float(np.sqrt(max(total / p.size, 0.0)))


def calibration_interval(p: "np.ndarray", true: "np.ndarray", draws: int = 200) -> str:
    """Bootstrap over changes."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(draws):
        drawn = rng.integers(p.size, size=p.size)
        found.append(calibration_error(p[drawn], true[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return f"{calibration_error(p, true):.3f} ({low:.3f}-{high:.3f})"


def brier(p: "np.ndarray", true: "np.ndarray") -> float:
    return float(np.mean((p - true) ** 2))


def reliability(p: "np.ndarray", true: "np.ndarray") -> list[tuple[str, int, float, float]]:
    """By tenths of probability: how many, said on average, so in truth."""
    rows = []
    for low in np.arange(0.0, 1.0, 0.1):
        here = (p >= low) & (p < low + 0.1 + (low > 0.85))
        if here.any():
            name = f"{low:.1f}-{low + 0.1:.1f}"
            rows.append((name, int(here.sum()), float(p[here].mean()), float(true[here].mean())))
    return rows
