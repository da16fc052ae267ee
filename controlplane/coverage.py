"""How much of what changes production Graygate carries out. PURE.

A change counts once for each service that it changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

PRECISE = 4


class How(StrEnum):
    # Carried out by Graygate.
    MANAGED = "managed"
    # Submitted, and carried out by others (L0, L1).
    BY_OTHERS = "by_others"
    # Nobody submitted it: it was seen.
    UNMANAGED = "unmanaged"


@dataclass(frozen=True, slots=True)
class Changed:
    service: str
    team: str
    how: How


@dataclass(frozen=True, slots=True)
class Coverage:
    managed: int = 0
    by_others: int = 0
    unmanaged: int = 0

    @property
    def all(self) -> int:
        return self.managed + self.by_others + self.unmanaged

    @property
    def coverage(self) -> float | None:
        """Managed ÷ all, 0…1; None: nothing has changed."""
        return round(self.managed / self.all, PRECISE) if self.all else None

    def as_dict(self) -> dict[str, Any]:
        return {"coverage": self.coverage, **asdict(self)}


def coverage(changed: Iterable[Changed]) -> Coverage:
    counts = dict.fromkeys(How, 0)
    for each in changed:
        counts[each.how] += 1
    return Coverage(**{how.value: count for how, count in counts.items()})


def coverage_by(of: Callable[[Changed], str], changed: Iterable[Changed]) -> dict[str, Coverage]:
    """In the order of the names."""
    groups: dict[str, list[Changed]] = defaultdict(list)
    for each in changed:
        groups[of(each)].append(each)
    return {name: coverage(groups[name]) for name in sorted(groups)}
