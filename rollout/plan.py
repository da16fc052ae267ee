"""Stages and cohorts: which units a stage exposes, disjoint from those of others. PURE.

Units are drawn in an order that depends on the change only, so that a stage's units contain
those of the stage before (no user flaps between versions) and two changes start from different
ends of production.
"""

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Assignment:
    units: tuple[str, ...]
    # What was achieved: rounded down, at least one unit while the wanted share is above zero.
    share: float
    # Units that another change exposes too: empty whenever disjoint units exist (invariant 10).
    shared: tuple[str, ...]


def unit_order(change_id: str, units: Sequence[str]) -> list[str]:
    def draw(unit: str) -> bytes:
        return hashlib.sha256(f"{change_id}/{unit}".encode()).digest()

    return sorted(units, key=draw)


def unit_count(share: float, total: int) -> int:
    """floor(share × total), at least one. 1e-9 absorbs 0.29 × 100 = 28.999…"""
    if share <= 0 or total == 0:
        return 0
    return min(total, max(1, math.floor(share * total + 1e-9)))


def assign(
    change_id: str,
    units: Sequence[str],
    share: float,
    *,
    mine: Collection[str] = (),
    taken: Collection[str] = (),
) -> Assignment:
    """The units of one change on one target at `share`.

    mine: units it has now; kept first. taken: units of other changes; used only when no
    others are left. Shrinking keeps a subset of `mine`.
    """
    count = unit_count(share, len(units))
    order = unit_order(change_id, units)
    own, others = set(mine), set(taken)
    ranked = (
        [u for u in order if u in own and u not in others]
        + [u for u in order if u in own and u in others]
        + [u for u in order if u not in own and u not in others]
        + [u for u in order if u not in own and u in others]
    )
    chosen = tuple(ranked[:count])
    shared = tuple(u for u in chosen if u in others)
    return Assignment(chosen, count / len(units) if units else 0.0, shared)
