"""Changes whose end is known, as a policy is tried on them."""

from collections.abc import Iterator
from datetime import datetime

from attribution.errors import CaseError
from controlplane.models import Assessment, Outcome
from controlplane.risk.kinds import kind_of
from controlplane.risk.policy_backtest import Ended, level_of
from controlplane.risk.surroundings import surroundings_of
from rollout.machine import Phase

HARMFUL = (Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED, Phase.WRITTEN_OFF)
HARMLESS = (Phase.COMPLETED,)


def history(since: datetime | None) -> Iterator[Ended]:
    """As each was assessed when it ended. What was canceled shows nothing, and is left out."""
    outcomes = Outcome.objects.filter(result__in=(*HARMFUL, *HARMLESS)).select_related("change")
    if since is not None:
        outcomes = outcomes.filter(ended_at__gte=since)
    for outcome in outcomes.prefetch_related("change__assessments").order_by("ended_at"):
        assessment = next(iter(outcome.change.assessments.all()), None)
        yield Ended(
            level=level_of(outcome.level),
            kind=kind_of(outcome.change.kind),
            tier=_tier(assessment),
            harmful=outcome.result in HARMFUL,
        )


def _tier(assessment: Assessment | None) -> int | None:
    """Unknown where the case of then cannot be read any more."""
    try:
        return surroundings_of((assessment.case.get("context") if assessment else None) or {}).tier
    except CaseError:
        return None
