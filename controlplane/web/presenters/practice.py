"""How teams change production, as its page shows it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.changed import changed
from controlplane.coverage import Changed, Coverage, coverage, coverage_by
from controlplane.guardrail_record import proposals, standings
from controlplane.practised import practised
from controlplane.precision import Standing
from controlplane.standardisation import Figures, Practised, by, figures

DAYS = (7, 30, 90)
USUAL_DAYS = 30
NOTHING = Coverage()
# Guardrails of a page; the command has them all.
MOST_SHOWN = 100


@dataclass(frozen=True)
class Row:
    name: str
    found: Figures
    seen: Coverage

    @property
    def lead(self) -> timedelta | None:
        return _time(self.found.lead_time_s)

    @property
    def recovery(self) -> timedelta | None:
        return _time(self.found.recovery_time_s)


@dataclass(frozen=True)
class PracticePage:
    days: int
    choices: tuple[int, ...]
    whole: Row
    # Each team, and below it its services.
    teams: list[tuple[Row, list[Row]]]
    # How often each guardrail was right, the doubtful ones first.
    guardrails: list[tuple[Standing, str]]


def practice_page(days: int, now: datetime) -> PracticePage:
    since = now - timedelta(days=days)
    done, seen = practised(since), changed(since)
    return PracticePage(
        days=days,
        choices=DAYS,
        whole=Row("All", figures(done, days), coverage(seen)),
        teams=_teams(done, seen, days),
        guardrails=_guardrails(since),
    )


def _guardrails(since: datetime) -> list[tuple[Standing, str]]:
    """Each with what is proposed about it; empty: nothing."""
    found = standings(since)
    proposed = proposals(found)
    return [(one, proposed.get((one.service, one.guardrail), "")) for one in found[:MOST_SHOWN]]


def _teams(
    done: Sequence[Practised], seen: Sequence[Changed], days: int
) -> list[tuple[Row, list[Row]]]:
    team_of = {each.service: each.team for each in done}
    team_of |= {each.service: each.team for each in seen}
    teams = _rows(lambda each: each.team, done, seen, days)
    services: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(lambda each: each.service, done, seen, days):
        services[team_of[row.name]].append(row)
    return [(team, services[team.name]) for team in teams]


def _rows(
    of: Callable[[Any], str], done: Sequence[Practised], seen: Sequence[Changed], days: int
) -> list[Row]:
    found, covered = by(of, done, days), coverage_by(of, seen)
    none = figures([], days)
    return [
        Row(name, found.get(name, none), covered.get(name, NOTHING))
        for name in sorted({*found, *covered})
    ]


def _time(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
