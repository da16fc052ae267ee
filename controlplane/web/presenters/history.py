"""The ledger of one rollout for people: entries, feedback on them, and whether the chain holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.db.models.fields.json import KT

from attribution.models import Finding
from controlplane.models import Feedback
from controlplane.reactions import ROUTINE, id_of
from controlplane.web.wording import DECISIONS, Word, in_words, word_of
from rollout import ledger
from rollout.models import Decision, Rollout

# Verifying reads every entry with its inputs: too much for each look of each viewer.
VERIFIED_FOR_S = 30
AUTOMATIC_REVERSALS = frozenset({"halt", "rollback", "would_halt", "would_rollback"})
AUTOMATIC_GROWTH = frozenset({"promote", "watch", "complete"})


@dataclass(frozen=True)
class Entry:
    decision: Decision
    word: Word
    # Answers that make sense: a halt is right or wrong, a promotion is right or missed something.
    questions: tuple[str, ...]
    given: list[str]
    # Of the finding that it was decided on, where one says something about it.
    anomaly_id: UUID | None = None

    @property
    def reasons(self) -> str:
        return in_words("; ".join(self.decision.reasons))

    @property
    def by_person(self) -> bool:
        return self.decision.actor != ledger.SYSTEM


@dataclass(frozen=True)
class History:
    entries: list[Entry]
    problems: list[str]

    @property
    def newest_first(self) -> list[Entry]:
        return self.entries[::-1]

    def last(self, *names: str) -> Decision | None:
        found = (e.decision for e in reversed(self.entries) if e.decision.decision in names)
        return next(found, None)


def history(rollout: Rollout) -> History:
    """Entries without their inputs: those are fetched when somebody unfolds them."""
    entries_of = rollout.decisions.annotate(finding=KT("inputs__evidence__finding"))
    rows = list(entries_of.order_by("sequence").defer("inputs"))
    given = _feedback(rollout.change_id)
    anomalies = _anomalies(row.finding for row in rows if row.decision not in ROUTINE)
    entries = [
        Entry(
            decision=row,
            word=word_of(DECISIONS, row.decision),
            questions=_questions(row),
            given=given.get(row.pk, []),
            anomaly_id=None if row.decision in ROUTINE else anomalies.get(row.finding or ""),
        )
        for row in rows
    ]
    return History(entries, _problems(rollout, rows[-1].hash if rows else ""))


def _anomalies(findings: Iterable[str | None]) -> dict[str, UUID]:
    """What each finding is about; one that is gone leads nowhere."""
    rows = Finding.objects.filter(pk__in={pk for each in findings if (pk := id_of(each))})
    return {str(pk): anomaly for pk, anomaly in rows.values_list("pk", "anomaly_id")}


def _questions(decision: Decision) -> tuple[str, ...]:
    if decision.actor != ledger.SYSTEM:
        return ()
    if decision.decision in AUTOMATIC_REVERSALS:
        return ("right", "wrong")
    return ("right", "missed") if decision.decision in AUTOMATIC_GROWTH else ()


def _feedback(change_id: UUID) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    for row in Feedback.objects.filter(change_id=change_id).order_by("at"):
        said = f"{row.actor}: {row.answer}" + (f", {row.comment}" if row.comment else "")
        found.setdefault(row.decision_id, []).append(said)
    return found


def _problems(rollout: Rollout, head: str) -> list[str]:
    key = f"chain:{rollout.pk}:{head}"
    found: list[str] | None = cache.get(key)
    if found is None:
        found = ledger.verify(rollout)
        cache.set(key, found, VERIFIED_FOR_S)
    return found
