"""What was read of a Prometheus, as the proposals need it. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Candidate:
    """A metric worth asking about. `signal`: requests, duration, saturation, calls or info."""

    name: str
    signal: str
    # Among those of its signal, the lowest first.
    rank: int = 0
    # Of a saturation: cpu, memory, queue, pool.
    what: str = ""
    rate: bool = False


@dataclass(frozen=True)
class Group:
    """How many series have these values of the labels that matter."""

    labels: Labels
    series: int


@dataclass(frozen=True)
class Family:
    """A candidate with the labels of its series, and what values they have together."""

    candidate: Candidate
    groups: tuple[Group, ...]
    # Labels of which another reading than by name was made: label -> "status".
    guessed: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.candidate.name

    def values(self, label: str) -> list[str]:
        """Those that are there, the most frequent first."""
        counts: dict[str, int] = {}
        for group in self.groups:
            if value := group.labels.get(label, ""):
                counts[value] = counts.get(value, 0) + group.series
        return sorted(counts, key=lambda value: (-counts[value], value))

    def share(self, label: str) -> float:
        """Of the series that have the label."""
        total = sum(group.series for group in self.groups)
        have = sum(group.series for group in self.groups if group.labels.get(label))
        return have / total if total else 0.0


@dataclass(frozen=True)
class Target:
    """What the operator's file says of a target: of HAProxy the backend and its canaries."""

    name: str
    backend: str = ""
    canary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Component:
    """One entry of a software catalogue."""

    name: str
    team: str = ""
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    families: tuple[Family, ...]
    targets: tuple[Target, ...] = ()
    catalogue: tuple[Component, ...] = ()


@dataclass(frozen=True)
class Measured:
    """Of one guardrail now. base: the share of bad events; per_s: requests a second of everybody;
    value: a level. bound: of a duration, the bound beyond which a request is slow.
    """

    per_s: float | None = None
    base: float | None = None
    value: float | None = None
    bound: float | None = None
