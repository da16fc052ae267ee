"""What decide() is given and what it gives back, as values that survive JSON unchanged. PURE.

They are recorded with every decision, so that it can be computed again (invariant 8).
Times are seconds since the epoch; shares are fractions.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rollout.machine import CURRENT_STAGES

# Shares closer than this are the same: floats that went through JSON and a target's arithmetic.
SAME_SHARE = 1e-6


def agree(desired: float, observed: float, grain: float) -> bool:
    """The same share, as far as the target can tell; zero agrees with nothing but zero."""
    if min(desired, observed) <= SAME_SHARE:
        grain = 0.0
    return abs(desired - observed) <= max(SAME_SHARE, grain)


class Do(StrEnum):
    WAIT = "wait"
    LOOK_AGAIN = "look_again"
    START = "start"
    OPEN = "open"
    BAKE = "bake"
    PROMOTE = "promote"
    WATCH = "watch"
    COMPLETE = "complete"
    HOLD = "hold"
    RELEASE = "release"
    REASSERT = "reassert"
    HALT = "halt"
    SUSPECT = "suspect"
    CLEAR = "clear"
    ROLLBACK = "rollback"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    REAPPEARED = "reappeared"
    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    # Of a change that others carry out.
    SEEN = "seen"
    SEEN_FULL = "seen_full"
    UNSEEN = "unseen"
    WATCHED = "watched"
    TAKEN_OUT = "taken_out"
    WOULD_HALT = "would_halt"
    WOULD_SUSPECT = "would_suspect"
    WOULD_ROLL_BACK = "would_rollback"


@dataclass(frozen=True)
class Decision:
    do: Do
    reasons: tuple[str, ...] = ()
    # Which event of the rollout's machine it is, where the phase changes in more ways than one.
    event: str = ""
    hold: str = ""


@dataclass(frozen=True)
class StageView:
    index: int
    share: float
    state: str
    min_s: float
    max_s: float
    min_samples: int
    baking_since: float | None = None


@dataclass(frozen=True)
class PlacementView:
    target: str
    desired: float
    observed: float
    # The newest generation was confirmed: what is observed is not on its way any more.
    settled: bool
    # With fencing none an older call may still land until this moment has passed.
    calls_alive: bool = False
    # The executor's: the target cannot come closer to a share than this.
    grain: float = 0.0

    @property
    def above(self) -> bool:
        return self.observed > self.desired and not self._agree

    @property
    def below(self) -> bool:
        return self.observed < self.desired and not self._agree

    @property
    def _agree(self) -> bool:
        return agree(self.desired, self.observed, self.grain)

    @property
    def zero_for_good(self) -> bool:
        return self.settled and self.observed <= SAME_SHARE and not self.calls_alive


@dataclass(frozen=True)
class Snapshot:
    phase: str
    holds: frozenset[str]
    stages: tuple[StageView, ...]
    placements: tuple[PlacementView, ...]
    control_level: str
    reversible: bool
    own_eyes: bool
    observable: bool
    on_inconclusive: str
    alpha_rollback: float
    attribution_wait_s: float
    halt_patience_s: float
    rollback_timeout_s: float
    halted_at: float | None = None
    # Since when attribution's word holds it, and until when a person tells it apart from another.
    suspected_at: float | None = None
    telling_until: float | None = None
    undo_until: float | None = None
    rolling_back_since: float | None = None
    # Since when exposure is zero, and how long the metric is given to recover after that.
    zero_at: float | None = None
    recovery_wait_s: float = 0.0
    recovered: bool = False
    # It was said that the metric did not recover, and suspicion went to the next.
    in_vain: bool = False
    # Why exposure may not grow: a freeze in force, an older version under way. Empty: neither.
    frozen: str = ""
    conflict: str = ""
    closed_gates: tuple[str, ...] = ()
    # Several rollouts fail together: a common cause until shown otherwise.
    common_cause: bool = False
    # Why it may not grow though it does not fail itself: others do, together.
    storm: str = ""
    # Others carry it out: nothing is done, and what would be done is said (shadow.py). How long
    # its exposure is waited for, or watched.
    shadow: bool = False
    patience_until: float | None = None

    @property
    def current(self) -> StageView | None:
        return next((s for s in self.stages if s.state in CURRENT_STAGES), None)

    def is_last(self, stage: StageView) -> bool:
        return stage.index == len(self.stages) - 1

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": sorted(self.holds)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Snapshot":
        return cls(
            **{
                **value,
                "holds": frozenset(value["holds"]),
                "stages": tuple(StageView(**s) for s in value["stages"]),
                "placements": tuple(PlacementView(**p) for p in value["placements"]),
                "closed_gates": tuple(value["closed_gates"]),
            }
        )


@dataclass(frozen=True)
class Evidence:
    """What is known for and against the change at one moment. The defaults are: nothing."""

    verdict: str = "inconclusive"
    reason: str = "no_data"
    log_e: float = 0.0
    log_e_max: float = 0.0
    samples: int = 0
    # The canary has reported within the last intervals.
    fresh: bool = False
    # Why the metric source cannot be believed now; empty: it can.
    source_lost: str = ""
    # Whether attribution could be asked at all: what is not known clears nobody.
    asked: bool = False
    # Attribution's word on this change; None: it has none. What was rolled back in vain before is
    # discounted (standing.py).
    probability: float | None = None
    # Of the likeliest other change of the same finding.
    next_probability: float = 0.0
    # The change that is taken back now for the same anomaly: no other is meanwhile.
    under_way: str = ""
    suspicion: str = ""
    vetoes: tuple[str, ...] = ()
    finding: str = ""
    anomaly: str = ""
    recovered: bool = False
    recovery_reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Evidence":
        return cls(**{**value, "vetoes": tuple(value["vetoes"])})
