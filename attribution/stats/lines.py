"""Evidence against "the canary's event rate lies on the harmless side of a line".

Null hypothesis of a line (c0, c1): in every interval the canary's rate p and the control's rate b
satisfy p ≤ c0 + c1·b (or ≥, for passing). b is unknown and may change from interval to interval.

With N requests and rates (b₁, p₁) of one alternative, let (b*, p*) be the point of the line with
the smallest Poisson divergence N_k·d(b₁‖b*) + N_c·d(p₁‖p*), d(u‖v) = v − u + u·log(u/v). Then

    e = exp(−N_k(b₁ − b*) − N_c(p₁ − p*)) · (b₁/b*)^k · (p₁/p*)^x

has expectation ≤ 1 for every (b, p) of the null: for binomial (hence also Poisson) counts k and x
    log E[e] ≤ N_k(b₁ − b*)(b − b*)/b* + N_c(p₁ − p*)(p − p*)/p*,
which is minus the divergence's derivative at its minimum towards (b, p), so ≤ 0, the null being
convex. This is the reverse information projection of Turner, Ly & Grünwald, "Generic E-variables
for exact sequential k-sample tests that allow for optional stopping" (2024), Theorem 1, in its
Poisson form, where the projection is a quadratic equation. With c0 = 0 it *is* the conditional
binomial e-process of Lindon & Malek (2022): (q/w)^x ((1−q)/(1−w))^k, w = c1·N_c/(c1·N_c + N_k),
q = p₁N_c/(p₁N_c + b₁N_k), which does not depend on the level of b at all.

Rates above about 0.3 cost power (Poisson variance exceeds binomial variance), never validity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """p = c0 + c1·b, in rates (fractions 0…1)."""

    c0: float
    c1: float

    def at(self, base: Floats) -> Floats:
        return self.c0 + self.c1 * base


@dataclass(frozen=True)
class Counts:
    """Increments an interval, shape (T,): events and requests of both cohorts; 0 where not used."""

    control_events: Floats
    control_total: Floats
    canary_events: Floats
    canary_total: Floats

    def since(self, start: int) -> "Counts":
        return Counts(
            self.control_events[start:],
            self.control_total[start:],
            self.canary_events[start:],
            self.canary_total[start:],
        )


def nearest_base(counts: Counts, base: Floats, alternative: Floats, line: Line) -> Floats:
    """b* of the module's docstring; `alternative` has shape (A, T), the answer too.

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
    return np.where((n_k > 0) & (n_c > 0), positive, base)


def log_evidence(counts: Counts, base: Floats, alternative: Floats, line: Line) -> Floats:
    """Log e of each interval under each alternative: shape (A, T).

    `base` (T,) and `alternative` (A, T) must be predictable: known before the interval.
    Intervals in which one cohort reports nothing give 0.
    """
    near = np.maximum(nearest_base(counts, base, alternative, line), 1e-12)
    bound = line.at(near)
    used = (counts.control_total > 0) & (counts.canary_total > 0)
    drift = counts.control_total * (base - near) + counts.canary_total * (alternative - bound)
    gain = counts.control_events * np.log(base / near)
    gain = gain + counts.canary_events * np.log(alternative / bound)
    return np.where(used, gain - drift, 0.0)


HALF_LIFE = 600.0


def predictable_base(events: Floats, total: Floats, prior: tuple[float, float]) -> Floats:
    """The control's rate as known before each interval: (a + Σ events) / (a + b + Σ total)."""
    before_events = np.concatenate(([0.0], np.cumsum(events)[:-1]))
    before_total = np.concatenate(([0.0], np.cumsum(total)[:-1]))
    rate = (prior[0] + before_events) / (prior[1] + before_total)
    return np.asarray(np.clip(rate, 1e-9, 1.0 - 1e-6), dtype=np.float64)


def recent_base(
    events: Floats, total: Floats, prior: tuple[float, float], starts: Sequence[int]
) -> Floats:
    """The same with a short memory: it begins anew at each start of an epoch, and what was seen
    HALF_LIFE requests ago counts half.

    After an incident that is over, the estimate that forgets nothing is wrong for a long time.
    """
    keep = 0.5 ** (total / HALF_LIFE)
    rate = np.empty_like(total)
    seen_events, seen_total = prior
    for t in range(total.size):
        if t in starts:
            seen_events, seen_total = prior
        rate[t] = seen_events / seen_total
        seen_events = keep[t] * seen_events + events[t]
        seen_total = keep[t] * seen_total + total[t]
    return np.asarray(np.clip(rate, 1e-9, 1.0 - 1e-6), dtype=np.float64)
