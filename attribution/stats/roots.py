"""Brent's search for the zero of a function of one variable.

PURE. R. P. Brent, Algorithms for Minimization without Derivatives (1973), chapter 4: bisection,
sped up by a secant or an inverse quadratic step where that is safe.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

EPSILON = 2.0**-52


@dataclass(frozen=True)
class Point:
    x: float
    y: float


def brent_zero(f: Callable[[float], float], low: Point, high: Point, tolerance: float) -> float:
    """A place within about `tolerance` of a change of sign of f; f(low), f(high) differ in sign.

    For a step function it is no more than that: which side of the step comes out, and how far
    from it, depends on the places that the search happened to try.
    """
    for end in (low, high):
        if end.y == 0.0:
            return end.x
    earlier, best, other = low, high, low
    while True:
        before = best.x - earlier.x
        if abs(other.y) < abs(best.y):
            earlier, best, other = best, other, best
        near = 2.0 * EPSILON * abs(best.x) + tolerance / 2.0
        half = (other.x - best.x) / 2.0
        if abs(half) <= near or best.y == 0.0:
            return best.x
        step = half
        if abs(before) >= near and abs(earlier.y) > abs(best.y):
            step = _interpolated(earlier, best, other, near, before)
        moved = step if abs(step) >= near else math.copysign(near, step)
        earlier, best = best, Point(best.x + moved, f(best.x + moved))
        if best.y * other.y > 0.0:
            other = earlier


def _interpolated(earlier: Point, best: Point, other: Point, near: float, before: float) -> float:
    """The secant or inverse quadratic step; half the way where it would lead out or be slow."""
    across = other.x - best.x
    s = best.y / earlier.y
    if earlier.x == other.x:
        p, q = across * s, 1.0 - s
    else:
        r, t = earlier.y / other.y, best.y / other.y
        p = s * (across * r * (r - t) - (best.x - earlier.x) * (t - 1.0))
        q = (r - 1.0) * (t - 1.0) * (s - 1.0)
    p, q = (p, -q) if p > 0.0 else (-p, q)
    inside = p < 0.75 * across * q - abs(near * q) / 2.0
    return p / q if inside and p < abs(before * q / 2.0) else across / 2.0
