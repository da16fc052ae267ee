"""What a proposed guardrail could detect at the present traffic (stats/planning.py). PURE."""

from dataclasses import dataclass

from attribution.discovery.golden import Guarding
from attribution.discovery.propose import Proposal
from attribution.forecast import Forecast, Looks, of_plan, rules
from attribution.stats.planning import Traffic

BETA = 0.05  # the judge's own, where a case does not say


@dataclass(frozen=True)
class Plan:
    """A first stage: the canary's share, and how many looks it has."""

    share: float
    intervals: int
    interval_s: float
    alpha: float

    @property
    def within_s(self) -> float:
        return self.intervals * self.interval_s


def outlook(proposal: Proposal, plan: Plan) -> dict[str, Forecast]:
    """By the guardrail's name; one without traffic or of levels is left out: nothing is known."""
    specs = [one.spec() for one in proposal.guards]
    found = {}
    for one, spec, rule in zip(
        proposal.guards, specs, rules(specs, 1, plan.alpha, BETA), strict=True
    ):
        if (traffic := _traffic(one, plan)) is not None:
            looks = Looks(plan.interval_s)
            # The share beyond a bound is judged as a ratio is.
            found[one.name] = of_plan(
                {**spec, "kind": "ratio"}, rule, traffic, looks, plan.within_s
            )
    return found


def _traffic(one: Guarding, plan: Plan) -> Traffic | None:
    base, per_s = one.measured.base, one.measured.per_s
    if base is None or not per_s:
        return None
    requests = per_s * plan.interval_s
    return Traffic(base, (1.0 - plan.share) * requests, plan.share * requests)
