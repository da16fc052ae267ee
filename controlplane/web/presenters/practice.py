"""How teams change production, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.practised import practised
from controlplane.standardisation import Figures, by, figures

DAYS = (7, 30, 90)
USUAL_DAYS = 30


@dataclass(frozen=True)
class Row:
    name: str
    found: Figures

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


def practice_page(days: int, now: datetime) -> PracticePage:
    done = practised(now - timedelta(days=days))
    services_of: dict[str, list[Row]] = {}
    teams = by(lambda each: each.team, done, days)
    for team in teams:
        mine = [each for each in done if each.team == team]
        services_of[team] = [
            Row(name, found) for name, found in by(lambda each: each.service, mine, days).items()
        ]
    return PracticePage(
        days=days,
        choices=DAYS,
        whole=Row("All", figures(done, days)),
        teams=[(Row(team, found), services_of[team]) for team, found in teams.items()],
    )


def _time(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
