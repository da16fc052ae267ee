"""Culprits that Graygate cannot take back, told to people: once for each anomaly and change.

An unmanaged change, one that is finished, one that has no way back: the loop can do nothing, so
somebody has to know which it is, where, how sure that is, and what is left to do.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attribution import findings
from attribution.models import Anomaly, Exposure, Finding, Service
from rollout.complaints import message
from rollout.machine import Phase
from rollout.models import OutboxMessage, Rollout
from rollout.spec import RolloutSpec
from rollout.standing import SERIOUS_PROBABILITY, Suspect, leader
from rollout.suspicion import id_of, line_of_finding, rollout_of

FOUND, OVER = "culprit.found", "culprit.over"
SAY = "On the anomaly's page, say whether it was."
UNMANAGED = f"Take it back where it was made, or fix forward: Graygate does not carry it out. {SAY}"
FINISHED = f"Order `undo` on its page, if the old version is known; else fix forward. {SAY}"
IRREVERSIBLE = f"Fix forward: it cannot be taken back. Its exposure does not grow meanwhile. {SAY}"
OWN_EYES = f"Abort it if you agree: it changes what Graygate judges by, so a person decides. {SAY}"


def tell(now: datetime) -> list[OutboxMessage]:
    """The caller holds the auditor's lock, so that nothing is told twice."""
    newest = findings.newest_of_open()
    news = [found for each in newest if (found := _found(each, now))]
    return OutboxMessage.objects.bulk_create([*news, *_over(newest, now)])


def _found(finding: Finding, now: datetime) -> OutboxMessage | None:
    culprit = leader(line_of_finding(finding))
    change = id_of(culprit.change) if culprit else None
    if culprit is None or change is None or told(change, str(finding.anomaly_id)):
        return None
    rollout = rollout_of(culprit.change)
    left_to_do = what_is_left(rollout)
    if not left_to_do:
        return None
    return message(FOUND, change, payload(finding, culprit, rollout, left_to_do), now)


def what_is_left(rollout: Rollout | None) -> str:
    """For a person to do; empty: the loop sees to it, or somebody has."""
    if rollout is None:
        return UNMANAGED
    if rollout.phase == Phase.COMPLETED:
        return FINISHED
    if rollout.phase not in {Phase.RUNNING, Phase.WATCHING}:
        return ""
    spec = RolloutSpec.from_json(rollout.spec)
    return IRREVERSIBLE if not spec.reversible else OWN_EYES if spec.own_eyes else ""


def told(change: UUID, anomaly: str) -> bool:
    """For as long as messages are kept: a month later it is said again."""
    said = OutboxMessage.objects.filter(type=FOUND, change_id=change)
    return said.filter(payload__anomaly=anomaly).exists()


def told_of(anomaly: Anomaly) -> list[tuple[str, datetime]]:
    """(change, when) of each culprit of this anomaly that people were told of."""
    rows = OutboxMessage.objects.filter(type=FOUND, payload__anomaly=str(anomaly.pk))
    return [(str(change), at) for change, at in rows.values_list("change_id", "at")]


def payload(
    finding: Finding, culprit: Suspect, rollout: Rollout | None, left_to_do: str
) -> dict[str, Any]:
    anomaly = finding.anomaly
    steps = list(Exposure.objects.filter(change_id=culprit.change).select_related("service"))
    services = list(dict.fromkeys(step.service.name for step in steps))
    owner = Service.objects.filter(name__in=services).first() or anomaly.service
    title = rollout.spec["title"] if rollout else _seen_as(steps, services)
    reason = (
        f"{title} is held responsible for {anomaly.metric} of {anomaly.service.name}, "
        f"{culprit.probability:.0%} sure{why(finding, culprit)}"
    )
    return {
        "change": culprit.change,
        "title": title,
        "anomaly": str(anomaly.pk),
        "service": ", ".join(services) or anomaly.service.name,
        "environment": owner.environment,
        "team": owner.team,
        "reason": reason,
        "reasons": [reason],
        "evidence": {"finding": str(finding.pk), "probability": culprit.probability},
        "left_to_do": [left_to_do],
        "alert_key": f"graygate-culprit-{anomaly.pk}-{culprit.change}",
    }


def _seen_as(steps: Sequence[Exposure], services: Sequence[str]) -> str:
    """What an unmanaged change is called."""
    if named := next((step.name for step in steps if step.name), ""):
        return f"{named}, seen"
    kind = steps[0].kind if steps else "change"
    return f"{kind} on {', '.join(services) or 'nowhere'}"


def why(finding: Finding, culprit: Suspect) -> str:
    pieces = next(s["evidence"] for s in finding.suspects if s["change"] == culprit.change)
    summaries = "; ".join(piece["summary"] for piece in pieces[:3])
    return f": {summaries}" if summaries else ""


def _over(newest: Iterable[Finding], now: datetime) -> list[OutboxMessage]:
    """Of each culprit that was told and is none any more: it ended, or another is likelier."""
    still = {
        (str(finding.anomaly_id), suspect["change"])
        for finding in newest
        for suspect in finding.suspects
        if suspect["probability"] >= SERIOUS_PROBABILITY
    }
    ended = set(
        OutboxMessage.objects.filter(type=OVER).values_list("payload__alert_key", flat=True)
    )
    return [
        message(OVER, row.change_id, _resolving(row), now)
        for row in OutboxMessage.objects.filter(type=FOUND).order_by("at")
        if row.payload["alert_key"] not in ended
        and (row.payload["anomaly"], row.payload["change"]) not in still
    ]


def _resolving(row: OutboxMessage) -> dict[str, Any]:
    reason = f"over, or no longer suspected: {row.payload['reason']}"
    return {**row.payload, "reason": reason, "reasons": [reason], "left_to_do": []}
