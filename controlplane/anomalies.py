"""What is known of one anomaly: what was found, what was done about it, what people say it was.

Rows → dataclasses, for the API and the page alike. No case is read: it may be large.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models.fields.json import KT

from attribution.models import Anomaly, AnomalyFeedback, Finding
from attribution.neighbourhood import reached
from rollout.ledger import SYSTEM
from rollout.models import Decision, Rollout

MOST_FINDINGS = 200
MOST_FEEDBACK = 50
MOST_ROLLOUTS = 20
# What is done so long after an anomaly has ended is not done about it.
AFTER = timedelta(hours=1)
# How a rollout goes on by itself when nothing is the matter.
ROUTINE = frozenset({"create", "start", "open", "bake", "promote", "watch", "complete"})


@dataclass(frozen=True)
class Told:
    """One finding in short: who led, and how sure it was."""

    id: uuid.UUID
    at: datetime
    leader: str | None
    probability: float | None
    none_of_them: float


@dataclass(frozen=True)
class Reaction:
    """What was decided about one suspect's rollout because of the anomaly; oldest first."""

    rollout: Rollout
    entries: list[Decision]

    def at(self, *names: str) -> datetime | None:
        return next((e.at for e in reversed(self.entries) if e.decision in names), None)


@dataclass(frozen=True)
class Known:
    anomaly: Anomaly
    finding: Finding | None
    # Newest first; the newest is `finding`.
    told: list[Told]
    # How many older ones are not among them.
    untold: int
    reactions: list[Reaction]
    # Newest first: the first one counts.
    feedback: list[AnomalyFeedback]


def known_of(anomaly: Anomaly) -> Known:
    finding = anomaly.findings.defer("case").order_by("-at").first()
    told = _told(anomaly)
    untold = anomaly.findings.count() - len(told) if len(told) == MOST_FINDINGS else 0
    return Known(
        anomaly=anomaly,
        finding=finding,
        told=told,
        untold=untold,
        reactions=_reactions(anomaly, suspected(finding, told)),
        feedback=list(anomaly.feedback.all()[:MOST_FEEDBACK]),
    )


def began_at(anomaly: Anomaly) -> datetime:
    """A verdict that failed says when, not since when: its anomaly carries the rollout's start."""
    judged = anomaly.origin == Anomaly.Origin.JUDGE
    return anomaly.detected_at if judged else anomaly.started_at


def _told(anomaly: Anomaly) -> list[Told]:
    rows = anomaly.findings.order_by("-at").values_list(
        "pk", "at", "suspects__0__change", "suspects__0__probability", "none_of_them"
    )
    return [Told(*row) for row in rows[:MOST_FINDINGS]]


def ranked(finding: Finding | None) -> list[dict[str, Any]]:
    """The suspects, the likeliest first."""
    suspects: list[dict[str, Any]] = finding.suspects if finding else []
    return sorted(suspects, key=lambda suspect: -float(suspect["probability"]))


def suspected(finding: Finding | None, told: Sequence[Told] = ()) -> list[uuid.UUID]:
    """Whoever is suspected now, and whoever led before; the likeliest first."""
    named = [suspect["change"] for suspect in ranked(finding)]
    named += [each.leader for each in told if each.leader]
    return list(dict.fromkeys(found for name in named if (found := id_of(name))))


def id_of(text: Any) -> uuid.UUID | None:
    """Of what a finding or a decision names; what is no UUID has no row here."""
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def _reactions(anomaly: Anomaly, changes: Sequence[uuid.UUID]) -> list[Reaction]:
    until = {"at__lte": anomaly.ended_at + AFTER} if anomaly.ended_at else {}
    rows = (
        Decision.objects.filter(change_id__in=changes, at__gte=began_at(anomaly), **until)
        .annotate(finding=KT("inputs__evidence__finding"))
        .defer("inputs")
        .order_by("at", "sequence")
    )
    by_rollout: dict[uuid.UUID, list[Decision]] = defaultdict(list)
    for row in rows:
        by_rollout[row.rollout_id].append(row)
    findings = _own_findings(anomaly, rows)
    entries = {pk: _about(rows, anomaly, findings) for pk, rows in by_rollout.items()}
    touched = [pk for pk, about in entries.items() if about][:MOST_ROLLOUTS]
    rollouts = Rollout.objects.prefetch_related("holds").in_bulk(touched)
    found = [Reaction(rollouts[pk], entries[pk]) for pk in touched]
    return sorted(found, key=lambda each: changes.index(each.rollout.change_id))


def _own_findings(anomaly: Anomaly, rows: Iterable[Any]) -> set[str]:
    named = {found for row in rows if (found := id_of(row.finding))}
    return {str(pk) for pk in anomaly.findings.filter(pk__in=named).values_list("pk", flat=True)}


def _about(rows: Iterable[Decision], anomaly: Anomaly, findings: Collection[str]) -> list[Decision]:
    """From the first entry on that has to do with the anomaly: it was decided on one of its
    findings, or by a person, or the rollout's own verdict is how the anomaly was noticed.
    """
    found: list[Decision] = []
    for row in rows:
        own = anomaly.origin == Anomaly.Origin.JUDGE and anomaly.key == str(row.change_id)
        concerns = own or row.actor != SYSTEM or getattr(row, "finding", "") in findings
        if row.decision not in ROUTINE and (found or concerns):
            found.append(row)
    return found


def newest_findings(anomalies: Iterable[Anomaly]) -> Mapping[uuid.UUID, Finding]:
    rows = Finding.objects.filter(anomaly__in=list(anomalies)).defer("case")
    rows = rows.order_by("anomaly_id", "-at").distinct("anomaly_id")
    return {finding.anomaly_id: finding for finding in rows}


def calls_of(known: Known) -> dict[str, list[str]]:
    """Who calls whom around the anomaly: as the newest finding's case has it (only that much of
    the case is read), else as it is now.
    """
    newest = [known.finding.pk] if known.finding else []
    rows = Finding.objects.filter(pk__in=newest).values_list("case__services", flat=True)
    for services in rows:
        if services:
            return {each["name"]: list(each.get("calls", ())) for each in services}
    around = reached(known.anomaly.service)
    return {each.name: sorted(callee.name for callee in each.calls.all()) for each in around}
