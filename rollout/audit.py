"""The auditor, apart from the loop: does every rollout move, and is observed what is desired?

It changes nothing but the time at which a placement is due. What it finds goes to people.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from attribution.clock import database_now
from rollout import ledger
from rollout.machine import AT_REST
from rollout.models import OutboxMessage, Placement

log = logging.getLogger(__name__)
# A placement that is so long overdue has no worker: the loop stands still.
OVERDUE = timedelta(seconds=60)
REPEAT_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Complaint:
    kind: str
    placement: Placement
    text: str


def audit() -> list[Complaint]:
    now = database_now()
    complaints = [*overdue(now), *forgotten()]
    for complaint in complaints:
        log.warning("%s: %s", complaint.kind, complaint.text)
        raise_alert(complaint, now)
    return complaints


def overdue(now: datetime) -> list[Complaint]:
    late = Placement.objects.filter(due_at__lt=now - OVERDUE).select_related("rollout")
    return [
        Complaint("loop.stalled", p, f"{p.target} has been due since {p.due_at:%H:%M:%S} UTC")
        for p in late
    ]


def forgotten() -> list[Complaint]:
    """An unconfirmed intent that nothing will ever look at again is a defect: ring for it."""
    lost = Placement.objects.filter(due_at=None, generation__gt=F("confirmed_generation")).exclude(
        rollout__phase__in=AT_REST
    )
    found = [Complaint("loop.forgot", p, f"{p.target}: intent without a bell") for p in lost]
    lost.update(due_at=database_now())
    return found


@transaction.atomic
def raise_alert(complaint: Complaint, now: datetime) -> None:
    rollout = complaint.placement.rollout
    recent = OutboxMessage.objects.filter(
        type=complaint.kind, change_id=rollout.change_id, at__gt=now - REPEAT_AFTER
    )
    if recent.exists():
        return
    payload = {
        "change": str(rollout.change_id),
        "title": rollout.spec["title"],
        "rollout": str(rollout.pk),
        "service": complaint.placement.service,
        "environment": rollout.environment,
        "team": rollout.spec["team"],
        "reason": complaint.text,
        "reasons": [complaint.text],
        "evidence": {},
        "left_to_do": ["Are worker and beat running? Is the database reachable from them?"],
    }
    ledger.publish(complaint.kind, rollout.change_id, payload, now)
