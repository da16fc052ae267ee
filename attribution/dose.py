"""Dose and response: does what hurts follow the exposed share of a change, up and down? PURE.

For a hurt series y and a change's exposed share g(t): least squares of y = a + b·g(t − lag), b in
the harmful direction, lag up to LAGS intervals, against the same with a step wherever it fits best.
score = N/2·log(RSS_step/RSS_g), the log-likelihood ratio under normal noise, N the
number of points that the noise's autocorrelation leaves. Near 0: the share explains the series as
well as a step made to measure; far below: it does not. (Dose-response as in Hill 1965; the free
step is what a change point alone would say.)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attribution.attribute_case import Change, Series
from attribution.stats.lines import Flags, Floats

LAGS = 3
MOST = 6.0
LEAST = 2  # points on either side of the step
FEWEST = 8
ABOVE = (0.03, 0.1, 0.2)
HELD_S = (15.0, 40.0, 100.0, 250.0)
MOST_BEGINNINGS = 3
FLAT = 1e-12  # a share that never changed explains nothing


@dataclass(frozen=True)
class Response:
    """One hurt series as every change's share is held against it: t and y (T,) without gaps, y
    clipped at its 2nd and 98th percentile; sign +1, −1, or 0 where both ways are harm.
    """

    t: Floats
    y: Floats
    sign: float
    step: float

    @cached_property
    def centred(self) -> Floats:
        return np.asarray(self.y - self.y.mean())

    @cached_property
    def whole(self) -> float:
        """Σ (y − mean)²: what is left when nothing explains it."""
        return float((self.centred**2).sum())

    @cached_property
    def best_step(self) -> float:
        """The least that a step leaves, over all places of it."""
        n = np.arange(1, self.y.size)
        sums = np.cumsum(self.centred)[:-1]
        gain = sums**2 * self.y.size / (n * (self.y.size - n))
        gain[self.sign * sums > 0] = 0.0
        return max(self.whole - float(gain[LEAST - 1 : 1 - LEAST].max()), 0.0)

    def effective(self, onset: float) -> float:
        """How many independent points there are, by the lag-1 autocorrelation around both means."""
        if onset not in self._effective:
            self._effective[onset] = _effective(self.y, self.t > onset)
        return self._effective[onset]

    @cached_property
    def _effective(self) -> dict[float, float]:
        return {}


def response(series: Series) -> Response | None:
    """None: too few points to compare with."""
    known = np.isfinite(series.v)
    t, y = series.t[known], series.v[known]
    if t.size < FEWEST:
        return None
    y = np.clip(y, *np.quantile(y, [0.02, 0.98]))
    sign = {"increase": 1.0, "decrease": -1.0}.get(series.direction, 0.0)
    return Response(t, y, sign, float(np.median(np.diff(t))))


def dose(
    responses: Iterable[Response], change: Change, onset: float, *, spread: bool = False
) -> float:
    """Mean score, within ±MOST; 0: nothing to compare with. `spread`: harm that does not grow with
    the share is looked for as well.
    """
    found = [_score(each, change, onset, spread=spread) for each in responses]
    return math.fsum(found) / len(found) if found else 0.0


def _score(it: Response, change: Change, onset: float, *, spread: bool) -> float:
    shares = _following(change, it.t, it.step)
    if spread:
        shares += _spread(change, it.t, it.step)
    own = _least_residual(it, np.stack(shares))
    score = it.effective(onset) / 2 * math.log((it.best_step + 1e-18) / (own + 1e-18))
    return min(max(score, -MOST), MOST)


def _following(change: Change, t: Floats, step: float) -> list[Floats]:
    """Harm that grows with the share, from the beginning or from a later stage on."""
    shares = [change.share_at(t - lag * step) for lag in range(LAGS)]
    later = [share * (t >= at + step) for share in shares[:1] for at in change.growths[1:]]
    return [*shares, *later]


def _spread(change: Change, t: Floats, step: float) -> list[Floats]:
    """Harm that does not grow with the share: from a share on, or by what was used up so far."""
    share = change.share_at(t)
    above = [np.clip(share - least, 0.0, None) for least in ABOVE]
    used = [np.cumsum(share * (t >= at)) * step for at in change.growths[:MOST_BEGINNINGS]]
    return [*above, *(np.clip(u / full - 0.3, 0.0, 1.0) for u in used for full in HELD_S)]


def _least_residual(it: Response, shares: Floats) -> float:
    """Σ (y − a − b·g)² of the best of the shares g (G, T), b not against the harmful direction."""
    centred = shares - shares.mean(axis=1, keepdims=True)
    square = (centred * centred).sum(axis=1)
    along = centred @ it.y
    usable = (square > FLAT) & (it.sign * along >= 0)
    gain = np.divide(along * along, square, out=np.zeros_like(square), where=usable)
    return max(it.whole - float(gain.max()), 0.0)


def _effective(y: Floats, after: Flags) -> float:
    rest = y.copy()
    for side in (after, ~after):
        if side.any():
            rest[side] -= rest[side].mean()
    total = float((rest * rest).sum())
    lag = float((rest[1:] * rest[:-1]).sum()) / total if total > 0 else 0.0
    lag = min(max(lag, 0.0), 0.9)
    return y.size * (1 - lag) / (1 + lag)
