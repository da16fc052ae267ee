"""What is known of one anomaly: what was found, what was done about it, what people say it was.

Rows → dataclasses, for the API and the page alike. No case is read: it may be large.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from attribution.models import Anomaly, AnomalyFeedback, Finding
from attribution.neighbourhood import reached
from controlplane.reactions import LIKELY, Reaction, id_of, reactions
from rollout.culprits import told_of
from rollout.standing import Line, handed_on, none_after
from rollout.suspicion import line_of_finding
from rollout.telling_apart_orders import Attempt, attempt

MOST_FINDINGS = 200
MOST_FEEDBACK = 50


@dataclass(frozen=True)
class Told:
    """One finding in short: who led, and how sure it was."""

    id: uuid.UUID
    at: datetime
    leader: str | None
    probability: float | None
    none_of_them: float


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
    # The finding's suspects with what was done about each; None: nobody was suspected yet.
    line: Line | None
    attempt: Attempt
    # When on-call was told of a culprit that Graygate does not take back, by change.
    paged: Mapping[str, datetime]

    @property
    def ranked(self) -> list[dict[str, Any]]:
        """The suspects with the probabilities that the loop goes by, the likeliest first."""
        if self.finding is None or self.line is None:
            return []
        handed = handed_on(self.line)
        rows = [row | {"probability": handed[row["change"]]} for row in self.finding.suspects]
        return sorted(rows, key=lambda row: -float(row["probability"]))

    @property
    def none_of_them(self) -> float | None:
        if self.finding is None or self.line is None:
            return None
        return none_after(self.line)


def known_of(anomaly: Anomaly) -> Known:
    finding = anomaly.findings.defer("case").order_by("-at").first()
    line = line_of_finding(finding) if finding else None
    told = _told(anomaly)
    untold = anomaly.findings.count() - len(told) if len(told) == MOST_FINDINGS else 0
    return Known(
        anomaly=anomaly,
        finding=finding,
        told=told,
        untold=untold,
        reactions=reactions(anomaly, suspected(finding, told), _likely(finding)),
        feedback=list(anomaly.feedback.all()[:MOST_FEEDBACK]),
        line=line,
        attempt=attempt(anomaly, line),
        paged=dict(told_of(anomaly)),
    )


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


def _likely(finding: Finding | None) -> list[uuid.UUID]:
    named = [each["change"] for each in ranked(finding) if each["probability"] >= LIKELY]
    return [found for name in named if (found := id_of(name))]


def newest_findings(anomalies: Iterable[Anomaly]) -> Mapping[uuid.UUID, Finding]:
    """By anomaly; of each only one row is read, however many there are."""
    newest = Finding.objects.filter(anomaly=OuterRef("pk")).order_by("-at").values("pk")[:1]
    rows = Anomaly.objects.filter(pk__in=[each.pk for each in anomalies]).order_by()
    found = Finding.objects.filter(pk__in=rows.values_list(Subquery(newest))).defer("case")
    return {finding.anomaly_id: finding for finding in found}


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
