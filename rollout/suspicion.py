"""Rows → how attribution's newest findings stand against one change, and whose turn it is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from attribution import findings
from attribution.findings import Suspicion
from attribution.models import Anomaly, Finding
from rollout.machine import Phase
from rollout.models import Rollout
from rollout.standing import SERIOUS_PROBABILITY, Line, Standing, Suspect, Turn, standing

# Taken back so long before an alert noticed anything, a suspect was taken back for it.
BEFORE = timedelta(minutes=15)
TAKEN_BACK = (Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)


def gravest(rollout: Rollout) -> tuple[Suspicion, Line, Standing] | None:
    """Of the suspicions that no person has answered; None: nobody suspects it."""
    change = str(rollout.change_id)
    found = []
    for told in findings.suspicions(rollout.change_id):
        if rollout.evidence_since is not None and told.detected_at < rollout.evidence_since:
            # A person has promoted or retried since it was noticed, and so answered it.
            continue
        line = line_of(told.suspects, told.none_of_them, told.anomaly_id, told.detected_at)
        if stands := standing(line, change):
            found.append((told, line, stands))
    return max(found, key=lambda one: (one[2].probability, one[0].at), default=None)


def line_of_finding(finding: Finding) -> Line:
    anomaly = finding.anomaly
    return line_of(finding.suspects, finding.none_of_them, str(anomaly.pk), anomaly.detected_at)


def rollout_of(change: str) -> Rollout | None:
    """The newest one of the change; None: Graygate does not carry it out."""
    pk = id_of(change)
    rows = Rollout.objects.filter(change_id=pk) if pk else Rollout.objects.none()
    return rows.order_by("-created_at", "-id").first()


def line_of(
    suspects: Iterable[Mapping[str, Any]], none: float, anomaly: str, detected_at: datetime
) -> Line:
    """`suspects` as a finding has them."""
    told = [Suspect(s["change"], s["probability"], tuple(s["vetoes"])) for s in suspects]
    turns = turns_of([(s.change, s.probability) for s in told], anomaly, detected_at)
    named = tuple(replace(s, turn=turns.pop(s.change, Turn.NONE)) for s in told)
    unnamed = (change for change, turn in turns.items() if turn == Turn.UNDER_WAY)
    return Line(named, none, tuple(sorted(unnamed)))


def turns_of(
    suspects: Iterable[tuple[str, float]], anomaly: str, detected_at: datetime
) -> dict[str, str]:
    """Of each change whose exposure was taken back because of this anomaly."""
    told = {pk: p for change, p in suspects if (pk := id_of(change))}
    concerned = Q(change_id__in=told) | Q(taken_for=anomaly)
    # A first attempt says nothing any more once there is a second.
    rows = Rollout.objects.filter(
        concerned, phase__in=TAKEN_BACK, recovered_at=None, retried_by=None
    )
    return {
        str(row.change_id): Turn.UNDER_WAY if row.in_vain_at is None else Turn.IN_VAIN
        for row in rows.order_by("created_at", "id")
        if _because_of(row, anomaly, detected_at, told.get(row.change_id, 0.0))
    }


def _because_of(row: Rollout, anomaly: str, detected_at: datetime, probability: float) -> bool:
    """Decided on this anomaly; or by its own verdict or a person while it was a serious suspect."""
    if str(row.taken_for) == anomaly:
        return True
    since = row.rolling_back_since
    recent = since is not None and since >= detected_at - BEFORE
    return recent and probability >= SERIOUS_PROBABILITY


def taken_back_for(rollout: Rollout) -> str:
    """The anomaly that goes on though this change was taken back because of it; empty: none.

    Its newest finding need not name a change whose exposure has ended.
    """
    for told in findings.suspicions(rollout.change_id):
        if _because_of(rollout, told.anomaly_id, told.detected_at, told.probability):
            return told.anomaly_id
    if rollout.taken_for is None:
        return ""
    goes_on = Anomaly.objects.filter(pk=rollout.taken_for, ended_at=None).exists()
    return str(rollout.taken_for) if goes_on else ""


def id_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
