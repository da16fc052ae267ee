"""How a team changes production: how standard, how fast, how often it goes wrong. PURE.

The delivery figures are those of DORA's reports: deployment frequency, lead time for changes (here
from the submission, as commits are not seen), change failure rate, failed deployment recovery time
(from the halt or the beginning of the rollback until the metric was well again).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

PRECISE = 4
TRAITS = ("typed", "staged", "observed", "reversible", "unattended")


@dataclass(frozen=True, slots=True)
class Practised:
    """One change that was carried out, and ended.

    `typed`: its artefact was read. `staged`: not on for everybody at once. `observed`: guardrails
    watched it. `unattended`: no person approved, promoted or took back anything. `harmful`: it was
    taken back, or could not be. Seconds; None where it did not come to that.
    """

    service: str
    team: str
    typed: bool
    staged: bool
    observed: bool
    reversible: bool
    unattended: bool
    harmful: bool
    lead_s: float | None
    recovery_s: float | None

    @property
    def standard(self) -> bool:
        return all(getattr(self, trait) for trait in TRAITS)


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares 0…1, None where there is nothing to take a share of; medians in seconds."""

    changes: int
    standard: float | None
    typed: float | None
    staged: float | None
    observed: float | None
    reversible: float | None
    unattended: float | None
    deployments_per_day: float
    change_failure_rate: float | None
    lead_time_s: float | None
    recovery_time_s: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def figures(done: Sequence[Practised], days: float) -> Figures:
    return Figures(
        changes=len(done),
        standard=_share(each.standard for each in done),
        **{trait: _share(getattr(each, trait) for each in done) for trait in TRAITS},
        deployments_per_day=round(sum(not each.harmful for each in done) / days, PRECISE),
        change_failure_rate=_share(each.harmful for each in done),
        lead_time_s=_median(each.lead_s for each in done if not each.harmful),
        recovery_time_s=_median(each.recovery_s for each in done if each.harmful),
    )


def by(
    of: Callable[[Practised], str], done: Iterable[Practised], days: float
) -> dict[str, Figures]:
    """In the order of the names."""
    groups: dict[str, list[Practised]] = defaultdict(list)
    for each in done:
        groups[of(each)].append(each)
    return {name: figures(groups[name], days) for name in sorted(groups)}


def _share(flags: Iterable[bool]) -> float | None:
    found = list(flags)
    return round(sum(found) / len(found), PRECISE) if found else None


def _median(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return round(median(found), 1) if found else None
