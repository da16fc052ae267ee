"""Outcomes → model. Always forward in time: what is judged lies after what was learned from.

Three things about outcomes of software changes shape this:

- What makes changes fail drifts (McIntosh & Kamei, TSE 2018): a row loses half of its weight in
  HALF_LIFE_DAYS.
- A change that nobody complained about *yet* is not known to be good: a recent good row weighs
  less than a recent bad one, which is certain.
- The share of bad ones differs between places more than what makes them bad: each group of rows
  (a project, a service) has its own rate as the offset, and the trees learn the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controlplane.risk.learned import boosting, scores
from controlplane.risk.learned.boosting import Settings
from controlplane.risk.learned.calibration import platt
from controlplane.risk.learned.forest import Forest
from controlplane.risk.learned.model import Capacity, Model

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY = 86400.0
HALF_LIFE_DAYS = 365.0
# Most defects of a change are found within a season; until then its "good" is worth this much.
SETTLED_DAYS, UNSETTLED = 90.0, 0.5
LATER = 0.2
TOPS = (0.05, 0.1, 0.2, 0.5)
LEAST_ROWS = 50


class TooFewError(ValueError):
    """There is too little to learn from."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`rows`: complete inputs. `true`: 1 bad, 0 good. `at`: seconds. `group`: whose rate."""

    rows: Floats
    true: Floats
    at: Floats
    group: Ints

    def __len__(self) -> int:
        return len(self.true)

    def part(self, chosen: npt.NDArray[Any]) -> "Outcomes":
        return Outcomes(self.rows[chosen], self.true[chosen], self.at[chosen], self.group[chosen])

    def split(self, later: float) -> tuple["Outcomes", "Outcomes"]:
        """By time within each group; a group's last share comes after everything before it."""
        late = np.zeros(len(self), dtype=bool)
        for group in np.unique(self.group):
            here = np.flatnonzero(self.group == group)
            order = here[np.argsort(self.at[here], kind="stable")]
            late[order[int(len(order) * (1 - later)) :]] = True
        return self.part(~late), self.part(late)


def train(
    name: str,
    inputs: tuple[str, ...],
    outcomes: Outcomes,
    settings: Settings,
    start: Forest | None = None,
) -> Model:
    """Calibrated on the last fifth by trees that saw only the time before it; then the trees are
    grown anew on everything. `start`: trees that the new ones are added to. Raises TooFewError.
    """
    if len(outcomes) < LEAST_ROWS or not 0 < outcomes.true.sum() < len(outcomes):
        raise TooFewError(f"{LEAST_ROWS} outcomes are needed, good and bad ones among them")
    early, late = outcomes.split(LATER)
    rates = rates_of(early)
    trial = _grown(early, rates, settings, start)
    margin, offset = boosting.margins(trial, late.rows), offsets(late, rates)
    slope, intercept = platt(margin, late.true, offset)
    final_rates = rates_of(outcomes)
    return Model(
        name=name,
        inputs=inputs,
        forest=_grown(outcomes, final_rates, settings, start),
        slope=round(slope, 4),
        intercept=round(intercept, 4),
        base_rate=round(float(np.mean(list(final_rates.values()))), 4),
        outcomes=len(outcomes),
        capacity=_capacity(margin, late),
        card=_card(outcomes, settings) | {"later": scores.of(margin, late.true)},
    )


def rates_of(outcomes: Outcomes) -> dict[int, float]:
    """The share of bad ones by group, the recent rows more; never quite 0 or 1."""
    weight = 0.5 ** (_age(outcomes) / HALF_LIFE_DAYS)
    found = {}
    for group in np.unique(outcomes.group):
        here = outcomes.group == group
        bad, total = (weight * outcomes.true)[here].sum(), weight[here].sum()
        found[int(group)] = float((bad + 1) / (total + 2))
    return found


def offsets(outcomes: Outcomes, rates: Mapping[int, float]) -> Floats:
    unknown = float(np.mean(list(rates.values())))
    p = np.array([rates.get(int(group), unknown) for group in outcomes.group])
    return np.asarray(np.log(p / (1 - p)), dtype=np.float64)


def weights(outcomes: Outcomes) -> Floats:
    age = _age(outcomes)
    settled = np.minimum(1.0, UNSETTLED + (1 - UNSETTLED) * age / SETTLED_DAYS)
    return 0.5 ** (age / HALF_LIFE_DAYS) * np.where(outcomes.true > 0, 1.0, settled)


def _age(outcomes: Outcomes) -> Floats:
    """Days before the end of the group's own time."""
    age = np.zeros(len(outcomes))
    for group in np.unique(outcomes.group):
        here = outcomes.group == group
        age[here] = (outcomes.at[here].max() - outcomes.at[here]) / DAY
    return age


def _grown(
    outcomes: Outcomes, rates: Mapping[int, float], settings: Settings, start: Forest | None
) -> Forest:
    offset = offsets(outcomes, rates)
    if start is not None:
        offset = offset + boosting.margins(start, outcomes.rows)
    grown, _ = boosting.fit(outcomes.rows, outcomes.true, weights(outcomes), offset, settings)
    return grown if start is None else Forest(start.trees + grown.trees)


def _capacity(margin: Floats, late: Outcomes) -> tuple[Capacity, ...]:
    return tuple(
        Capacity(
            top=top,
            above=round(float(np.quantile(margin, 1 - top)), 4),
            caught=round(scores.caught(margin, late.true, top), 3),
        )
        for top in TOPS
    )


def _card(outcomes: Outcomes, settings: Settings) -> dict[str, Any]:
    return {
        "rows": len(outcomes),
        "bad": int(outcomes.true.sum()),
        "from": int(outcomes.at.min()),
        "until": int(outcomes.at.max()),
        "half_life_days": HALF_LIFE_DAYS,
        "settings": {name: getattr(settings, name) for name in settings.__dataclass_fields__},
    }
