"""Rows of this floor, and of what hangs on it below, that nobody asks for any more.

Rollouts and decisions stay: the ledger is append-only.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from attribution.clock import database_now
from attribution.models import Finding, Guardrail
from attribution.pruning import FINDINGS, delete_findings, delete_in_batches, old_findings
from rollout.models import Decision, Delivery, OutboxMessage, Rollout

MESSAGES = timedelta(days=30)
# A rolled back change is looked at for a day; after that nothing reads its own metrics.
OWN_GUARDRAILS = timedelta(days=2)
FINDINGS_AT_ONCE = 1_000
MOST_BATCHES = 10


def prune() -> int:
    now = database_now()
    return prune_messages(now) + prune_findings(now) + prune_guardrails(now)


def prune_messages(now: datetime) -> int:
    """News that reached everybody it was for. What did not get through stays, to be seen."""
    until = now - MESSAGES
    deliveries = Delivery.objects.filter(message=OuterRef("pk"))
    late = deliveries.exclude(delivered_at__lt=until)
    return delete_in_batches(
        OutboxMessage.objects.filter(~Exists(late), at__lt=until, dispatched_at__lt=until)
    )


def prune_findings(now: datetime) -> int:
    """All but those that a decision was made on: it can be recomputed and looked into for ever."""
    deleted, before = 0, now - FINDINGS
    for _ in range(MOST_BATCHES):
        rows = old_findings(before, FINDINGS_AT_ONCE)
        if not rows:
            break
        deleted += prune_unreferenced(rows)
        before = rows[-1].at
    return deleted


def prune_unreferenced(findings: Sequence[Finding]) -> int:
    """Only later decisions about a suspect can refer to a finding: an index leads to them."""
    suspects = {suspect["change"] for finding in findings for suspect in finding.suspects}
    named = Decision.objects.filter(change_id__in=suspects, at__gte=findings[-1].at).order_by()
    names = named.values_list("inputs__evidence__finding", flat=True).distinct()
    kept = {UUID(name) for name in names if name}
    return delete_findings(finding.pk for finding in findings if finding.pk not in kept)


def prune_guardrails(now: datetime) -> int:
    """A change's own metrics, when every rollout of it has long ended."""
    of_the_change = Rollout.objects.filter(change_id=OuterRef("change_id"))
    lasting = of_the_change.exclude(ended_at__lt=now - OWN_GUARDRAILS)
    return delete_in_batches(
        Guardrail.objects.filter(Exists(of_the_change), ~Exists(lasting), change_id__isnull=False)
    )
