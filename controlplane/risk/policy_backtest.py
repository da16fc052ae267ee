"""What a draft of the policies would have done to changes whose end is known. PURE.

A change is *stopped* when it is rejected or has to wait for a person's approval, and *free*
otherwise; stages alone stop nobody, they cost minutes. Of the stopped those that did harm were
caught, the others needlessly blocked. That a person who was asked would have said no is assumed
nowhere: caught is the most that a policy can have caught.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attribution.errors import CaseError
from attribution.fields import mapping
from controlplane.risk.kinds import ChangeKind, kind_of
from controlplane.risk.policy import PolicyRow, choose
from controlplane.risk.signals import SEVERITIES, Level

TIERS = (0, 1, 2, 3)
PRECISE = 4


@dataclass(frozen=True, slots=True)
class Ended:
    """A change whose end is known. `harmful`: it was rolled back, or failed."""

    level: Level
    kind: ChangeKind
    tier: int | None
    harmful: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What one table of policies does to a history. Shares are None where there is nothing to take
    a share of. `minutes`: of a change that is not rejected, its stages' own, the mean.
    """

    changes: int
    harmful: int
    rejected: int
    approvals: int
    caught: int
    needless: int
    minutes: float | None

    @property
    def caught_share(self) -> float | None:
        return round(self.caught / self.harmful, PRECISE) if self.harmful else None

    @property
    def needless_share(self) -> float | None:
        harmless = self.changes - self.harmful
        return round(self.needless / harmless, PRECISE) if harmless else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "changes": self.changes,
            "harmful": self.harmful,
            "rejected": self.rejected,
            "approvals": self.approvals,
            "caught": self.caught,
            "caught_share": self.caught_share,
            "needlessly_blocked": self.needless,
            "needlessly_blocked_share": self.needless_share,
            "minutes": self.minutes,
        }


def ended_of(row: Mapping[str, Any], pointer: str = "") -> Ended:
    """`{"level", "kind", "tier"?, "harmful"}`. Raises CaseError."""
    given = mapping(row, pointer)
    harmful, tier = given.get("harmful"), given.get("tier")
    if not isinstance(harmful, bool):
        raise CaseError("Not told how it ended", "true or false is wanted.", f"{pointer}/harmful")
    if tier is not None and (isinstance(tier, bool) or tier not in TIERS):
        raise CaseError("Not a tier", "0, 1, 2, 3 or null is wanted.", f"{pointer}/tier")
    return Ended(level_of(given.get("level"), pointer), kind_of(given.get("kind")), tier, harmful)


def level_of(value: object, pointer: str = "") -> Level:
    """Raises CaseError."""
    for level in SEVERITIES:
        if value == level:
            return level
    raise CaseError("Not a level", f"One of: {', '.join(SEVERITIES)}.", f"{pointer}/level")


def backtest(history: Sequence[Ended], policies: Sequence[PolicyRow]) -> Effect:
    rows = [(each, choose(policies, each.level, each.kind, each.tier)) for each in history]
    stopped = [each for each, row in rows if row.reject or row.approvals > 0]
    let_through = [row for _, row in rows if not row.reject]
    return Effect(
        changes=len(history),
        harmful=sum(each.harmful for each in history),
        rejected=len(rows) - len(let_through),
        approvals=sum(row.approvals for row in let_through),
        caught=sum(each.harmful for each in stopped),
        needless=sum(not each.harmful for each in stopped),
        minutes=_mean(sum(stage.min_s for stage in row.stages) / 60 for row in let_through),
    )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 1) if found else None
