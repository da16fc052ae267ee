"""Evidence against "the canary's event rate lies on the harmless side of a line".

Null hypothesis of a line (c0, c1): in every interval the canary's rate p and the control's rate b
satisfy p ≤ c0 + c1·b (or ≥, for passing). b is unknown and may change from interval to interval.

A bet y_c on each canary event and y_k on each control event, N requests a cohort, x and k events:

    e = y_c^x · y_k^k · exp(−N_c·c0·g(y_c)),    N_k·g(y_k) = −N_c·c1·g(y_c),

where log E[y^X] = μ·g(y) for a count X of mean μ. Hence log E[e] ≤ N_c·g(y_c)·(p − c0 − c1·b) ≤ 0
on the null, whatever b is. g(y) = y − 1 for Poisson counts, and binomial ones lie below it; for
negative binomial counts of variance φ·μ

    g(y) = −log(1 − (φ − 1)(y − 1))/(φ − 1).

The bet: with rates (b₁, p₁) of one alternative, let (b*, p*) be the point of the line with the
smallest Poisson divergence N_k·d(b₁‖b*) + N_c·d(p₁‖p*), d(u‖v) = v − u + u·log(u/v), and
r = p₁/p*. Then y_c = r·φ/(1 + r(φ − 1)) maximises the growth at the alternative. For φ = 1 this is
the reverse information projection of Turner, Ly & Grünwald, "Generic E-variables for exact
sequential k-sample tests that allow for optional stopping" (2024), Theorem 1, in its Poisson form,
and with c0 = 0 it *is* the conditional binomial e-process of Lindon & Malek (2022):
(q/w)^x ((1−q)/(1−w))^k, w = c1·N_c/(c1·N_c + N_k), q = p₁N_c/(p₁N_c + b₁N_k).

Rates above about 0.3 cost power (Poisson variance exceeds binomial variance), never validity.
Shapes: every array ends in T intervals; what stands before is broadcast.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
POISSON = 1e-12  # a dispersion that close to 1 is 1: the formulas divide by φ − 1


@dataclass(frozen=True)
class Line:
    """p = c0 + c1·b, in rates (fractions 0…1); numbers, or arrays that broadcast."""

    c0: float | Floats
    c1: float | Floats

    def at(self, base: Floats) -> Floats:
        return np.asarray(self.c0 + self.c1 * base, dtype=np.float64)

    def times(self, factor: Floats) -> "Line":
        return Line(self.c0 * factor, self.c1 * factor)


@dataclass(frozen=True)
class Counts:
    """Increments an interval, (…, T): events and requests of both cohorts; 0 where not used."""

    control_events: Floats
    control_total: Floats
    canary_events: Floats
    canary_total: Floats

    def since(self, start: int) -> "Counts":
        return self.map(lambda each: each[..., start:])

    def map(self, change: Callable[[Floats], Floats]) -> "Counts":
        return Counts(
            change(self.control_events),
            change(self.control_total),
            change(self.canary_events),
            change(self.canary_total),
        )

    @property
    def compared(self) -> Flags:
        """Intervals in which both cohorts report."""
        return np.asarray((self.control_total > 0) & (self.canary_total > 0))


def nearest_base(counts: Counts, base: Floats, alternative: Floats, line: Line) -> Floats:
    """b* of the module's docstring.

    Root of c1(N_k + c1·N_c)·b*² + [N_k(c0 − c1·b₁) + c1·N_c(c0 − p₁)]·b* − N_k·b₁·c0 = 0,
    in the form that does not cancel. Where nobody reports, b₁ itself (e is 1 there anyway).
    """
    n_k, n_c = counts.control_total, counts.canary_total
    square = line.c1 * (n_k + line.c1 * n_c)
    linear = n_k * (line.c0 - line.c1 * base) + line.c1 * n_c * (line.c0 - alternative)
    constant = n_k * base * line.c0
    root = np.sqrt(linear * linear + 4.0 * square * constant)
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = np.where(
            linear > 0, 2.0 * constant / (linear + root), (root - linear) / (2.0 * square)
        )
    return np.where(counts.compared, positive, base)


def log_evidence(
    counts: Counts, base: Floats, alternative: Floats, line: Line, dispersion: Floats | float = 1.0
) -> Floats:
    """Log e of each interval under each alternative; intervals that compare nothing give 0.

    `base`, `alternative` (rates) and `dispersion` (φ ≥ 1) must be predictable: known before the
    interval.
    """
    near = np.maximum(nearest_base(counts, base, alternative, line), 1e-12)
    ratio = alternative / line.at(near)
    excess = np.maximum(np.asarray(dispersion, dtype=np.float64) - 1.0, POISSON)
    growth = np.log1p(excess * (ratio - 1.0) / (1.0 + excess)) / excess  # g(y_c)
    on_canary = ratio * (1.0 + excess) / (1.0 + ratio * excess)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.where(counts.compared, counts.canary_total / counts.control_total, 0.0)
        on_control = 1.0 - np.expm1(excess * odds * line.c1 * growth) / excess
        gain = counts.control_events * np.log(on_control) + counts.canary_events * np.log(on_canary)
    return np.where(counts.compared, gain - counts.canary_total * line.c0 * growth, 0.0)


HALF_LIFE = 600.0


def before(increments: Floats) -> Floats:
    """Sums of what came before each interval."""
    shifted = np.zeros_like(increments)
    shifted[..., 1:] = np.cumsum(increments, axis=-1)[..., :-1]
    return shifted


def predictable_base(events: Floats, total: Floats, prior: tuple[Floats, Floats]) -> Floats:
    """The control's rate as known before each interval: (a + Σ events) / (b + Σ total)."""
    rate = (prior[0] + before(events)) / (prior[1] + before(total))
    return np.asarray(np.clip(rate, 1e-9, 1.0 - 1e-6), dtype=np.float64)


def recent_base(
    events: Floats, total: Floats, prior: tuple[Floats, Floats], starts: Sequence[int]
) -> Floats:
    """The same with a short memory: it begins anew at each start of an epoch, and what was seen
    HALF_LIFE requests ago counts half.

    After an incident that is over, the estimate that forgets nothing is wrong for a long time.
    """
    keep = 0.5 ** (total / HALF_LIFE)
    rate = np.empty_like(total)
    first = tuple(np.broadcast_to(each[..., 0], total.shape[:-1]) for each in prior)
    seen_events, seen_total = first
    for t in range(total.shape[-1]):
        if t in starts:
            seen_events, seen_total = first
        rate[..., t] = seen_events / seen_total
        seen_events = keep[..., t] * seen_events + events[..., t]
        seen_total = keep[..., t] * seen_total + total[..., t]
    return np.asarray(np.clip(rate, 1e-9, 1.0 - 1e-6), dtype=np.float64)
