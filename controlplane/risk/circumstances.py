"""What is learned about a kind of which nothing but signals and surroundings is known.

Every number rises with the risk, and trees of one split that rise with each of them are all
that is fitted on it (`learned.boosting.Settings.rising`): no outcome can teach that one more
signal, or a worse record, makes a change safer.
"""

import math

from controlplane.risk.assess import HAZARD, PRIOR_CHANGES, PRIOR_FAILED, counted, reach
from controlplane.risk.estimates import Asked, Estimate, Learner, Row
from controlplane.risk.learned.model import Model
from controlplane.risk.signals import REVERSIBILITIES, SEVERITIES, least_reversible, rank

INPUTS = (
    *(f"signals_{severity}_up" for severity in SEVERITIES),
    "hazard", "reach", "importance", "dependents", "failed_share", "reversibility",
)  # fmt: skip


def row(asked: Asked) -> Row:
    grave = counted(asked.signals)
    ranks = [rank(severity) for severity in grave]
    around = asked.around
    failed = around.failed is not None and around.changes is not None
    return [
        *(float(sum(one >= least for one in ranks)) for least in range(len(SEVERITIES))),
        1 - math.prod(1 - HAZARD[severity] for severity in grave),
        reach(around),
        None if around.tier is None else 3.0 - around.tier,
        None if around.dependents is None else float(around.dependents),
        ((around.failed or 0) + PRIOR_FAILED) / ((around.changes or 0) + PRIOR_CHANGES)
        if failed
        else None,
        float(REVERSIBILITIES.index(least_reversible(s.reversibility for s in asked.signals))),
    ]


def answer(asked: Asked, model: Model) -> Estimate:
    """The record is among the inputs, so the rate is the installation's."""
    values = row(asked)
    contributions = model.forest.contributions(values)
    margin = model.forest.bias + sum(contributions.values())
    largest = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    return Estimate(
        probability=model.probability(margin, model.base_rate),
        signals=(),
        covers=frozenset(signal.id for signal in asked.signals),
        explanation=model.told(model.base_rate, margin)
        | {
            "contributions": [
                {"feature": INPUTS[index], "value": values[index], "log_odds": round(step, 3)}
                for index, step in largest
            ],
            "unknown": [n for n, value in zip(INPUTS, values, strict=True) if value is None],
        },
    )


LEARNER = Learner(INPUTS, row, answer)
