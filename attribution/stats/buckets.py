"""Canary against control for distributions in buckets (Prometheus histograms).

Harmless: the canary is nowhere slower than (1 + margin) times the control, in stochastic order:
P(canary > b) ≤ P(control > b/(1 + margin)) for every b. What lies inside a bucket is not known, and
nothing is invented there: with b′ the largest bound ≤ b/(1 + margin),

    P(canary > b) ≤ P(control > b′)

holds for every harmless canary. Each bound gives a ratio of its own (`ratio`, the line p = b) and
the evidence is their mean: a test of stochastic order, valid at any time, as in Lindon, Ham,
Tingley & Bojinov, "Rapid regression detection in software deployments through sequential testing"
(KDD 2022), and in Howard & Ramdas, "Sequential estimation of quantiles" (Bernoulli 2022).

So a slowdown shows once it carries requests over a whole bucket: bounds that double find ×2, not
+20%. Finer bounds, or `slo`, find less: the share of requests beyond a bound that matters, judged
as a ratio with the margins themselves.

To pass, harm of `passing` or more is excluded where it would show: at every bound (or at `slo`)
that between MOST_TAIL and LEAST_TAIL of the control's requests exceed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attribution.stats.dispersion import Group, Groups
from attribution.stats.lines import Floats
from attribution.stats.ratio import Margins, Weighed, mean_of, weigh_counts

LEAST_TAIL, MOST_TAIL = 0.02, 0.6


@dataclass(frozen=True)
class Histograms:
    """Increments of buckets by unit, (B, U, T, K), the last one open; `bounds` (K − 1,) ascend."""

    control: Floats
    canary: Floats
    bounds: Floats
    past_control: Floats | None = None
    past_canary: Floats | None = None


def weigh_buckets(
    given: Histograms,
    direction: str,
    margins: Margins,
    starts: Sequence[int],
    slo: float | None = None,
) -> Weighed:
    """`direction` `increase`: larger is worse. `slo` is one of the bounds. (B, T) each."""
    if slo is not None:
        place = int(np.flatnonzero(np.isclose(given.bounds, slo))[0])
        return _share(given, (place, place), direction, margins, starts)
    order = [
        _share(given, pair, direction, replace(margins, fail=0.0, absolute=0.0), starts)
        for pair in comparable(given.bounds, direction, margins.fail)
    ]
    tails = [
        _share(given, (place, place), direction, margins, starts)
        for place in range(given.bounds.size)
    ]
    seen = [tail_seen(given, place, direction) for place in range(given.bounds.size)]
    return Weighed(
        harm=mean_of([each.harm for each in order] or [np.zeros_like(tails[0].harm)]),
        current_harm=mean_of([e.current_harm for e in order] or [np.zeros_like(tails[0].harm)]),
        health=_least([each.health for each in tails], seen),
    )


def comparable(bounds: Floats, direction: str, margin: float) -> list[tuple[int, int]]:
    """(bound of the canary, bound of the control) as indices, for bounds above 0."""
    pairs = []
    for place, bound in enumerate(bounds):
        if bound <= 0:
            continue
        if direction == "increase":
            other = int(np.searchsorted(bounds, bound / (1 + margin) * (1 + 1e-12), "right")) - 1
            if other >= 0 and bounds[other] > 0:
                pairs.append((place, other))
        else:
            reach = bound / (1 - min(margin, 0.999)) * (1 - 1e-12)
            other = int(np.searchsorted(bounds, reach, "left"))
            if other < bounds.size:
                pairs.append((place, other))
    return pairs


def _share(
    given: Histograms,
    pair: tuple[int, int],
    direction: str,
    margins: Margins,
    starts: Sequence[int],
) -> Weighed:
    """The share beyond a bound as a ratio: above it for `increase`, else below it."""
    now = _groups((given.control, given.canary), pair, direction)
    past = None
    if given.past_control is not None and given.past_canary is not None:
        past = _groups((given.past_control, given.past_canary), pair, direction)
    return weigh_counts(now, past, "increase", margins, starts)


def _groups(cohorts: tuple[Floats, Floats], pair: tuple[int, int], direction: str) -> Groups:
    canary_at, control_at = pair
    control, canary = (
        Group(beyond(counts, place, direction), counts.sum(axis=-1))
        for counts, place in zip(cohorts, (control_at, canary_at), strict=True)
    )
    return control, canary


def beyond(counts: Floats, place: int, direction: str) -> Floats:
    """Requests beyond bound `place`, (…, T) from (…, T, K)."""
    tail = counts[..., place + 1 :] if direction == "increase" else counts[..., : place + 1]
    return np.asarray(tail.sum(axis=-1))


def tail_seen(given: Histograms, place: int, direction: str) -> Floats:
    """Share of the control's requests beyond the bound up to each interval, (B, T)."""
    counts = given.control.sum(axis=1)
    total = np.cumsum(counts.sum(axis=-1), axis=-1)
    tail = np.cumsum(beyond(counts, place, direction), axis=-1)
    share = np.divide(tail, total, out=np.zeros_like(tail), where=total > 0)
    return np.asarray(share, dtype=np.float64)


def _least(health: list[Floats], seen: list[Floats]) -> Floats:
    """The smallest evidence of the bounds that count; none counts: none is there, (B, T)."""
    counts = np.array([(share >= LEAST_TAIL) & (share <= MOST_TAIL) for share in seen])
    evidence = np.where(counts, np.array(health), np.inf).min(axis=0)
    return np.where(np.isfinite(evidence), evidence, 0.0)
