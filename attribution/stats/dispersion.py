"""How much more counts vary than independent requests would, and units than their own noise.

Both are known before each interval: from history and from what the rollout has shown until then,
within each cohort, so that harm does not count as noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from attribution.stats.lines import Floats, before
from attribution.stats.unit_effects import by_noise

PRIOR_EVENTS = 5.0  # φ = 1 is believed as much as that many events of one's own would be
MOST_HISTORY = 500.0  # events; what is seen now must be able to change it


@dataclass(frozen=True)
class Noise:
    """φ, shape (B, T), and the units' deviation: its standard deviation on log rates (relative to
    the expected ratio canary/control) (B, T), with ν, the degrees of freedom (B,).
    """

    dispersion: Floats
    unit_sd: Floats
    freedom: Floats


@dataclass(frozen=True)
class Group:
    """Units of one cohort and time: events and requests, shape (B, U, T)."""

    events: Floats
    total: Floats

    def between(self, begin: int, end: int) -> "Group":
        return Group(self.events[..., begin:end], self.total[..., begin:end])

    @property
    def rate(self) -> Floats:
        """Of all units together in each interval, (B, T)."""
        total = self.total.sum(axis=1)
        rate = np.divide(self.events.sum(axis=1), total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(rate, dtype=np.float64)

    @property
    def expected(self) -> Floats:
        return self.total * self.rate[:, None, :]


Groups = tuple[Group, Group]  # of the control, of the canary


def noise(now: Groups, past: Groups | None, starts: Sequence[int] = (0,)) -> Noise:
    """The units of past and present may differ; `starts`: first interval of each epoch."""
    groups = [*now, *(past or ())]
    by_unit = any(group.events.shape[1] > 1 for group in groups)
    seen, owed = _by_units(now) if by_unit else _of_each_epoch(now, starts)
    start = np.zeros((seen.shape[0], 2))
    if past is not None:
        earlier = _by_units(past) if by_unit else _between_cohorts(past)
        start = np.stack([each.sum(axis=-1) for each in earlier], axis=-1)
        start *= np.minimum(1.0, MOST_HISTORY / np.maximum(start[:, 1], 1e-9))[:, None]
    # How a total is spread over units says nothing of the total: there the interval itself counts.
    until = partial(np.cumsum, axis=-1) if by_unit else before
    found = PRIOR_EVENTS + start[:, :1] + until(seen)
    dispersion = np.maximum(found / (PRIOR_EVENTS + start[:, 1:] + until(owed)), 1.0)
    sd, freedom = _unit_sd(now, past, dispersion)
    return Noise(dispersion, sd, freedom)


def _by_units(groups: Groups) -> tuple[Floats, Floats]:
    """(Σ (x_u − n_u·p)², what it is expected to be for φ = 1) of each interval, (B, T) each.

    E Σ_u (x_u − n_u·p)² = φ·X·(1 − Σ n_u²/N²), p = X/N the rate of the interval.
    """
    seen = owed = np.zeros_like(groups[0].rate)
    for group in groups:
        total = group.total.sum(axis=1)
        squares = (group.total**2).sum(axis=1)
        shared = np.divide(squares, total**2, out=np.ones_like(total), where=total > 0)
        seen = seen + ((group.events - group.expected) ** 2).sum(axis=1)
        owed = owed + group.events.sum(axis=1) * (1.0 - shared)
    return seen, owed


def _of_each_epoch(groups: Groups, starts: Sequence[int]) -> tuple[Floats, Floats]:
    """A new epoch may bring other units into the cohorts: what they differed by before is no
    expectation any more.
    """
    length = groups[0].events.shape[-1]
    edges = sorted({0, *(start for start in starts if start < length), length})
    control, canary = groups
    parts = [
        _between_cohorts((control.between(begin, end), canary.between(begin, end)))
        for begin, end in pairwise(edges)
    ]
    seen, owed = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
    return seen, owed


def _between_cohorts(groups: Groups) -> tuple[Floats, Floats]:
    """The same from the two cohorts as two units whose rates differ by what they differed by so
    far: harm of any size leaves it alone once it is there.
    """
    control, canary = groups
    k, n_k = control.events.sum(axis=1), control.total.sum(axis=1)
    x, n_c = canary.events.sum(axis=1), canary.total.sum(axis=1)
    both = (n_k > 0) & (n_c > 0)
    k, n_k, x, n_c = (np.where(both, each, 0.0) for each in (k, n_k, x, n_c))
    sums = [np.cumsum(each, axis=-1) for each in (x, n_c, k, n_k)]
    ratio = ((sums[0] + 0.5) * (sums[3] + 1.0)) / ((sums[1] + 1.0) * (sums[2] + 0.5))
    weighed = ratio * n_c
    share = np.divide(weighed, weighed + n_k, out=np.zeros_like(n_k), where=both)
    events = x + k
    return 2.0 * (x - events * share) ** 2, 2.0 * events * share * (1.0 - share)


def _unit_sd(now: Groups, past: Groups | None, dispersion: Floats) -> tuple[Floats, Floats]:
    """τ·√(1/U_c + 1/U_k) (B, T) and ν (B,), by the moments of DerSimonian & Laird (1986), eq. 8:

    τ² = max(0, (Q − φ·ν)/(Σ E_u − Σ E_u²/Σ E_u)), Q = Σ (X_u − E_u)²/E_u, summed over groups.
    """
    shape = dispersion.shape
    units = [np.maximum((g.total.sum(axis=-1) > 0).sum(axis=1), 1) for g in now]
    if max(group.events.shape[1] for group in now) < 2:
        return np.zeros(shape), np.full(shape[0], np.inf)
    parts = [_spread(*tally, shape) for tally in _tallies(now, past)]
    q, weight, freedom = (np.sum([part[i] for part in parts], axis=0) for i in range(3))
    excess = np.where(q > dispersion * by_noise(freedom), q - dispersion * freedom, 0.0)
    tau = np.sqrt(np.divide(excess, weight, out=np.zeros(shape), where=weight > 0))
    factor = np.sqrt(1.0 / units[0] + 1.0 / units[1])
    return tau * factor[:, None], np.maximum(freedom[:, -1], 1.0)


def _tallies(now: Groups, past: Groups | None) -> list[tuple[Floats, Floats]]:
    """(events, expected) of each group of units before each interval, (B, U, T or 1) each.

    The control's units go on; the canary of then counts as other units of the same population.
    """
    tallies = [(before(group.events), before(group.expected)) for group in now]
    if past is None:
        return tallies
    old = [(g.events.sum(-1, keepdims=True), g.expected.sum(-1, keepdims=True)) for g in past]
    if old[0][0].shape[1] == tallies[0][0].shape[1]:
        tallies[0] = (tallies[0][0] + old[0][0], tallies[0][1] + old[0][1])
    else:
        tallies.append(old[0])
    return [*tallies, old[1]]


def _spread(
    events: Floats, expected: Floats, shape: tuple[int, ...]
) -> tuple[Floats, Floats, Floats]:
    """Q, Σ E_u − Σ E_u²/Σ E_u and ν of one group of units, (B, T) each."""
    some = expected > 0
    q = np.divide((events - expected) ** 2, expected, out=np.zeros_like(expected), where=some)
    total = expected.sum(axis=1)
    squares = (expected**2).sum(axis=1)
    weight = total - np.divide(squares, total, out=np.zeros_like(total), where=total > 0)
    freedom = np.maximum(some.sum(axis=1) - 1.0, 0.0)
    q, weight, freedom = (np.broadcast_to(each, shape) for each in (q.sum(axis=1), weight, freedom))
    return q, weight, freedom
