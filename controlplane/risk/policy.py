"""Risk level × kind × tier → what the change has to go through.

Rows are data. The most specific row that fits wins: a row that names the kind beats one that
names the tier, both together beat either; among equals the first. What no row covers falls back
to the default table, never to "allowed".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from controlplane.risk.kinds import ChangeKind
from controlplane.risk.signals import Level

ControlLevel = Literal["L0", "L1", "L2", "L3", "L4"]
CONTROL_LEVELS: tuple[ControlLevel, ...] = ("L0", "L1", "L2", "L3", "L4")
OnInconclusive = Literal["hold", "rollback"]

POLICY_VERSION = "1"


@dataclass(frozen=True, slots=True)
class StageRow:
    share: float
    min_s: int
    gates: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"share": self.share, "min_s": self.min_s, "gates": list(self.gates)}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A result that has to be there, and good, before a change starts. `by`: whose word counts;
    empty: anybody's but the author's.
    """

    name: str
    by: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "by": list(self.by)}


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """None in `level`, `kind` or `tier` fits every one. `approvers`: roles that have to be among
    the approvals.
    """

    source: str
    control_level: ControlLevel
    approvals: int
    stages: tuple[StageRow, ...]
    on_inconclusive: OnInconclusive = "hold"
    level: Level | None = None
    kind: str | None = None
    tier: int | None = None
    approvers: tuple[str, ...] = ()
    reject: bool = False
    checks: tuple[CheckRow, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "reject": self.reject,
            "control_level": self.control_level,
            "approvals": self.approvals,
            "approvers": list(self.approvers),
            "checks": [check.as_dict() for check in self.checks],
            "stages": [stage.as_dict() for stage in self.stages],
            "on_inconclusive": self.on_inconclusive,
        }


def _stages(*steps: tuple[float, int]) -> tuple[StageRow, ...]:
    return tuple(StageRow(share, min_s) for share, min_s in steps)


_LOW = _stages((0.1, 300), (1.0, 300))
_MEDIUM = _stages((0.05, 900), (0.25, 900), (1.0, 900))
_HIGH = _stages((0.01, 1800), (0.05, 1800), (0.25, 3600), (0.5, 3600), (1.0, 3600))
_CRITICAL = _stages((0.01, 7200), (0.05, 7200), (0.1, 7200), (0.25, 7200), (0.5, 7200), (1.0, 7200))
_DEFAULT = f"default-{POLICY_VERSION}"

DEFAULT_POLICIES: tuple[PolicyRow, ...] = (
    PolicyRow(f"{_DEFAULT}/low", "L3", 0, _LOW, "hold", level="low"),
    PolicyRow(f"{_DEFAULT}/low-tier-0", "L3", 0, _MEDIUM, "hold", level="low", tier=0),
    PolicyRow(f"{_DEFAULT}/medium", "L3", 1, _MEDIUM, "hold", level="medium"),
    PolicyRow(f"{_DEFAULT}/medium-tier-0", "L3", 1, _HIGH, "rollback", level="medium", tier=0),
    PolicyRow(f"{_DEFAULT}/high", "L3", 2, _HIGH, "rollback", level="high", approvers=("owner",)),
    PolicyRow(
        f"{_DEFAULT}/critical",
        "L2",
        2,
        _CRITICAL,
        "rollback",
        level="critical",
        approvers=("owner", "sre"),
    ),
)


def choose(
    policies: Sequence[PolicyRow], level: Level, kind: ChangeKind, tier: int | None
) -> PolicyRow:
    for table in (policies, DEFAULT_POLICIES):
        fitting = [row for row in table if _fits(row, level, kind.name, tier)]
        if fitting:
            return fit(max(fitting, key=_specificity), kind)
    raise AssertionError("the default table covers every level")


def _fits(row: PolicyRow, level: Level, kind: str, tier: int | None) -> bool:
    return row.level in (None, level) and row.kind in (None, kind) and row.tier in (None, tier)


def _specificity(row: PolicyRow) -> tuple[bool, bool, bool]:
    return (row.kind is not None, row.tier is not None, row.level is not None)


def fit(row: PolicyRow, kind: ChangeKind) -> PolicyRow:
    """What no policy can change: without metrics or a way back nothing runs by itself, and what
    cannot be on for a share goes in one step behind a pre-flight gate.
    """
    if not kind.grayable:
        last = row.stages[-1].min_s if row.stages else 0
        row = replace(row, stages=(StageRow(1.0, last, ("pre_flight",)),))
    if kind.observable and kind.reversible:
        return row
    return replace(row, control_level=min(row.control_level, "L2", key=CONTROL_LEVELS.index))
