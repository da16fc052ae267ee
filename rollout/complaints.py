"""What the auditor found, told to people: once, again while it lasts, and when it is over."""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollout.models import OutboxMessage, Rollout

log = logging.getLogger(__name__)
STALLED = "loop.stalled"
MOVING = "loop.moving"
RESTORED = "loop.restored"
KILL_SWITCH = "loop.kill_switch"
REPEAT_AFTER = timedelta(minutes=10)
# How long it is remembered that something was told; what lasts longer is repeated anyway.
REMEMBERED = timedelta(days=1)
WHOLE_LOOP = "graygate-loop"
# About no rollout in particular: the same alert, whichever is named.
OWN_KEYS = {
    STALLED: WHOLE_LOOP,
    RESTORED: "graygate-restored",
    KILL_SWITCH: "graygate-kill-switch",
}
# Of no service, environment or team: no silence of one team's may keep it back.
EVERYWHERE = {"title": "Graygate", "service": "", "environment": "", "team": ""}
# Ordered by a person, who need not be told again each ten minutes.
TOLD_ONCE = frozenset({KILL_SWITCH})


@dataclass(frozen=True)
class Complaint:
    kind: str
    rollout: Rollout
    service: str
    text: str
    left_to_do: str

    @property
    def alert_key(self) -> str:
        """Not the rollout's own key: that the loop moves again does not answer a halt."""
        return OWN_KEYS.get(self.kind, f"{WHOLE_LOOP}-{self.rollout.pk}")

    def payload(self) -> dict[str, Any]:
        spec = self.rollout.spec
        return {
            "change": str(self.rollout.change_id),
            "title": spec["title"],
            "rollout": str(self.rollout.pk),
            "service": self.service,
            "environment": self.rollout.environment,
            "team": spec["team"],
            "reason": self.text,
            "reasons": [self.text],
            "evidence": {},
            "left_to_do": [self.left_to_do],
            "alert_key": self.alert_key,
            **(EVERYWHERE if self.kind in {RESTORED, KILL_SWITCH} else {}),
        }


def tell(complaints: Sequence[Complaint], now: datetime, *, resolve: bool = True) -> None:
    """The caller holds the auditor's lock, so that nothing is told twice."""
    told = list(
        OutboxMessage.objects.filter(type__startswith="loop.", at__gt=now - REMEMBERED).order_by(
            "at"
        )
    )
    known = already(told, now)
    news = [c for c in complaints if (c.kind, c.alert_key) not in known]
    for complaint in news:
        log.warning("%s: %s", complaint.kind, complaint.text)
    messages = [message(c.kind, c.rollout.change_id, c.payload(), now) for c in news]
    over = ended(told, complaints) if resolve and not stands_still(complaints) else []
    messages += [message(MOVING, m.change_id, resolving(m), now) for m in over]
    OutboxMessage.objects.bulk_create(messages)


def already(told: Sequence[OutboxMessage], now: datetime) -> set[tuple[str, str]]:
    """Kind and key of what need not be told again."""
    last = {str(m.payload.get("alert_key")): m for m in told}
    lasting = {(m.type, key) for key, m in last.items() if m.type in TOLD_ONCE}
    recent = [m for m in told if m.at > now - REPEAT_AFTER and m.type not in TOLD_ONCE]
    return lasting | {(m.type, str(m.payload.get("alert_key"))) for m in recent}


def stands_still(complaints: Iterable[Complaint]) -> bool:
    return any(c.kind == STALLED for c in complaints)


def ended(told: Sequence[OutboxMessage], complaints: Sequence[Complaint]) -> list[OutboxMessage]:
    """The last word about everything that is no longer complained about."""
    last = {m.payload.get("alert_key"): m for m in told}
    lasting = {c.alert_key for c in complaints}
    return [m for key, m in last.items() if m.type != MOVING and key not in lasting]


def resolving(over: OutboxMessage) -> dict[str, Any]:
    reason = f"over: {over.payload['reason']}"
    return {**over.payload, "reason": reason, "reasons": [reason], "left_to_do": []}


def message(
    kind: str, change_id: uuid.UUID, payload: dict[str, Any], now: datetime
) -> OutboxMessage:
    return OutboxMessage(type=kind, change_id=change_id, payload=payload, at=now)
