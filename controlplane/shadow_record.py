"""What enforcing would have done over some days, change by change, and what people said of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.models import Change, Feedback
from rollout.models import Decision, Rollout
from rollout.snapshot import Do

MOST = 5000
VERBS = {Do.WOULD_HALT: "halted", Do.WOULD_ROLL_BACK: "rolled back"}


@dataclass(frozen=True)
class Said:
    """One thing that enforcing would have done. `given`: answers of people, the newest last."""

    decision: UUID
    verb: str
    at: datetime
    reason: str
    given: Sequence[str] = ()


@dataclass(frozen=True)
class Shadowed:
    """One change that others carried out."""

    change: UUID
    title: str
    author: str
    services: tuple[str, ...]
    kind: str
    level: str
    state: str
    seen_at: datetime | None
    ended_at: datetime | None
    said: list[Said] = field(default_factory=list)

    @property
    def answer(self) -> str:
        """The newest word of a person on any of it; empty: nobody has said."""
        return next((one.given[-1] for one in reversed(self.said) if one.given), "")


@dataclass(frozen=True)
class Standing:
    """Of a service: whether it was right so often that it may be let act."""

    service: str
    watched: int
    interfered: int
    right: int
    wrong: int

    @property
    def unanswered(self) -> int:
        return self.interfered - self.right - self.wrong


def shadowed(since: datetime) -> list[Shadowed]:
    """Newest first, at most MOST. A handful of queries, however many there are."""
    rows = Rollout.every.filter(shadow=True, created_at__gte=since)
    rollouts = list(rows.order_by("-created_at", "-id")[:MOST])
    changes = Change.objects.defer("artefact", "before").in_bulk([r.change_id for r in rollouts])
    said = said_of(rollouts)
    return [
        _shadowed(rollout, changes[rollout.change_id], said[rollout.pk])
        for rollout in rollouts
        if rollout.change_id in changes
    ]


def said_of(rollouts: Iterable[Rollout]) -> dict[UUID, list[Said]]:
    rows = Decision.objects.filter(rollout__in=rollouts, decision__in=VERBS).defer("inputs")
    given: dict[UUID, list[str]] = defaultdict(list)
    answers = Feedback.objects.filter(decision_id__in=[row.pk for row in rows]).order_by("at", "id")
    for decision, answer in answers.values_list("decision_id", "answer"):
        given[decision].append(answer)
    found: dict[UUID, list[Said]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.sequence):
        verb, reason = VERBS[Do(row.decision)], "; ".join(row.reasons)
        found[row.rollout_id].append(Said(row.pk, verb, row.at, reason, given[row.pk]))
    return found


def _shadowed(rollout: Rollout, change: Change, said: list[Said]) -> Shadowed:
    return Shadowed(
        change=change.pk,
        title=change.title,
        author=change.author,
        services=tuple(target["service"] for target in change.targets),
        kind=change.kind,
        level=rollout.spec["level"],
        state=change.state,
        seen_at=rollout.started_at,
        ended_at=rollout.ended_at,
        said=said,
    )


def standings(found: Iterable[Shadowed]) -> list[Standing]:
    """One for each service, by name. What was never seen in production was not watched."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in found:
        for service in each.services:
            counts[service]["watched"] += each.seen_at is not None
            counts[service]["interfered"] += bool(each.said)
            counts[service][each.answer] += 1
    return [
        Standing(name, of["watched"], of["interfered"], of["right"], of["wrong"])
        for name, of in sorted(counts.items())
    ]


def as_json(each: Shadowed) -> dict[str, Any]:
    return {
        "change": str(each.change),
        "title": each.title,
        "author": each.author,
        "services": list(each.services),
        "kind": each.kind,
        "level": each.level,
        "state": each.state,
        "seen_at": _moment(each.seen_at),
        "ended_at": _moment(each.ended_at),
        "would_have": [
            {
                "decision": str(one.decision),
                "done": one.verb,
                "at": _moment(one.at),
                "reason": one.reason,
                "feedback": list(one.given),
            }
            for one in each.said
        ],
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
