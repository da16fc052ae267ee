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
    # Counted once: thousands of services ask the same of one family.
    _counts: dict[str, dict[str, int]] = field(default_factory=dict, compare=False, repr=False)
    _shares: dict[str, float] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.candidate.name

    def values(self, label: str) -> list[str]:
        """Those that are there, the most frequent first."""
        return [value for value in self._counted(label) if value]

    def share(self, label: str) -> float:
        """Of the series that have the label."""
        if label not in self._shares:
            counts = self._counted(label)
            total = sum(counts.values())
            self._shares[label] = 1.0 - counts.get("", 0) / total if total else 0.0
        return self._shares[label]

    def _counted(self, label: str) -> dict[str, int]:
        """Series by value, "" among them, the most frequent first."""
        if label not in self._counts:
            counts: dict[str, int] = {}
            for group in self.groups:
                value = group.labels.get(label, "")
                counts[value] = counts.get(value, 0) + group.series
            order = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
            self._counts[label] = dict(order)
        return self._counts[label]


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
