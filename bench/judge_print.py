"""What the judge's benches print: lines of markdown, delays with their quantiles, shares."""

import math
from collections.abc import Sequence

import numpy as np
from judge_verdicts import Looks


def header(columns: Sequence[str]) -> None:
    print(line(columns), line(["---"] * len(columns)), sep="\n")


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def quantile(found: Looks, share: float) -> float:
    """The smallest look by which `share` of the cases are decided."""
    return float(np.quantile(found, share, method="inverted_cdf"))


def shown(found: Looks, looks: int) -> str:
    median, p90 = (
        f"> {looks}" if value > looks else f"{value:g}"
        for value in (quantile(found, 0.5), quantile(found, 0.9))
    )
    return f"{median} ({p90})"


def times(ours: Looks, theirs: Looks, share: float, looks: int) -> str:
    mine, best = quantile(ours, share), quantile(theirs, share)
    if best > looks:
        return "–"
    return f"{'> ' if mine > looks else ''}{mine / best:.2f}"


def upper(failed: int, runs: int) -> float:
    """Upper end of the 95% interval of Clopper & Pearson (1934): P(X ≤ failed | p) = 0.025."""
    low, high = failed / runs, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(failed, runs, middle) > 0.025 else (low, middle)
    return high


def _at_most(failed: int, runs: int, rate: float) -> float:
    if rate in (0.0, 1.0):
        return 1.0 - rate
    logs = [
        math.lgamma(runs + 1)
        - math.lgamma(k + 1)
        - math.lgamma(runs - k + 1)
        + k * math.log(rate)
        + (runs - k) * math.log1p(-rate)
        for k in range(failed + 1)
    ]
    return float(np.exp(np.logaddexp.reduce(logs)))
