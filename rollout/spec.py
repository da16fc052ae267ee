"""RolloutSpec: what the floor above hands over, once, frozen at the start (invariant 9). PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class StageSpec:
    share: float
    min_s: float = 60.0
    max_s: float = 1800.0
    min_samples: int = 0
    # Names of gates beside the built-in ones: ("approval",).
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetSpec:
    service: str
    executor: str
    # {"target": name in the operator's file}; never an address.
    config: Mapping[str, Any]
    # Names of the units that may be exposed; empty: the executor's target is one unit.
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class RolloutSpec:
    change_id: str
    title: str
    kind: str
    # Identity of what is replaced, "service/kind/name": its versions come one after the other.
    artefact: str
    environment: str
    team: str
    level: str
    control_level: str
    stages: tuple[StageSpec, ...]
    targets: tuple[TargetSpec, ...]
    # Guardrail specs by service name, as they were at the start.
    guardrails: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    version: str = ""
    # What is in place before: an undo is a new rollout of it.
    previous_version: str = ""
    on_inconclusive: str = "hold"
    reversible: bool = True
    # A change of the monitoring Graygate judges by, or of itself (invariant 6).
    own_eyes: bool = False
    policy: str = "default"
    # Not empty: others carry it out (L0, L1), and this is the level that enforcing would have.
    would_level: str = ""
    interval_s: float = 5.0
    alpha_halt: float = 0.02
    alpha_rollback: float = 0.002
    undo_s: float = 600.0
    halt_patience_s: float = 600.0
    rollback_timeout_s: float = 300.0

    @property
    def attribution_wait_s(self) -> float:
        return 2 * self.interval_s

    @property
    def recovery_wait_s(self) -> float:
        """How long exposure is zero before the next suspect's turn: reads to compare (recovery.py
        looks back 5 minutes at most), and the time an alert's rule takes to see that it is over.
        """
        return min(max(40 * self.interval_s, 60.0), 600.0)

    @property
    def shadow(self) -> bool:
        return bool(self.would_level)

    @property
    def observable(self) -> bool:
        return any(self.guardrails.values())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "RolloutSpec":
        stages = tuple(StageSpec(**{**s, "gates": tuple(s["gates"])}) for s in value["stages"])
        targets = tuple(TargetSpec(**{**t, "units": tuple(t["units"])}) for t in value["targets"])
        return cls(**{**value, "stages": stages, "targets": targets})
